use std::fmt;

use serde_json::Value;
use socketio_proto::socket::Packet;

use crate::packets::{Content, PacketEntry};
use crate::transcript::{Direction, Transcript};

/// A conversation without what differs from run to run: for snapshots. `Display` prints it, one
/// line a packet; made by [`Transcript::redacted`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    lines: Vec<(Option<Direction>, String)>,
}

impl Transcript {
    /// The Socket.IO packets of the conversation without times, transports and heartbeats, the ids
    /// of sockets as `<sid:a>`, `<sid:b>`, … in the order in which they were given out.
    ///
    /// The same test gives the same text on every run, on websocket and on polling, on either
    /// engine and in simulated time, as long as it sends only after what it waits for has come;
    /// otherwise [`received`](Redacted::received) and [`sent`](Redacted::sent) are each the same.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) {
    /// println!("{}", client.transcript().redacted()); // insta::assert_snapshot!(..)
    /// // → CONNECT
    /// // ← CONNECT {"sid":"<sid:a>"}
    /// // → EVENT "myEvent" 1, 2, 3
    /// // ← EVENT "myEventResult" {"name":"harry","result":6}
    /// # }
    /// ```
    pub fn redacted(&self) -> Redacted {
        let names = Names::of([self]);
        Redacted { lines: names.lines(self) }
    }
}

impl Redacted {
    pub(crate) fn of_several(transcripts: &[(String, Transcript)]) -> Self {
        let names = Names::of(transcripts.iter().map(|(_, transcript)| transcript));
        let lines = transcripts.iter().flat_map(|(name, transcript)| {
            std::iter::once((None, format!("{name}:"))).chain(names.lines(transcript))
        });
        Self { lines: lines.collect() }
    }

    /// What the server sent, and nothing else.
    #[must_use]
    pub fn received(self) -> Self {
        self.only(Direction::Received)
    }

    /// What the client sent, and nothing else.
    #[must_use]
    pub fn sent(self) -> Self {
        self.only(Direction::Sent)
    }

    fn only(self, wanted: Direction) -> Self {
        let kept = |line: &(Option<Direction>, String)| line.0.is_none_or(|from| from == wanted);
        Self { lines: self.lines.into_iter().filter(kept).collect() }
    }
}

/// Ids, and what to write in their place.
#[derive(Default)]
struct Names {
    known: Vec<(String, String)>,
    sids: usize,
}

impl Names {
    /// Finds the ids that the server gave to clients.
    fn of<'a>(transcripts: impl IntoIterator<Item = &'a Transcript>) -> Self {
        let mut names = Self::default();
        let packets: Vec<_> = transcripts.into_iter().flat_map(Transcript::packets).collect();
        for packet in &packets {
            if let Content::Packet(Packet::Connect { payload: Some(payload), .. }) = &packet.content
                && packet.direction == Direction::Received
                && !packet.is_fence()
            {
                let letter = letters(names.sids);
                names.sids += 1;
                names.add(payload.get("sid"), format!("<sid:{letter}>"));
                names.add(payload.get("pid"), format!("<pid:{letter}>"));
            }
        }
        // Last: some servers give a socket the id of its session.
        for packet in &packets {
            if let Content::Engine { name: "open", data } = &packet.content {
                let open: Value = serde_json::from_str(data).unwrap_or_default();
                names.add(open.get("sid"), "<session>".to_owned());
            }
        }
        names
    }

    fn add(&mut self, id: Option<&Value>, name: String) {
        if let Some(id) = id.and_then(Value::as_str)
            && !self.known.iter().any(|(known, _)| known == id)
        {
            self.known.push((id.to_owned(), name));
        }
    }

    fn lines(&self, transcript: &Transcript) -> Vec<(Option<Direction>, String)> {
        let mut lines = Vec::new();
        if transcript.forgotten() > 0 {
            lines.push((None, format!("… {} earlier frames", transcript.forgotten())));
        }
        for packet in transcript.packets() {
            if packet.is_fence() || matches!(packet.content, Content::Engine { .. }) {
                continue;
            }
            let arrow = match packet.direction {
                Direction::Sent => "→",
                Direction::Received => "←",
            };
            lines.push((Some(packet.direction), format!("{arrow} {}", self.write(&packet))));
        }
        lines
    }

    fn write(&self, packet: &PacketEntry) -> String {
        let mut text = packet.content.to_string();
        for (id, name) in &self.known {
            // The second engine does not tell ids: they are empty.
            let (id, name) = (Value::from(id.as_str()).to_string(), Value::from(name.as_str()));
            text = match id.as_str() {
                "\"\"" => text.replace("\"sid\":\"\"", &format!("\"sid\":{name}")),
                id => text.replace(id, &name.to_string()),
            };
        }
        text
    }
}

/// `a` to `z`, then `aa`, `ab`, …
fn letters(number: usize) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).unwrap_or_default());
    match number / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letters(more - 1)),
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (_, line)) in self.lines.iter().enumerate() {
            write!(f, "{}{line}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}
