use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::SocketIoClient;
use crate::event::Event;
use crate::inbox::{Received, Wants};
use crate::shared::Shared;
use crate::socket::Socket;

/// Every event that a client received on its namespace since the first byte, in order; see
/// [`SocketIoClient::log`].
///
/// `Display` prints it, one line an event.
#[derive(Clone)]
pub struct EventLog {
    entries: Vec<Arc<Received>>,
    socket: Arc<Socket>,
    shared: Arc<Shared>,
}

/// One event of an [`EventLog`], and what has become of it.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The event.
    pub event: Event,
    /// When it came: time since the connection was begun, as in the transcript.
    pub at: Duration,
    /// Who it was given to.
    pub claim: Claim,
    /// Whether anybody has had it: its claimant, a reader of everything
    /// ([`on_any`](SocketIoClient::on_any)), or an expectation it fitted.
    pub read: bool,
}

/// Who an event was given to. Each event goes to one consumer at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// Nobody: the next [`once`](SocketIoClient::once) or [`on`](SocketIoClient::on) of its name
    /// gets it.
    Nobody,
    /// A [`once`](SocketIoClient::once).
    Once,
    /// The stream of an [`on`](SocketIoClient::on), or a [`respond`](SocketIoClient::respond).
    Stream,
}

impl EventLog {
    /// How many events came.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The events, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = LogEntry> + ExactSizeIterator {
        self.entries.iter().map(|received| self.entry(received))
    }

    /// The events of one name, oldest first.
    pub fn named(&self, event: &str) -> impl Iterator<Item = LogEntry> {
        let named = self.entries.iter().filter(move |received| received.name == event);
        named.map(|received| self.entry(received))
    }

    /// The events that nobody has read: often an emit that the test forgot, or one too many.
    pub fn unread(&self) -> impl Iterator<Item = LogEntry> {
        let unread = self.entries.iter().filter(|received| !received.marks.is_read());
        unread.map(|received| self.entry(received))
    }

    fn entry(&self, received: &Arc<Received>) -> LogEntry {
        let event =
            Event::new(Arc::clone(received), Arc::clone(&self.socket), Arc::clone(&self.shared));
        let claim = match received.marks.claimed_by() {
            None => Claim::Nobody,
            Some(Wants::One) => Claim::Once,
            Some(Wants::All) => Claim::Stream,
        };
        LogEntry { event, at: received.at, claim, read: received.marks.is_read() }
    }
}

impl SocketIoClient {
    /// What this client received on its namespace so far: since the first byte, in order, with
    /// what has become of each event. Reading the log claims nothing.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.once("helloResult").await?;
    /// let log = client.log();
    /// assert_eq!(log.named("helloResult").count(), 1);
    /// assert_eq!(log.unread().count(), 0, "events that the test did not expect:\n{log}");
    /// # Ok(()) }
    /// ```
    pub fn log(&self) -> EventLog {
        let entries = self.socket().with_inbox(|inbox| inbox.entries().to_vec());
        let (socket, shared) = (Arc::clone(self.socket()), Arc::clone(self.shared()));
        EventLog { entries, socket, shared }
    }
}

impl fmt::Display for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.iter().enumerate() {
            write!(f, "{}{entry}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LogEntry {
    /// `12.5 ms ["tick",1] claimed by once`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.as_secs_f64() * 1000.0;
        write!(f, "{ms:>9.1} ms {:?}", self.event)?;
        if self.event.received().marks.is_withheld() {
            f.write_str(" with binary that the engine does not deliver,")?;
        }
        match (self.claim, self.read) {
            (Claim::Once, true) => f.write_str(" claimed by once"),
            (Claim::Once, false) => f.write_str(" claimed by a once that was not awaited"),
            (Claim::Stream, true) => f.write_str(" claimed by a stream"),
            (Claim::Stream, false) => f.write_str(" claimed by a stream that has not come to it"),
            (Claim::Nobody, true) => f.write_str(" seen, claimed by nobody"),
            (Claim::Nobody, false) => f.write_str(" read by nobody"),
        }
    }
}
