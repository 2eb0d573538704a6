use std::{fmt, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Open, frame};
use crate::Failure;

/// A packet as it came, without heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A text packet, its type still in front; on polling also base64 behind a `b`.
    Text(String),
    /// A binary frame of a WebSocket connection.
    Binary(Bytes),
}

/// What the two transports have in common: a case that does not depend on one is written on this.
///
/// Pings are answered at once, in the background, so that a case that is not about the heartbeat
/// neither trips over one nor is ended by a pong that is missing. They never appear among the
/// packets; [`next_ping`](Self::next_ping) shows them. Noop packets, which a server may send at
/// any time, are left out as well.
pub trait Session: Send {
    /// The open packet.
    fn open(&self) -> &Open;

    /// When the session was asked for: no timer of the subject can have begun earlier.
    fn asked_at(&self) -> Instant;

    /// Sends one text packet as it is.
    fn send(&mut self, packet: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Sends one text packet whose answer is due at once.
    ///
    /// Polling polls meanwhile: a subject that pings early gets its pong a round trip sooner.
    fn ask(&mut self, packet: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        self.send(packet)
    }

    /// The next packet; `expected` says in a failure what was awaited.
    fn receive(&mut self, expected: &str) -> impl Future<Output = Result<Packet, Failure>> + Send;

    /// Answers no ping from now on.
    fn stop_pongs(&mut self);

    /// When the next ping came.
    fn next_ping(&mut self) -> impl Future<Output = Result<Instant, Failure>> + Send;

    /// Fails if what happened `now` may be the heartbeat's doing: a subject that stopped reading at
    /// `since` gets no pong from then on, and ends the session some time after its next ping.
    fn expect_before_heartbeat(
        &self,
        expected: &str,
        since: Instant,
        now: Instant,
    ) -> Result<(), Failure> {
        let open = self.open();
        let Ok(timeout) = open.ping_timeout() else {
            return Ok(());
        };
        // The earliest moment, if the interval is not known.
        let interval = open.ping_interval().unwrap_or_default();
        if now + EARLY < since + interval + timeout {
            return Ok(());
        }
        let after = (now - since).as_millis();
        let came = format!("that after {after} ms, as if the heartbeat had ended the session");
        Err(Failure::departure(expected, came))
    }

    /// Fails unless the next packet is this text: its prefix literally, its JSON as JSON.
    fn expect(&mut self, packet: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        async move {
            let came = self.receive(packet).await?;
            match &came {
                Packet::Text(text) if frame::same(packet, text) => Ok(()),
                other => Err(Failure::departure(packet, other)),
            }
        }
    }

    /// Connects to `namespace` and waits for the `auth` event that the contract promises there.
    ///
    /// From then on the subject answers events: some servers send the CONNECT reply before their
    /// handlers stand. Neither payload is judged here.
    fn connect(&mut self, namespace: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        async move {
            let namespace = match namespace {
                "/" => String::new(),
                custom => format!("{custom},"),
            };
            self.ask(&format!("40{namespace}")).await?;
            let reply = format!("40{namespace}");
            let greeting = format!("42{namespace}");
            let expected = format!(r#"{reply}{{"sid":"…"}} and {greeting}["auth",…]"#);
            let (mut replied, mut greeted) = (false, false);
            while !(replied && greeted) {
                let came = self.receive(&expected).await?;
                match &came {
                    Packet::Text(text) if frame::json_after(&reply, text).is_some() => {
                        replied = true;
                    }
                    Packet::Text(text) if is_event(&greeting, "auth", text) => greeted = true,
                    other => return Err(Failure::departure(expected, other)),
                }
            }
            Ok(())
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&super::cut(text)),
            Self::Binary(bytes) => write!(f, "{}", Hex(bytes)),
        }
    }
}

/// Bytes as a transcript shows them: `<binary 4: 01 02 03 04>`.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<binary {}:", self.0.len())?;
        for byte in self.0.iter().take(16) {
            write!(f, " {byte:02x}")?;
        }
        f.write_str(if self.0.len() > 16 { " …>" } else { ">" })
    }
}

fn is_event(prefix: &str, name: &str, packet: &str) -> bool {
    frame::json_after(prefix, packet).is_some_and(|args| args.get(0).is_some_and(|n| n == name))
}

/// Timers of servers may be coarse.
pub(crate) const EARLY: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_is_shown_in_hexadecimal() {
        let packet = Packet::Binary(Bytes::from_static(&[1, 255]));
        assert_eq!(packet.to_string(), "<binary 2: 01 ff>");
    }

    #[test]
    fn events_are_told_apart_by_namespace_and_name() {
        assert!(is_event("42", "auth", r#"42[ "auth", {} ]"#));
        assert!(!is_event("42", "auth", r#"42/custom,["auth",{}]"#));
        assert!(!is_event("42", "auth", r#"42["other",{}]"#));
        assert!(!is_event("42", "auth", "42[]"));
    }
}
