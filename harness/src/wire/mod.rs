//! What travels on a connection, read as it comes: HTTP/1.1, and the websocket it may become.
//!
//! ```text
//! bytes, in pieces of any size
//!   └ Reader    one direction: heads, bodies, frames (head, body, frame)
//!       ├ faults/splitter   passes all of it on, looks at some, changes little
//!       └ tap/wire          keeps bodies and messages (message), forgets the rest
//! ```
//!
//! A [`Reader`] loses nothing: the bytes of its steps, one after the other, are those it was given.
//! It copies only what comes in halves: heads of messages and frames.

mod body;
mod frame;
mod head;
mod message;

use std::mem;

pub(crate) use body::Length;
use body::{Body, Progress};
pub(crate) use frame::FrameHeader;
pub(crate) use head::{Head, Method, Start};
pub(crate) use message::{Joiner, Message, Unreadable};

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    speaks: Speaks,
    at: At,
    /// The beginning of a head, until the rest of it has come.
    pending: Vec<u8>,
    /// What is pending has been given to the caller.
    given: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Speaks {
    #[default]
    Http,
    Websocket,
    /// Neither, from here on.
    Other,
}

#[derive(Debug, Default)]
enum At {
    /// Between two messages or frames, or in the head of one.
    #[default]
    Head,
    Body(Body),
    /// So many bytes of a frame are left.
    Payload(u64),
}

/// What a [`Reader`] finds next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The head of an HTTP message. Its body follows, unless the caller knows better
    /// ([`Reader::skip_body`], [`Reader::become_websocket`]).
    Head { head: Head, bytes: &'a [u8] },
    /// A part of the body: as it travels, and what it holds, which of a chunk's size is nothing.
    Body { bytes: &'a [u8], content: &'a [u8] },
    /// The header of a websocket frame.
    Frame { header: FrameHeader, bytes: &'a [u8] },
    /// A part of the frame's payload, masked as it travels.
    Payload(&'a [u8]),
    /// The message, or the frame, is complete.
    End,
    /// What is no HTTP, and everything after it.
    Other(&'a [u8]),
}

impl Reader {
    /// The next step; what it is made of is taken off the front of `data`. `None` when all of
    /// `data` is taken.
    pub(crate) fn next<'s, 'd: 's>(&'s mut self, data: &mut &'d [u8]) -> Option<Step<'s>> {
        if mem::take(&mut self.given) {
            self.pending.clear();
        }
        match &mut self.at {
            At::Head => self.head_of_any(data),
            At::Body(body) => match body.advance(data)? {
                Progress::Part { bytes, content } => Some(Step::Body { bytes, content }),
                Progress::End => {
                    self.at = At::Head;
                    Some(Step::End)
                }
                Progress::Wrong => {
                    (self.speaks, self.at) = (Speaks::Other, At::Head);
                    self.head_of_any(data)
                }
            },
            At::Payload(0) => {
                self.at = At::Head;
                Some(Step::End)
            }
            At::Payload(left) => {
                let now = take(data, *left)?;
                *left -= now.len() as u64;
                Some(Step::Payload(now))
            }
        }
    }

    /// After the head of an answer to HEAD: no body follows, whatever it says.
    pub(crate) fn skip_body(&mut self) {
        self.at = At::Body(Body::new(Length::Exactly(0)));
    }

    /// After the head of the last HTTP message: frames follow.
    pub(crate) fn become_websocket(&mut self) {
        (self.speaks, self.at) = (Speaks::Websocket, At::Head);
    }

    pub(crate) fn is_websocket(&self) -> bool {
        self.speaks == Speaks::Websocket
    }

    /// Whether all that has come is complete: a message or frame may begin here.
    pub(crate) fn is_between(&self) -> bool {
        self.pending().is_empty() && matches!(self.at, At::Head)
    }

    /// Whether a body has begun that ends with the connection.
    pub(crate) fn ends_with_connection(&self) -> bool {
        matches!(&self.at, At::Body(body) if body.is_endless())
    }

    /// The beginning of a head whose rest has not come.
    pub(crate) fn pending(&self) -> &[u8] {
        if self.given { &[] } else { &self.pending }
    }

    fn head_of_any<'s, 'd: 's>(&'s mut self, data: &mut &'d [u8]) -> Option<Step<'s>> {
        match self.speaks {
            _ if data.is_empty() => None,
            Speaks::Http => self.head(data),
            Speaks::Websocket => self.frame(data),
            Speaks::Other => Some(Step::Other(mem::take(data))),
        }
    }

    fn head<'s, 'd: 's>(&'s mut self, data: &mut &'d [u8]) -> Option<Step<'s>> {
        let before = self.pending.len();
        let parsed = if before == 0 {
            Head::of(data)
        } else {
            self.pending.extend_from_slice(data);
            Head::of(&self.pending)
        };
        let come = before + data.len();
        match parsed {
            Ok(Some((head, length))) => {
                self.at = At::Body(Body::new(head.length));
                Some(Step::Head { head, bytes: self.taken(data, before, length) })
            }
            Ok(None) if come <= MAX_HEAD => self.wait(data, before),
            // Too long, or no HTTP.
            Ok(None) | Err(_) => {
                self.speaks = Speaks::Other;
                Some(Step::Other(self.taken(data, before, come)))
            }
        }
    }

    fn frame<'s, 'd: 's>(&'s mut self, data: &mut &'d [u8]) -> Option<Step<'s>> {
        let before = self.pending.len();
        let parsed = if before == 0 {
            FrameHeader::of(data)
        } else {
            self.pending.extend_from_slice(data.get(..FrameHeader::LONGEST).unwrap_or(data));
            FrameHeader::of(&self.pending)
        };
        let Some((header, length)) = parsed else { return self.wait(data, before) };
        self.at = At::Payload(header.payload);
        Some(Step::Frame { header, bytes: self.taken(data, before, length) })
    }

    /// Takes a head of this length, of which so many bytes were pending.
    fn taken<'s, 'd: 's>(
        &'s mut self,
        data: &mut &'d [u8],
        before: usize,
        length: usize,
    ) -> &'s [u8] {
        let (now, later) = data.split_at_checked(length - before).unwrap_or((data, &[]));
        *data = later;
        if before == 0 {
            return now;
        }
        self.pending.truncate(length);
        self.given = true;
        &self.pending
    }

    /// Keeps what has come of a head, for the rest of it.
    fn wait<'s>(&mut self, data: &mut &[u8], before: usize) -> Option<Step<'s>> {
        if before == 0 {
            self.pending.extend_from_slice(data);
        }
        *data = &[];
        None
    }
}

/// Takes up to `at_most` bytes off the front; `None` if there are none.
fn take<'d>(data: &mut &'d [u8], at_most: u64) -> Option<&'d [u8]> {
    let length = usize::try_from(at_most).unwrap_or(usize::MAX).min(data.len());
    let (now, later) = data.split_at(length);
    *data = later;
    (!now.is_empty()).then_some(now)
}

/// A longer head is no HTTP of ours.
const MAX_HEAD: usize = 256 << 10;

#[cfg(test)]
mod tests;
