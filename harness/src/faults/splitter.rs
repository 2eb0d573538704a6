//! Where one direction of a connection has its boundaries: HTTP messages, then websocket frames.

use std::mem;

use super::polls::{Body, Head};

/// Splits a stream of bytes, however it comes in pieces, into the units of its protocol.
///
/// Only what must be looked at as a whole is kept until it is whole; the rest passes at once.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    mode: Mode,
    /// The beginning of a unit whose extent is not known yet, or that is kept until it is whole.
    pending: Vec<u8>,
    /// How much of `pending` has been passed on, by one who looked at nothing.
    passed: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Http,
    Websocket,
    /// Neither: everything passes.
    Opaque,
}

#[derive(Debug, Default)]
enum State {
    /// At a boundary, or in the head of a unit.
    #[default]
    Head,
    /// So many bytes of the unit are left.
    Body(u64),
    /// In a body of chunks, whose sizes come as it goes.
    Chunks(Chunks),
    /// A message that is kept until `pending` has this length.
    Keeping { head: Head, length: usize },
    /// A message that is kept until its last chunk has come, and the body so far.
    KeepingChunks { head: Head, chunks: Chunks, body: Vec<u8> },
    /// A body that ends with the connection.
    Endless,
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
    /// A whole HTTP message, if such were asked for.
    Message { head: &'a Head, body: &'a [u8], bytes: &'a [u8] },
}

impl Splitter {
    /// Hands `emit` the pieces of `data`. With `keep`, HTTP messages with a body of known length
    /// are kept until they are whole.
    ///
    /// `emit` may end the HTTP part, by returning true for a head: frames follow.
    pub(super) fn feed(
        &mut self,
        mut data: &[u8],
        keep: bool,
        mut emit: impl FnMut(Piece<'_>) -> bool,
    ) {
        while !data.is_empty() {
            data = match &mut self.state {
                State::Body(left) => {
                    let (now, later) = split(data, *left);
                    emit(Piece::Raw(now));
                    *left -= now.len() as u64;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    later
                }
                State::Chunks(chunks) => {
                    let (now, later) = data.split_at(chunks.advance(data, |_| {}));
                    emit(Piece::Raw(now));
                    if chunks.is_over() {
                        self.state = State::Head;
                    }
                    later
                }
                State::Keeping { head, length } => {
                    let (now, later) = split(data, (*length - self.pending.len()) as u64);
                    self.pending.extend_from_slice(now);
                    if self.pending.len() == *length {
                        let body = self.pending.get(head.length..).unwrap_or_default();
                        emit(Piece::Message { head, body, bytes: &self.pending });
                        self.pending.clear();
                        self.state = State::Head;
                    }
                    later
                }
                State::KeepingChunks { head, chunks, body } => {
                    let (now, later) = data.split_at(chunks.advance(data, |part| {
                        body.extend_from_slice(part);
                    }));
                    self.pending.extend_from_slice(now);
                    if chunks.is_over() {
                        emit(Piece::Message { head, body, bytes: &self.pending });
                        self.pending.clear();
                        self.state = State::Head;
                    }
                    later
                }
                State::Endless => {
                    emit(Piece::Raw(data));
                    &[]
                }
                State::Head => match self.mode {
                    Mode::Websocket => self.frame(data, &mut emit),
                    Mode::Http => self.head(data, keep, &mut emit),
                    Mode::Opaque => {
                        emit(Piece::Raw(data));
                        &[]
                    }
                },
            };
        }
    }

    /// Like [`feed`](Self::feed) for one who has passed everything on already.
    pub(super) fn follow(&mut self, data: &[u8], emit: impl FnMut(Piece<'_>) -> bool) {
        self.feed(data, false, emit);
        self.passed = self.pending.len();
    }

    /// Frames follow.
    pub(super) fn become_websocket(&mut self) {
        self.mode = Mode::Websocket;
    }

    /// Whether a frame could be put in here.
    pub(super) fn is_between_frames(&self) -> bool {
        self.mode == Mode::Websocket && self.pending.is_empty() && matches!(self.state, State::Head)
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.mode == Mode::Websocket
    }

    /// What is kept and will never be whole, when the stream has ended.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let rest = mem::take(&mut self.pending);
        rest.get(mem::take(&mut self.passed)..).unwrap_or_default().to_vec()
    }

    /// Reads the header of a frame; the rest of the data.
    fn frame<'a>(&mut self, data: &'a [u8], emit: &mut impl FnMut(Piece<'_>) -> bool) -> &'a [u8] {
        if self.pending.is_empty() {
            // The common case: a header, whole, in the middle of other data.
            if let Some(header) = FrameHeader::of(data) {
                if !header.is_short() {
                    self.state = State::Body(header.total());
                    return data;
                }
                if let Some((frame, rest)) = data.split_at_checked(header.length + 1) {
                    emit(Piece::Short { frame, packet: header.packet(frame) });
                    return rest;
                }
            }
        }
        // Byte by byte: a header has few.
        let Some((first, rest)) = data.split_first() else { return data };
        self.pending.push(*first);
        if let Some(header) = FrameHeader::of(&self.pending) {
            let untouched = self.passed == 0;
            if header.is_short() && self.pending.len() <= header.length {
                return rest;
            }
            let bytes = self.rest();
            if header.is_short() && untouched {
                emit(Piece::Short { frame: &bytes, packet: header.packet(&bytes) });
            } else {
                emit(Piece::Raw(&bytes));
                if !header.is_short() && header.payload > 0 {
                    self.state = State::Body(header.payload);
                }
            }
        }
        rest
    }

    /// Reads the head of an HTTP message; the rest of the data.
    fn head<'a>(
        &mut self,
        data: &'a [u8],
        keep: bool,
        emit: &mut impl FnMut(Piece<'_>) -> bool,
    ) -> &'a [u8] {
        let before = self.pending.len();
        self.pending.extend_from_slice(data);
        let head = match Head::of(&self.pending) {
            Ok(Some(head)) => head,
            Ok(None) if self.pending.len() <= MAX_HEAD => return &[],
            // Too long, or no HTTP.
            Ok(None) | Err(_) => {
                self.mode = Mode::Opaque;
                let bytes = self.rest();
                emit(Piece::Raw(&bytes));
                return &[];
            }
        };
        // The head ends in this data, or it would have been found before.
        let rest = data.get(head.length.saturating_sub(before)..).unwrap_or_default();
        self.pending.truncate(head.length);
        let upgraded = emit(Piece::Head(&head));
        let untouched = self.passed == 0;
        match (keep && untouched && !upgraded, head.body) {
            (true, Body::Sized(size)) if size <= MAX_KEPT => {
                let length = head.length + usize::try_from(size).unwrap_or_default();
                if size == 0 {
                    emit(Piece::Message { head: &head, body: &[], bytes: &self.pending });
                    self.pending.clear();
                } else {
                    self.state = State::Keeping { head, length };
                }
            }
            (true, Body::Chunked) => {
                let (chunks, body) = (Chunks::default(), Vec::new());
                self.state = State::KeepingChunks { head, chunks, body };
            }
            (_, body) => {
                let bytes = self.rest();
                emit(Piece::Raw(&bytes));
                self.state = match body {
                    Body::Sized(0) => State::Head,
                    Body::Sized(size) => State::Body(size),
                    Body::Chunked => State::Chunks(Chunks::default()),
                    Body::UntilTheEnd => State::Endless,
                };
            }
        }
        if upgraded {
            self.become_websocket();
        }
        rest
    }
}

fn split(data: &[u8], at_most: u64) -> (&[u8], &[u8]) {
    data.split_at(usize::try_from(at_most).unwrap_or(usize::MAX).min(data.len()))
}

/// The header of a websocket frame (RFC 6455, "Base Framing Protocol").
#[derive(Debug, Clone, Copy)]
struct FrameHeader {
    first: u8,
    masked: bool,
    /// Bytes of the header, the mask included.
    length: usize,
    /// Bytes behind the header.
    payload: u64,
}

impl FrameHeader {
    /// `None` if there is more of it to come.
    fn of(data: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = data.split_first_chunk::<2>()?;
        let (extended, payload) = match second & 0x7f {
            126 => (2, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
            127 => (8, u64::from_be_bytes(*rest.first_chunk()?)),
            payload => (0, u64::from(payload)),
        };
        let masked = second & 0x80 != 0;
        let length = 2 + extended + if masked { 4 } else { 0 };
        (data.len() >= length).then_some(Self { first, masked, length, payload })
    }

    fn total(self) -> u64 {
        self.length as u64 + self.payload
    }

    /// A whole, uncompressed text message of one byte.
    fn is_short(self) -> bool {
        self.first == 0x81 && self.payload == 1
    }

    /// The byte of a short frame.
    fn packet(self, frame: &[u8]) -> u8 {
        let byte = frame.get(self.length).copied().unwrap_or_default();
        let mask = frame.get(2).copied().unwrap_or_default();
        if self.masked { byte ^ mask } else { byte }
    }
}

/// A body in chunks (RFC 9112, "Chunked Transfer Coding").
#[derive(Debug, Default)]
struct Chunks {
    at: ChunkAt,
    /// The size being read; then what is left of the chunk.
    left: u64,
    /// Whether the line being read is empty so far: the last one of the trailer is.
    empty: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum ChunkAt {
    #[default]
    Size,
    /// Behind the digits: an extension, or the end of the line.
    RestOfLine,
    Data,
    EndOfData,
    Trailer,
    Over,
}

impl Chunks {
    fn is_over(&self) -> bool {
        self.at == ChunkAt::Over
    }

    /// How many bytes of `data` belong to the body; `take` gets what it says.
    fn advance(&mut self, data: &[u8], mut take: impl FnMut(&[u8])) -> usize {
        let mut read = 0;
        while let Some(rest) = data.get(read..)
            && let Some(&byte) = rest.first()
            && self.at != ChunkAt::Over
        {
            if self.at == ChunkAt::Data {
                let (now, _) = split(rest, self.left);
                take(now);
                read += now.len();
                self.left -= now.len() as u64;
                if self.left == 0 {
                    self.at = ChunkAt::EndOfData;
                }
                continue;
            }
            read += 1;
            self.line(byte);
        }
        read
    }

    fn line(&mut self, byte: u8) {
        match (&self.at, byte) {
            (ChunkAt::Size, byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.left = self.left.saturating_mul(16).saturating_add(u64::from(digit));
            }
            (ChunkAt::Size | ChunkAt::RestOfLine, b'\n') => {
                self.empty = true;
                self.at = if self.left == 0 { ChunkAt::Trailer } else { ChunkAt::Data };
            }
            (ChunkAt::Size, _) => self.at = ChunkAt::RestOfLine,
            (ChunkAt::EndOfData, b'\n') => {
                self.left = 0;
                self.at = ChunkAt::Size;
            }
            (ChunkAt::Trailer, b'\n') if self.empty => self.at = ChunkAt::Over,
            (ChunkAt::Trailer, b'\n') => self.empty = true,
            (ChunkAt::Trailer, b'\r') => {}
            (ChunkAt::Trailer, _) => self.empty = false,
            _ => {}
        }
    }
}

/// A longer head is no HTTP of ours.
const MAX_HEAD: usize = 64 << 10;
/// Longer messages pass unseen: a server's default limit is a hundredth of it.
const MAX_KEPT: u64 = 100_000_000;

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
                        return false;
                    }
                    Piece::Head(head) => {
                        let upgrades = head.is_upgrade_accepted();
                        lines.push(format!("head of {} bytes", head.length));
                        return upgrades;
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
                false
            });
        }
        if !raw.is_empty() {
            lines.push(format!("{} raw", raw.len()));
        }
        lines
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
            let head = format!("head of {} bytes", UPGRADE.len());
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
                    "head of 38 bytes",
                    "message 2\u{1e}40",
                    "head of 47 bytes",
                    "message 42[1]",
                    "head of 38 bytes",
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
            splitter.follow(first, |piece| matches!(piece, Piece::Head(_)));
            let mut came = Vec::<u8>::new();
            splitter.feed(second, true, |piece| {
                match piece {
                    Piece::Head(head) => return head.is_upgrade_accepted(),
                    Piece::Raw(bytes)
                    | Piece::Short { frame: bytes, .. }
                    | Piece::Message { bytes, .. } => came.extend(bytes),
                }
                false
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
