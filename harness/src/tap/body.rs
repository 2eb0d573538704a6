//! Bodies of HTTP/1.1 messages, in pieces of any size.

use bytes::{Buf, Bytes, BytesMut};
use httparse::Status;

use super::http::NotHttp;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// After this many bytes.
    Exactly(u64),
    /// Where its last chunk says.
    Chunked,
    /// With the connection.
    UntilClosed,
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Body {
    state: State,
    keep: bool,
    kept: BytesMut,
}

#[derive(Debug)]
enum State {
    Rest(u64),
    UntilClosed,
    /// A line with the size of a chunk follows.
    ChunkSize,
    /// So much of a chunk follows, and the end of its line.
    Chunk(u64),
    ChunkEnd,
    /// Lines follow, the last of them empty.
    Trailers,
}

impl Body {
    /// A body of which no byte has been seen.
    pub(super) fn new(length: Length, keep: bool) -> Self {
        let state = match length {
            Length::Exactly(count) => State::Rest(count),
            Length::Chunked => State::ChunkSize,
            Length::UntilClosed => State::UntilClosed,
        };
        Self { state, keep, kept: BytesMut::new() }
    }

    /// Takes what has come of the body; all of it once it is complete.
    pub(super) fn read(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, NotHttp> {
        loop {
            match self.state {
                State::Rest(count) => {
                    let rest = self.take(count, input)?;
                    self.state = State::Rest(rest);
                    return Ok((rest == 0).then(|| self.kept.split().freeze()));
                }
                State::UntilClosed => {
                    self.take(u64::MAX, input)?;
                    return Ok(None);
                }
                State::ChunkSize => match httparse::parse_chunk_size(input) {
                    Ok(Status::Complete((end, size))) => {
                        input.advance(end);
                        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                    }
                    Ok(Status::Partial) if input.len() <= MAX_LINE => return Ok(None),
                    _ => return Err(NotHttp),
                },
                State::Chunk(count) => {
                    let rest = self.take(count, input)?;
                    if rest > 0 {
                        self.state = State::Chunk(rest);
                        return Ok(None);
                    }
                    self.state = State::ChunkEnd;
                }
                State::ChunkEnd => match line(input)? {
                    Some(0) => self.state = State::ChunkSize,
                    Some(_) => return Err(NotHttp),
                    None => return Ok(None),
                },
                State::Trailers => match line(input)? {
                    Some(0) => return Ok(Some(self.kept.split().freeze())),
                    Some(_) => {}
                    None => return Ok(None),
                },
            }
        }
    }

    /// The connection has ended: what there is, if the body was to last until then.
    pub(super) fn end(mut self) -> Option<Bytes> {
        matches!(self.state, State::UntilClosed).then(|| self.kept.split().freeze())
    }

    /// Moves up to `count` bytes; returns how many are still to come.
    fn take(&mut self, count: u64, input: &mut BytesMut) -> Result<u64, NotHttp> {
        let ready = usize::try_from(count).map_or(input.len(), |count| count.min(input.len()));
        if !self.keep {
            input.advance(ready);
        } else if self.kept.len() + ready > MAX_BODY {
            return Err(NotHttp);
        } else if self.kept.is_empty() {
            self.kept = input.split_to(ready);
        } else {
            self.kept.extend_from_slice(&input.split_to(ready));
        }
        Ok(count - ready as u64)
    }
}

/// Takes a line; returns its length without the line break.
fn line(input: &mut BytesMut) -> Result<Option<usize>, NotHttp> {
    match input.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => {
            input.advance(end + 2);
            Ok(Some(end))
        }
        None if input.len() > MAX_LINE => Err(NotHttp),
        None => Ok(None),
    }
}

const MAX_LINE: usize = 64 << 10;
/// As much as the protocol core accepts.
const MAX_BODY: usize = 128 << 20;
