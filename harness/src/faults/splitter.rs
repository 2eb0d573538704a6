//! One direction of a connection as faults see it: all of it passes, some of it is looked at.

use std::mem;

use crate::wire::{FrameHeader, Head, Length, Reader, Step};

/// Splits a stream of bytes, however it comes in pieces, into what faults act on.
///
/// Only what must be looked at as a whole is kept until it is whole; the rest passes at once.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    reader: Reader,
    kept: Option<Kept>,
    /// How much of what is pending has been passed on, by one who looked at nothing.
    passed: usize,
}

/// What is kept until it is whole.
#[derive(Debug)]
enum Kept {
    Message { head: Head, length: usize, bytes: Vec<u8>, chunked: Option<Vec<u8>> },
    Short { header: FrameHeader, length: usize, bytes: Vec<u8> },
}

/// What a [`Splitter`] finds.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// The head of an HTTP message has been read; its bytes come in the pieces that follow.
    Head(&'a Head),
    /// Bytes that need no look.
    Raw(&'a [u8]),
    /// A whole text frame with a single byte in it, and that byte: a ping or pong of Engine.IO.
    Short { frame: &'a [u8], packet: u8 },
    /// A whole HTTP message, if such were asked for. Its head has this length.
    Message { head: &'a Head, length: usize, body: &'a [u8], bytes: &'a [u8] },
}

/// What follows the head of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// The body it tells of.
    Body,
    /// No body, whatever it says: it answers HEAD.
    Nothing,
    /// The frames of a websocket.
    Frames,
}

impl Splitter {
    /// Hands `emit` the pieces of `data`. With `keep`, HTTP messages whose end is known are kept
    /// until they are whole. What `emit` returns counts for a head.
    pub(super) fn feed(
        &mut self,
        mut data: &[u8],
        keep: bool,
        mut emit: impl FnMut(Piece<'_>) -> Follows,
    ) {
        while let Some(step) = self.reader.next(&mut data) {
            match step {
                Step::Head { head, bytes } => {
                    let follows = emit(Piece::Head(&head));
                    let passed = mem::take(&mut self.passed);
                    let known = follows == Follows::Body && head.length != Length::UntilClosed;
                    if keep && passed == 0 && known {
                        let chunked = (head.length == Length::Chunked).then(Vec::new);
                        let (length, bytes) = (bytes.len(), bytes.to_vec());
                        self.kept = Some(Kept::Message { head, length, bytes, chunked });
                    } else {
                        emit(Piece::Raw(bytes.get(passed..).unwrap_or_default()));
                    }
                    match follows {
                        Follows::Body => {}
                        Follows::Nothing => self.reader.skip_body(),
                        Follows::Frames => self.reader.become_websocket(),
                    }
                }
                Step::Frame { header, bytes } => {
                    let passed = mem::take(&mut self.passed);
                    if header.is_short_text() && passed == 0 {
                        let (length, bytes) = (bytes.len(), bytes.to_vec());
                        self.kept = Some(Kept::Short { header, length, bytes });
                    } else {
                        emit(Piece::Raw(bytes.get(passed..).unwrap_or_default()));
                    }
                }
                Step::Body { bytes, content } => {
                    if let Some(too_long) = Kept::grow(&mut self.kept, bytes, content) {
                        emit(Piece::Raw(&too_long));
                    } else if self.kept.is_none() {
                        emit(Piece::Raw(bytes));
                    }
                }
                Step::Payload(bytes) => match &mut self.kept {
                    Some(kept) => kept.bytes().extend_from_slice(bytes),
                    None => drop(emit(Piece::Raw(bytes))),
                },
                Step::End => {
                    if let Some(kept) = self.kept.take() {
                        emit(kept.whole());
                    }
                }
                Step::Other(bytes) => {
                    // What began as a message is none.
                    if let Some(mut kept) = self.kept.take() {
                        emit(Piece::Raw(kept.bytes()));
                    }
                    let passed = mem::take(&mut self.passed);
                    emit(Piece::Raw(bytes.get(passed..).unwrap_or_default()));
                }
            }
        }
    }

    /// Like [`feed`](Self::feed) for one who has passed everything on already.
    pub(super) fn follow(&mut self, data: &[u8], emit: impl FnMut(Piece<'_>) -> Follows) {
        // What `feed` would skip, nobody takes; and nothing is kept of a message.
        self.passed = 0;
        self.feed(data, false, emit);
        // The rest of a short frame passes.
        self.kept = None;
        self.passed = self.reader.pending().len();
    }

    /// Frames follow.
    pub(super) fn become_websocket(&mut self) {
        self.reader.become_websocket();
    }

    /// Whether a frame could be put in here.
    pub(super) fn is_between_frames(&self) -> bool {
        self.is_websocket() && self.reader.is_between()
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.reader.is_websocket()
    }

    /// What is kept and will never be whole, when the stream has ended.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.kept.take().map(|mut kept| mem::take(kept.bytes())).unwrap_or_default();
        let passed = mem::take(&mut self.passed);
        rest.extend_from_slice(self.reader.pending().get(passed..).unwrap_or_default());
        rest
    }
}

impl Kept {
    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Message { bytes, .. } | Self::Short { bytes, .. } => bytes,
        }
    }

    /// Adds a part of a body. If that is too much, nothing is kept, and this is what was.
    fn grow(kept: &mut Option<Self>, bytes: &[u8], content: &[u8]) -> Option<Vec<u8>> {
        let Some(Self::Message { bytes: so_far, chunked, .. }) = kept else { return None };
        so_far.extend_from_slice(bytes);
        if let Some(body) = chunked {
            body.extend_from_slice(content);
        }
        if so_far.len() <= MAX_KEPT {
            return None;
        }
        kept.take().map(|mut kept| mem::take(kept.bytes()))
    }

    fn whole(&self) -> Piece<'_> {
        match self {
            Self::Message { head, length, bytes, chunked } => {
                let body = chunked.as_deref().or_else(|| bytes.get(*length..)).unwrap_or_default();
                Piece::Message { head, length: *length, body, bytes }
            }
            Self::Short { header, length, bytes } => {
                let mut packet = [bytes.get(*length).copied().unwrap_or_default()];
                header.unmask(0, &mut packet);
                Piece::Short { frame: bytes, packet: packet[0] }
            }
        }
    }
}

/// Longer messages pass unseen: a server's default limit is a hundredth of it.
const MAX_KEPT: usize = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces found, each as one line, when the data comes in parts of `size`.
    fn found(splitter: &mut Splitter, data: &[u8], size: usize, keep: bool) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut raw = Vec::new();
        for part in data.chunks(size) {
            splitter.feed(part, keep, |piece| {
                let line = match piece {
                    Piece::Raw(bytes) => {
                        raw.extend_from_slice(bytes);
                        return Follows::Body;
                    }
                    Piece::Head(head) => {
                        lines.push(format!("head, {:?}", head.length));
                        return follows(head);
                    }
                    Piece::Short { packet, .. } => format!("short {}", char::from(packet)),
                    Piece::Message { body, .. } => {
                        format!("message {}", String::from_utf8_lossy(body))
                    }
                };
                if !raw.is_empty() {
                    lines.push(format!("{} raw", mem::take(&mut raw).len()));
                }
                lines.push(line);
                Follows::Body
            });
        }
        if !raw.is_empty() {
            lines.push(format!("{} raw", raw.len()));
        }
        lines
    }

    fn follows(head: &Head) -> Follows {
        if head.accepts_upgrade() { Follows::Frames } else { Follows::Body }
    }

    const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

    #[test]
    fn short_frames_are_found_wherever_the_reads_break() {
        let mut data = UPGRADE.to_vec();
        data.extend_from_slice(&[0x81, 5]);
        data.extend_from_slice(b"42[1]");
        data.extend_from_slice(&[0x81, 1, b'2']);
        data.extend_from_slice(&[0x81, 126, 0, 200]);
        data.extend_from_slice(&[b'2'; 200]);
        // Masked, as a client sends: '3' under the mask 7.
        data.extend_from_slice(&[0x81, 0x81, 7, 1, 1, 1, b'3' ^ 7]);
        data.extend_from_slice(&[0x88, 0]);
        for size in 1..=data.len() {
            let lines = found(&mut Splitter::default(), &data, size, true);
            let head = "head, Exactly(0)".to_owned();
            let raw = format!("{} raw", UPGRADE.len() + 7);
            assert_eq!(lines, [&head, &raw, "short 2", "204 raw", "short 3", "2 raw"], "{size}");
        }
    }

    #[test]
    fn messages_are_kept_until_they_are_whole() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n2\x1e40";
        let mut data = answer.to_vec();
        data.extend_from_slice(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        data.extend_from_slice(b"3;x=y\r\n42[\r\n02\r\n1]\r\n0\r\nx: y\r\n\r\n");
        data.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        for size in 1..=data.len() {
            let lines = found(&mut Splitter::default(), &data, size, true);
            assert_eq!(
                lines,
                [
                    "head, Exactly(4)",
                    "message 2\u{1e}40",
                    "head, Chunked",
                    "message 42[1]",
                    "head, Exactly(0)",
                    "message "
                ],
                "{size}"
            );
        }
    }

    #[test]
    fn one_who_begins_in_the_middle_of_a_unit_passes_the_rest_of_it() {
        let mut data = UPGRADE.to_vec();
        data.extend_from_slice(&[0x81, 1, b'2', 0x81, 1, b'3']);
        for seen in 0..data.len() {
            let mut splitter = Splitter::default();
            let (first, second) = data.split_at(seen);
            splitter.follow(first, |piece| match piece {
                Piece::Head(head) => follows(head),
                _ => Follows::Body,
            });
            let mut came = Vec::<u8>::new();
            splitter.feed(second, true, |piece| {
                match piece {
                    Piece::Head(head) => return follows(head),
                    Piece::Raw(bytes)
                    | Piece::Short { frame: bytes, .. }
                    | Piece::Message { bytes, .. } => came.extend(bytes),
                }
                Follows::Body
            });
            assert_eq!(came, second, "after {seen} bytes");
        }
    }

    #[test]
    fn what_is_no_http_passes() {
        let mut splitter = Splitter::default();
        assert_eq!(found(&mut splitter, b"\x16\x03\x01 hello", 3, true), ["9 raw"]);
    }
}
