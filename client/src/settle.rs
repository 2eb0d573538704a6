//! Knowing that nothing more is coming, without waiting for it.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant as WallInstant};

use tokio::time::Instant;

use crate::client::SocketIoClient;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Error, Result, fence};

impl SocketIoClient {
    /// Resolves when everything that was under way to this client has come: what is not there
    /// then, is not coming by itself.
    ///
    /// In a simulated app this is a proof. The clock stands still while any task has something to
    /// do, and all of the conversation is in memory; so when it moves on by a millisecond, client,
    /// server and handlers have all come to rest. What a network with latency or a narrow bandwidth
    /// still carries is waited for. Beyond it, only the passing of time can make them go on: a
    /// heartbeat, a timeout, a `sleep` in a handler; or the healing of a network that is frozen.
    ///
    /// Of a client that was closed, it waits for the end of the connection: what it had sent has
    /// arrived then.
    ///
    /// Over a real connection it is a [`fence`](Self::fence), with what that cannot tell: a handler
    /// that is still at work is not waited for.
    ///
    /// Fails like `fence`, and in memory if the clock runs, if the client reads nothing, or if bytes
    /// are still under way when the client's timeout has passed.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send_with_ack("join", "room 1").await?;
    /// client.settle().await?;
    /// let names: Vec<_> = client.transcript().entries().map(|entry| entry.text.clone()).collect();
    /// assert!(!names.iter().any(|text| text.contains("banned")), "{names:?}");
    /// # Ok(()) }
    /// ```
    pub fn settle(&self) -> impl Future<Output = Result> + Send + use<> {
        arrived(Arc::clone(self.shared()), Arc::clone(self.socket()), self.timeout())
    }
}

/// See [`SocketIoClient::settle`].
pub(crate) async fn settled(
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    patience: Duration,
) -> Result {
    if shared.endpoint.target.connector.is_in_memory() {
        come_to_rest(&shared, patience).await
    } else {
        fence::raise(shared, socket, patience).await
    }
}

/// [`settled`], and what the client has sent has arrived, even if it was closed meanwhile.
pub(crate) async fn arrived(
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    patience: Duration,
) -> Result {
    shared.left(patience, "").await?;
    settled(shared, socket, patience).await
}

/// Fails if [`settled`] would, before anything is waited for.
pub(crate) fn check(shared: &Shared) -> Result {
    shared.engine.refuse("a fence, which proves that no event was sent")
}

async fn come_to_rest(shared: &Shared, patience: Duration) -> Result {
    if !clock_is_paused() {
        return Err(Error::InvalidOption {
            what: "clock",
            value: "running".into(),
            reason: "nothing can be proved in memory unless tokio's clock is paused: \
                     #[tokio::test(start_paused = true)]"
                .into(),
        });
    }
    if shared.lock().reading_paused {
        return Err(Error::InvalidOption {
            what: "client",
            value: shared.name.to_string(),
            reason: "it reads nothing: pause_reading() is in force, and nobody knows what has come"
                .into(),
        });
    }
    let connector = &shared.endpoint.target.connector;
    let resting = async {
        loop {
            let before = connector.transit();
            tokio::time::sleep(TICK).await;
            // Nothing under way now is not enough: what arrived a moment ago may be at work.
            let after = connector.transit();
            if after == before && after.under_way == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(patience, resting).await.map_err(|_| Error::Timeout {
        waiting_for: "what is under way to arrive (the network carries it late)".into(),
        after: patience,
        hint: String::new(),
        transcript: shared.transcript(),
    })
}

/// Whether tokio's clock stands still: virtual time. tokio does not tell, but a clock that runs
/// moves while the wall's does.
pub fn clock_is_paused() -> bool {
    let (wall, virtual_time) = (WallInstant::now(), Instant::now());
    while WallInstant::now() == wall {
        std::hint::spin_loop();
    }
    Instant::now() == virtual_time
}

/// The smallest step of tokio's clock.
const TICK: Duration = Duration::from_millis(1);
