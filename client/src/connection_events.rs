use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use socketio_proto::connection::CloseReason;

use crate::log::{Log, ObserverId};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::wait::Deadline;
use crate::{Error, Result};

/// What happens to the connection of a client that reconnects; see
/// [`ClientBuilder::reconnection`](crate::ClientBuilder::reconnection).
///
/// A connection that is lost and comes back is told in this order:
///
/// 1. `Disconnected`
/// 2. `Reconnecting`, and `ReconnectError` if the attempt fails: as often as it takes, or until
///    `ReconnectFailed`
/// 3. `Reconnected`: the transport is open
/// 4. for each namespace, in the order in which the server answers: `NamespaceReconnected`, or
///    `NamespaceRefused`
///
/// When `NamespaceReconnected` is told, the client has its new id and sends again. The events that
/// the server has kept for a recovered client, and those it emits to greet a new one, come after
/// it.
///
/// ```no_run
/// use socketio_mock_client::{ConnectionEvent, Result, SocketIoClient};
///
/// # async fn f(client: &SocketIoClient) -> Result {
/// let mut events = client.connection_events();
/// client.drop_connection();
/// assert!(matches!(events.next().await?, ConnectionEvent::Disconnected { .. }));
/// events.reconnected().await?; // the client is back, and sends again
/// println!("as {}; resumed: {}", client.id(), client.recovered());
/// # Ok(()) }
/// ```
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
    /// The transport is open again, and the namespaces are asked for.
    Reconnected {
        /// Number of the attempt that succeeded.
        attempt: u32,
    },
    /// The server has accepted a namespace again that was connected before.
    NamespaceReconnected {
        /// Which.
        namespace: String,
        /// The socket's id from now on; that of before if the session was recovered.
        id: String,
        /// Whether the server resumed the session of before.
        recovered: bool,
    },
    /// The server does not accept a namespace again: its client has ended.
    NamespaceRefused {
        /// Which.
        namespace: String,
        /// What the server said, as connecting anew would have told it.
        error: String,
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
        tracing::debug!(target: "socketio", ?event);
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
#[must_use = "streams do nothing unless polled"]
pub struct ConnectionEvents {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    id: ObserverId,
    position: usize,
    deadline: Deadline,
}

impl ConnectionEvents {
    pub(crate) fn new(shared: Arc<Shared>, socket: Arc<Socket>, timeout: Duration) -> Self {
        let id = shared.lock().connection_log.log.new_observer();
        Self { shared, socket, id, position: 0, deadline: Deadline::new(timeout) }
    }

    /// The next of them.
    ///
    /// Unlike `StreamExt::next`, which this hides, it is an error too if there will be no more.
    pub async fn next(&mut self) -> Result<ConnectionEvent> {
        match poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await {
            Some(event) => event,
            None => Err(self.failing(self.ended("a connection event"))),
        }
    }

    /// Goes on until the server has accepted the client's namespace again.
    ///
    /// Fails with [`Error::Disconnected`] if that will not be, because the attempts are used up, the
    /// server refuses the namespace, or the client is closed; and with [`Error::Timeout`] if nothing
    /// happens for the client's timeout.
    pub async fn reconnected(&mut self) -> Result {
        let socket = Arc::clone(&self.socket);
        let ours = |other: &str| other == &*socket.namespace;
        loop {
            match poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await.transpose()? {
                Some(ConnectionEvent::NamespaceReconnected { namespace, .. })
                    if ours(&namespace) =>
                {
                    return Ok(());
                }
                Some(ConnectionEvent::NamespaceRefused { namespace, .. }) if ours(&namespace) => {}
                Some(ConnectionEvent::ReconnectFailed) | None => {}
                Some(_) => continue,
            }
            return Err(self.failing(self.ended("the reconnection")));
        }
    }

    fn ended(&self, waiting_for: &str) -> Error {
        self.shared.disconnected(waiting_for.to_owned(), self.socket.why_disconnected())
    }

    fn failing(&self, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, None, error)
    }

    fn poll_log(&self, cx: &Context<'_>) -> Poll<Option<ConnectionEvent>> {
        let events = &mut self.shared.lock().connection_log;
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
        Poll::Ready(Some(Err(this.failing(error))))
    }
}

impl Drop for ConnectionEvents {
    fn drop(&mut self) {
        self.shared.lock().connection_log.log.forget_observer(self.id);
    }
}

impl std::fmt::Debug for ConnectionEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionEvents").field("position", &self.position).finish_non_exhaustive()
    }
}
