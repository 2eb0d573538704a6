use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use socketio_proto::connection::CloseReason;

use crate::log::{Log, ObserverId};
use crate::shared::Shared;
use crate::wait::Deadline;
use crate::{Error, Result};

/// What happens to the connection of a client that reconnects; see
/// [`ClientBuilder::reconnection`](crate::ClientBuilder::reconnection).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The connection was lost.
    Disconnected {
        /// Why.
        reason: CloseReason,
    },
    /// The next attempt is made after a delay.
    Reconnecting {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// How long it is waited for.
        delay: Duration,
    },
    /// An attempt failed.
    ReconnectError {
        /// Number of the attempt.
        attempt: u32,
        /// What went wrong.
        error: String,
    },
    /// The transport is open again, and the namespaces have been asked for.
    Reconnected {
        /// Number of the attempt that succeeded.
        attempt: u32,
    },
    /// All attempts have failed; there will be no more.
    ReconnectFailed,
}

/// Everything that has happened to a connection.
#[derive(Default)]
pub(crate) struct ConnectionLog {
    log: Log<ConnectionEvent>,
    ended: bool,
}

impl ConnectionLog {
    pub(crate) fn report(&mut self, event: ConnectionEvent) {
        self.log.push(event);
    }

    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.log.wake_all();
    }
}

/// [`ConnectionEvent`]s from the beginning, as a [`Stream`] that ends with the client.
///
/// An item is [`Error::Timeout`] if nothing happened for the client's timeout.
pub struct ConnectionEvents {
    shared: Arc<Shared>,
    id: ObserverId,
    position: usize,
    deadline: Deadline,
}

impl ConnectionEvents {
    pub(crate) fn new(shared: Arc<Shared>, timeout: Duration) -> Self {
        let id = shared
            .connection_events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .log
            .new_observer();
        Self { shared, id, position: 0, deadline: Deadline::new(timeout) }
    }

    fn poll_log(&self, cx: &Context<'_>) -> Poll<Option<ConnectionEvent>> {
        let mut events =
            self.shared.connection_events.lock().unwrap_or_else(PoisonError::into_inner);
        match events.log.poll_get(self.id, self.position, cx) {
            Poll::Ready(event) => Poll::Ready(Some((*event).clone())),
            Poll::Pending if events.ended => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Stream for ConnectionEvents {
    type Item = Result<ConnectionEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(event) = this.poll_log(cx) {
            this.position += 1;
            this.deadline.rewind();
            return Poll::Ready(event.map(Ok));
        }
        ready!(this.deadline.poll(cx));
        let after = this.deadline.after();
        this.deadline.rewind();
        let error = Error::Timeout {
            waiting_for: "a connection event".into(),
            after,
            hint: String::new(),
            transcript: this.shared.transcript(),
        };
        Poll::Ready(Some(Err(this.shared.failing("/", None, error))))
    }
}

impl Drop for ConnectionEvents {
    fn drop(&mut self) {
        let mut events =
            self.shared.connection_events.lock().unwrap_or_else(PoisonError::into_inner);
        events.log.forget_observer(self.id);
    }
}

impl std::fmt::Debug for ConnectionEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionEvents").field("position", &self.position).finish_non_exhaustive()
    }
}
