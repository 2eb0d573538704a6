use std::time::Duration;

use socketio_proto::connection::CloseReason;
use socketio_proto::engine::{Frame, Transport, payload};
use socketio_proto::socket::Parser;
use tokio::time::Instant;

use crate::Error;
use crate::transcript::{Direction, Transcript};

/// Looks on at every connection of a [`Registry`](crate::Registry): for reports on a whole test,
/// where a [`Transcript`] with its bounds is not enough.
pub trait Observer: Send + Sync + 'static {
    /// A client begins to connect; what it does from now on is told to the answer.
    fn connection(&self, opening: &Opening<'_>) -> Box<dyn ConnectionObserver>;
}

/// What is known of a connection before its first byte.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Opening<'a> {
    /// The client's name: see [`SocketIoClient::name`](crate::SocketIoClient::name).
    pub name: &'a str,
    /// Where to.
    pub url: &'a str,
    /// How its Socket.IO packets are written.
    pub parser: Parser,
    /// When; the times told later are since then.
    pub at: Instant,
}

/// Looks on at one connection.
///
/// Its methods are called while the connection waits: they should return soon, and must not call
/// the client.
pub trait ConnectionObserver: Send + Sync + 'static {
    /// A frame was sent or has come: a text or binary message of websocket, or one packet of a
    /// polling body.
    fn frame(&self, at: Duration, direction: Direction, transport: Transport, data: FrameData<'_>);

    /// The connection has ended.
    fn closed(&self, at: Duration, reason: &CloseReason);

    /// Something that the test waits for will not come.
    fn failed(&self, at: Duration, failure: Failure<'_>);

    /// An expectation of the test was met.
    fn met(&self, at: Duration, met: Met<'_>) {
        let _ = (at, met);
    }
}

/// The whole of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameData<'a> {
    /// Text.
    Text(&'a str),
    /// Binary.
    Binary(&'a [u8]),
}

/// A wait of the test that failed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// The namespace it was about.
    pub namespace: &'a str,
    /// The event it was about, if it was about one.
    pub event: Option<&'a str>,
    /// What the test is told.
    pub error: &'a Error,
}

impl<'a> Failure<'a> {
    pub(crate) fn new(namespace: &'a str, event: Option<&'a str>, error: &'a Error) -> Self {
        Self { namespace, event, error }
    }
}

/// An expectation of the test that was met.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Met<'a> {
    /// The namespace it was about.
    pub namespace: &'a str,
    /// The event it was about, if it was about one.
    pub event: Option<&'a str>,
    /// What was expected, as a failure would say it: `exactly 3 × event "tick"`.
    pub expectation: &'a str,
}

impl<'a> Met<'a> {
    pub(crate) fn new(namespace: &'a str, event: Option<&'a str>, expectation: &'a str) -> Self {
        Self { namespace, event, expectation }
    }
}

/// Keeps the transcript of a connection, and tells who looks on.
#[derive(Default)]
pub(crate) struct Recorder {
    transcript: Transcript,
    observer: Option<Box<dyn ConnectionObserver>>,
}

impl Recorder {
    pub(crate) fn new(
        transcript: Transcript,
        observer: Option<Box<dyn ConnectionObserver>>,
    ) -> Self {
        Self { transcript, observer }
    }

    pub(crate) fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    pub(crate) fn observer(&self) -> Option<&dyn ConnectionObserver> {
        self.observer.as_deref()
    }

    pub(crate) fn record_frame(
        &mut self,
        at: Duration,
        direction: Direction,
        transport: Transport,
        frame: &Frame,
    ) {
        match frame {
            Frame::Text(text) => self.record_text(at, direction, transport, text),
            Frame::Binary(data) => self.record_binary(at, direction, transport, data),
        }
    }

    pub(crate) fn record_text(
        &mut self,
        at: Duration,
        direction: Direction,
        transport: Transport,
        text: &str,
    ) {
        self.transcript.record_text(at, direction, transport, text);
        if let Some(observer) = &self.observer {
            observer.frame(at, direction, transport, FrameData::Text(text));
        }
    }

    pub(crate) fn record_binary(
        &mut self,
        at: Duration,
        direction: Direction,
        transport: Transport,
        data: &[u8],
    ) {
        self.transcript.record_binary(at, direction, transport, data);
        if let Some(observer) = &self.observer {
            observer.frame(at, direction, transport, FrameData::Binary(data));
        }
    }

    /// Splits a polling body, whether or not the core will accept it.
    pub(crate) fn record_body(&mut self, at: Duration, body: &[u8]) {
        for part in body.splitn(MOST_PARTS, |byte| char::from(*byte) == payload::SEPARATOR) {
            let text = String::from_utf8_lossy(part);
            self.record_text(at, Direction::Received, Transport::Polling, &text);
        }
    }
}

/// What the core accepts in one body unless told otherwise. The rest of a longer one is one part.
const MOST_PARTS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_nothing_but_separators_is_not_taken_apart() {
        let mut recorder = Recorder::default();
        recorder.record_body(Duration::ZERO, "\u{1e}".repeat(3 * MOST_PARTS).as_bytes());
        let transcript = recorder.transcript();
        assert_eq!(transcript.forgotten() + transcript.entries().len(), MOST_PARTS);
        let last = transcript.entries().last().map(|entry| entry.bytes);
        assert_eq!(last, Some(2 * MOST_PARTS + 1));
    }
}
