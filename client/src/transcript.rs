use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use socketio_proto::engine::{Protocol, Transport};
use socketio_proto::socket::Parser;

use crate::expect::{is_full, short};

/// The frames of a connection in both directions, as a failing test shows them.
///
/// Bounded: the oldest frames are forgotten, and counted; long frames are cut. With
/// `SOCKETIO_TEST_TRANSCRIPT=full` in the environment everything is kept.
#[derive(Clone, Default)]
pub struct Transcript {
    entries: VecDeque<Entry>,
    forgotten: usize,
    protocol: Protocol,
    parser: Parser,
}

/// One frame of a [`Transcript`].
#[derive(Clone)]
pub struct Entry {
    /// Time since the connection was begun.
    pub at: Duration,
    /// Who sent it.
    pub direction: Direction,
    /// What carried it.
    pub transport: Transport,
    /// The frame, cut after some hundred characters; `<binary>` for a binary one.
    pub text: String,
    /// Bytes of the whole frame.
    pub bytes: usize,
    /// Whether `text` is less than the whole frame.
    pub cut: bool,
    /// What is known of a binary frame: its first bytes, or all of it if it is short.
    pub data: Bytes,
}

/// Who sent a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The client.
    Sent,
    /// The server.
    Received,
}

impl Transcript {
    /// For a connection that speaks so.
    pub(crate) fn new(protocol: Protocol, parser: Parser) -> Self {
        Self { protocol, parser, ..Self::default() }
    }

    /// How the frames are to be read.
    pub(crate) fn dialect(&self) -> (Protocol, Parser) {
        (self.protocol, self.parser)
    }

    /// The frames still known, oldest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many frames came before the oldest one still known.
    pub fn forgotten(&self) -> usize {
        self.forgotten
    }

    /// When the last frame was.
    pub(crate) fn last_at(&self) -> Duration {
        self.entries.back().map(|entry| entry.at).unwrap_or_default()
    }

    pub(crate) fn record_text(
        &mut self,
        at: Duration,
        direction: Direction,
        transport: Transport,
        text: &str,
    ) {
        let mut end = text.len().min(longest());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut kept = self.buffer();
        kept.push_str(text.get(..end).unwrap_or_default());
        tracing::trace!(target: "socketio", ?direction, %transport, frame = kept);
        let (bytes, cut, data) = (text.len(), end < text.len(), Bytes::new());
        self.entries.push_back(Entry { at, direction, transport, text: kept, bytes, cut, data });
    }

    pub(crate) fn record_binary(
        &mut self,
        at: Duration,
        direction: Direction,
        transport: Transport,
        data: &[u8],
    ) {
        let bytes = data.len();
        let kept = data.get(..bytes.min(longest())).unwrap_or_default();
        let data = Bytes::copy_from_slice(kept);
        let mut text = self.buffer();
        text.push_str(BINARY);
        tracing::trace!(target: "socketio", ?direction, %transport, bytes, "binary frame");
        self.entries.push_back(Entry { at, direction, transport, text, bytes, cut: true, data });
    }

    /// For the text of the next entry. If the oldest has to be forgotten for it, its buffer is used
    /// again, so that recording costs no allocation on a busy connection.
    fn buffer(&mut self) -> String {
        if self.entries.len() < MAX_ENTRIES || is_full() {
            return String::new();
        }
        self.forgotten += 1;
        let mut buffer = self.entries.pop_front().map(|oldest| oldest.text).unwrap_or_default();
        buffer.clear();
        buffer
    }
}

impl fmt::Display for Transcript {
    /// Nothing for an empty transcript, else a block of lines that follows a message: the last
    /// packets, decoded; all of them with `{:#}`. The frames as they were are
    /// [`entries`](Self::entries).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packets = self.packets();
        let Some(last) = packets.last() else { return Ok(()) };
        write!(f, "\n  the conversation so far")?;
        let mixed = packets.iter().any(|packet| packet.transport != last.transport);
        if !mixed {
            write!(f, ", by {}", last.transport.name())?;
        }
        write!(f, ":")?;
        let shown = if f.alternate() || is_full() { packets.len() } else { SHOWN_PACKETS };
        let hidden = packets.len().saturating_sub(shown);
        if self.forgotten + hidden > 0 {
            write!(f, "\n    … {} earlier packets", self.forgotten + hidden)?;
        }
        for packet in packets.iter().skip(hidden) {
            write!(f, "\n    {}", short::line(packet))?;
            if mixed {
                write!(f, " [{}]", packet.transport.name())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Entry {
    pub(crate) fn is_binary(&self) -> bool {
        self.cut && self.text == BINARY
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::Sent => "→",
            Direction::Received => "←",
        };
        let ms = self.at.as_secs_f64() * 1000.0;
        write!(f, "{ms:>9.1} ms {arrow} {:<9} {}", self.transport.name(), self.text)?;
        if self.cut {
            write!(f, " ({} bytes)", self.bytes)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How much of a frame is kept.
fn longest() -> usize {
    if is_full() { usize::MAX } else { MAX_TEXT }
}

const BINARY: &str = "<binary>";
const MAX_ENTRIES: usize = 256;
const SHOWN_PACKETS: usize = 20;
const MAX_TEXT: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    fn received(transcript: &mut Transcript, text: &str) {
        transcript.record_text(
            Duration::from_micros(1500),
            Direction::Received,
            Transport::Websocket,
            text,
        );
    }

    #[test]
    fn reads_as_a_conversation() {
        let mut transcript = Transcript::default();
        assert_eq!(transcript.to_string(), "");
        received(&mut transcript, "40{\"sid\":\"a\"}");
        let at = Duration::from_millis(20);
        transcript.record_binary(at, Direction::Sent, Transport::Polling, &[0; 7]);
        assert_eq!(
            transcript.to_string(),
            concat!(
                "\n  the conversation so far:",
                "\n          1.5 ms ← CONNECT {\"sid\":\"a\"} [websocket]",
                "\n         20.0 ms → <binary> (7 bytes) [polling]",
            )
        );
    }

    #[test]
    fn a_packet_whose_attachments_are_missing_is_told() {
        let mut transcript = Transcript::default();
        received(&mut transcript, "452-[\"a\",{\"_placeholder\":true,\"num\":0}]");
        let text = transcript.to_string();
        assert!(text.contains("by websocket:\n          1.5 ms ← EVENT \"a\""), "{text}");
    }

    #[test]
    fn is_bounded_and_counts_what_it_forgot() {
        let mut transcript = Transcript::default();
        for number in 0..MAX_ENTRIES + 10 {
            received(&mut transcript, &number.to_string());
        }
        assert_eq!(transcript.entries().len(), MAX_ENTRIES);
        assert_eq!(transcript.forgotten(), 10);
        assert_eq!(transcript.entries().next().unwrap().text, "10");
        assert!(transcript.to_string().contains("… 246 earlier packets"));
        assert!(format!("{transcript:#}").contains("… 10 earlier packets"));
    }

    #[test]
    fn cuts_long_frames_between_characters() {
        let mut transcript = Transcript::default();
        received(&mut transcript, &"€".repeat(100));
        let entry = transcript.entries().next().unwrap();
        assert_eq!(entry.text, "€".repeat(80));
        assert!(entry.to_string().ends_with("€ (300 bytes)"));
    }
}
