use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use socketio_proto::EncodedArgs;
use socketio_proto::connection::CloseReason;
use socketio_proto::engine::Transport;

use crate::ack::AckFuture;
use crate::connection_events::ConnectionEvents;
use crate::driver::linger::UNTOLD;
use crate::of::NamespaceBuilder;
use crate::once::Once;
use crate::registry::Fate;
use crate::shared::Shared;
use crate::socket::{Lifecycle, Socket};
use crate::stream::EventStream;
use crate::timeout::scaled;
use crate::transcript::Transcript;
use crate::{Error, Result, settle};

/// A connected Socket.IO client; made by [`create_socketio_client`](crate::create_socketio_client).
///
/// A task of its own reads the connection and answers heartbeats, so nothing a test does (or
/// forgets to do) holds it up. Dropping the client leaves its namespace in the background, and with
/// the last one closes the connection; [`close`](Self::close) waits until it is gone.
pub struct SocketIoClient {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    timeout: Duration,
}

impl SocketIoClient {
    pub(crate) fn new(shared: Arc<Shared>, socket: Arc<Socket>, timeout: Duration) -> Self {
        Self { shared, socket, timeout }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Tells who looks on at the connection that the test will be told of a failure.
    pub(crate) fn failing(&self, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, None, error)
    }

    /// Adds what is known of the server to an error that says nothing but that it is not there.
    pub(crate) fn explained(&self, error: Error) -> Error {
        match error {
            Error::Unreachable { url, reason } => {
                let mut reasons = self.shared.endpoint.target.reasons();
                reasons.insert(0, reason);
                Error::Unreachable { url, reason: reasons.join("\n  ") }
            }
            other => other,
        }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn parts(&self) -> (Arc<Shared>, Arc<Socket>) {
        (Arc::clone(&self.shared), Arc::clone(&self.socket))
    }

    /// Emits an event to the server.
    ///
    /// A tuple is several arguments, `()` is none, anything else is one; see
    /// [`EncodedArgs::new`]. Returns at once: the event is queued and leaves in order. Fails on a
    /// reserved event name, on arguments that do not serialise, and if the client is disconnected.
    ///
    /// ```no_run
    /// # use socketio_mock_client::Bytes;
    /// # fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send("myEvent", (1, 2, 3))?;
    /// client.send("hello", ())?;
    /// client.send("upload", ("name.png", Bytes::from_static(b"\x89PNG")))?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "emit")]
    pub fn send(&self, event: &str, args: impl Serialize) -> Result {
        let args = EncodedArgs::new(args)?;
        self.shared.emit(&self.socket, event, args, None).map(|_| ())
    }

    /// Emits an event and asks the server to acknowledge it. The event is sent at once; awaiting
    /// the future gives the arguments of the ack.
    ///
    /// Fails like [`send`](Self::send), when the deadline passes, and when the connection ends.
    ///
    /// ```no_run
    /// # #[derive(serde::Deserialize)] struct Sum { result: i64 }
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let sum: Sum = client.send_with_ack("myEvent", (1, 2, 3)).await?.parse()?;
    /// # Ok(()) }
    /// ```
    #[doc(alias("emit_with_ack", "emitWithAck"))]
    pub fn send_with_ack(&self, event: &str, args: impl Serialize) -> AckFuture {
        let args = EncodedArgs::new(args);
        let (shared, socket) = self.parts();
        AckFuture::send(shared, socket, event, args, self.timeout)
    }

    /// The next event named `event` that nobody else has claimed.
    ///
    /// Registered by the call, not by the await, and an event that came earlier counts: the first
    /// `once("tick")` gets the first "tick" of the connection, the second the second, whoever was
    /// faster. Nothing sent by the server can be missed.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let result = client.once("myEventResult");
    /// client.send("myEvent", (1, 2, 3))?;
    /// assert_eq!(result.await?.args(), [serde_json::json!({"name": "harry", "result": 6})]);
    /// # Ok(()) }
    /// ```
    pub fn once(&self, event: &str) -> Once {
        let (shared, socket) = self.parts();
        Once::new(shared, socket, event, self.timeout)
    }

    /// All events named `event`, those included that came earlier and nobody has claimed.
    ///
    /// While the stream lives, it claims every event of its name; a [`once`](Self::once)
    /// registered before it comes first.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let mut ticks = client.on("tick");
    /// for expected in 0..3 {
    ///     assert_eq!(ticks.next().await?.parse::<u32>()?, expected);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn on(&self, event: &str) -> EventStream {
        let (shared, socket) = self.parts();
        EventStream::named(shared, socket, event, self.timeout)
    }

    /// Every event of this namespace since it was connected. Looks on without claiming: `once`
    /// and `on` still get their events.
    pub fn on_any(&self) -> EventStream {
        let (shared, socket) = self.parts();
        EventStream::all(shared, socket, self.timeout)
    }

    /// The socket's id in this namespace, as the server knows it (`socket.id`). Kept after a
    /// disconnect; a reconnection brings another, see [`ids`](Self::ids). Empty if the client's
    /// engine does not tell it.
    pub fn id(&self) -> String {
        self.socket.id()
    }

    /// What messages and reports call it: the builder's [`name`](crate::ClientBuilder::name), or
    /// `client 1`, `client 2`, … in the order in which the clients of an app were made.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The namespace this client is connected to.
    pub fn namespace(&self) -> &str {
        &self.socket.namespace
    }

    /// The transport in use; after an upgrade, websocket.
    pub fn transport(&self) -> Transport {
        self.shared.lock().core.transport()
    }

    /// Whether the namespace is connected.
    pub fn connected(&self) -> bool {
        self.socket.is_connected()
    }

    /// Fails if [`settle`](Self::settle) would, before anything is waited for: on an engine that
    /// has no fence.
    pub fn can_settle(&self) -> Result {
        settle::check(&self.shared)
    }

    /// Resolves when the namespace is disconnected, with the reason; at once if it is already.
    ///
    /// Fails with [`Error::Timeout`] if that takes longer than the client's timeout.
    pub fn disconnected(&self) -> impl Future<Output = Result<CloseReason>> + Send + use<> {
        let (ended, (shared, socket)) = (self.ended(), self.parts());
        async move { ended.await.map_err(|error| shared.failing(&socket.namespace, None, error)) }
    }

    /// `disconnected`, whose failure is for the caller to tell.
    pub(crate) fn ended(&self) -> impl Future<Output = Result<CloseReason>> + Send + use<> {
        let ((shared, socket), timeout) = (self.parts(), self.timeout);
        let mut lifecycle = self.socket.lifecycle();
        async move {
            let ended = lifecycle.wait_for(Lifecycle::is_over);
            let ended = tokio::time::timeout(timeout, ended).await;
            if ended.is_ok() {
                socket.meet(Fate::Ended);
            }
            match ended {
                Ok(Ok(now)) => match &*now {
                    Lifecycle::Disconnected { reason } => Ok(reason.clone()),
                    // It may be refused when it comes back.
                    Lifecycle::Refused { .. } => Ok(CloseReason::ServerDisconnect),
                    _ => Ok(CloseReason::Dropped),
                },
                Ok(Err(_)) => Ok(CloseReason::Dropped),
                Err(_) => Err(Error::Timeout {
                    waiting_for: "the disconnection".into(),
                    after: timeout,
                    hint: String::new(),
                    transcript: shared.transcript(),
                }),
            }
        }
    }

    /// Resolves when the connection has moved to websocket; at once if it is there already.
    ///
    /// Fails with [`Error::UpgradeFailed`] when the upgrade is given up, with
    /// [`Error::Disconnected`] when the connection ends, and with [`Error::Timeout`] if it takes
    /// longer than the client's timeout.
    pub fn upgraded(&self) -> impl Future<Output = Result> + Send + use<> {
        let ((shared, socket), timeout) = (self.parts(), self.timeout);
        let mut progress = shared.progress();
        async move {
            let waiting_for = "the upgrade to websocket".to_owned();
            let decided = progress.wait_for(|now| {
                now.transport == Transport::Websocket || now.upgrade_failed || now.gone
            });
            // The sender lives in `shared`, so waiting cannot fail.
            let decided = tokio::time::timeout(timeout, decided).await;
            let decided = decided.ok().and_then(std::result::Result::ok).map(|now| *now);
            let error = match decided {
                Some(now) if now.transport == Transport::Websocket => return Ok(()),
                Some(now) if now.upgrade_failed => {
                    let reason = shared.lock().upgrade_failure.clone().unwrap_or_default().into();
                    Error::UpgradeFailed { reason, transcript: shared.transcript() }
                }
                Some(_) => shared.disconnected(waiting_for, socket.why_disconnected()),
                None => Error::Timeout {
                    waiting_for,
                    after: timeout,
                    hint: String::new(),
                    transcript: shared.transcript(),
                },
            };
            Err(shared.failing(&socket.namespace, None, error))
        }
    }

    /// Connects another namespace over the same connection.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let chat = client.of("/chat").auth(serde_json::json!({"token": "123"})).await?;
    /// chat.send("message", "hello")?;
    /// chat.close().await?; // `client` stays connected
    /// # Ok(()) }
    /// ```
    pub fn of(&self, namespace: &str) -> NamespaceBuilder {
        NamespaceBuilder::new(Arc::clone(&self.shared), namespace, self.timeout)
    }

    /// Leaves the namespace. If it was the last one of its connection, this closes the connection,
    /// and resolves when no socket of it is left.
    ///
    /// The close begins with the call. What was sent before still leaves: a server is given five
    /// seconds to take it and the close, as it holds a session that it is not told the end of.
    /// Once it has them it is given a second to close its side. Then the connection is dropped.
    /// Closing again, or after the server has closed, is no error.
    ///
    /// Fails with [`Error::Timeout`] if the runtime that the client was made on does not run, on
    /// which its connection depends.
    pub fn close(&self) -> impl Future<Output = Result> + Send + use<> {
        let ((shared, socket), timeout) = (self.parts(), self.timeout);
        socket.meet(Fate::Closed);
        shared.leave(&socket);
        async move {
            let hint = "\n  check that the runtime on which the client was made still runs";
            shared.left(timeout.max(scaled(LONGEST_CLOSE)), hint).await
        }
    }

    /// What happens to the connection, for clients with reconnection: see [`ConnectionEvent`] for
    /// the order.
    ///
    /// [`ConnectionEvent`]: crate::ConnectionEvent
    pub fn connection_events(&self) -> ConnectionEvents {
        let (shared, socket) = self.parts();
        ConnectionEvents::new(shared, socket, self.timeout)
    }

    /// Whether the last reconnection resumed the session of before, with all it had missed
    /// (connection state recovery).
    pub fn recovered(&self) -> bool {
        self.socket.recovered()
    }

    /// The frames sent and received so far.
    pub fn transcript(&self) -> Transcript {
        *self.shared.transcript()
    }

    /// Packets that belonged to nobody: acks that came too late or twice, events of a namespace
    /// that is not connected, and one that the end of the connection cut off before its last
    /// attachment.
    pub fn stray_packets(&self) -> usize {
        self.shared.lock().strays
    }
}

/// Longer than the driver waits for the server, which may be about to open a session, and then has
/// to end it.
const LONGEST_CLOSE: Duration = UNTOLD.saturating_mul(3);

impl Drop for SocketIoClient {
    fn drop(&mut self) {
        self.socket.meet(Fate::Dropped);
        self.shared.leave(&self.socket);
    }
}

impl fmt::Debug for SocketIoClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketIoClient")
            .field("url", &self.shared.endpoint.url())
            .field("namespace", &self.socket.namespace)
            .field("id", &self.id())
            .field("connected", &self.connected())
            .finish_non_exhaustive()
    }
}
