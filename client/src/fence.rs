use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::client::SocketIoClient;
use crate::expect::wait_hints;
use crate::shared::Shared;
use crate::socket::{Lifecycle, Socket};
use crate::{Error, Result, settle};

impl SocketIoClient {
    /// Resolves when everything has come that the server had sent before it answered: a proof of
    /// what it has *not* sent, without waiting for time to pass.
    ///
    /// It asks for a namespace that nobody uses, which every server answers at once, on the same
    /// connection and in order; and once more, since a server may answer before it has begun with the
    /// handlers of events that came along, which socketioxide runs in tasks of their own. What a
    /// handler emits *later*, after an await of its own, is not covered, nor is one that waits for
    /// another thread of the server: let the handler ack, await the ack, then raise the fence.
    ///
    /// Fails when the client's timeout passes, and on an engine with one namespace a connection.
    /// On a connection that has ended nothing can come, so that is no error.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send_with_ack("join", "lobby").await?;
    /// client.fence().await?;
    /// assert_eq!(client.log().named("refused").count(), 0);
    /// # Ok(()) }
    /// ```
    pub fn fence(&self) -> impl Future<Output = Result> + Send + use<> {
        raise(Arc::clone(self.shared()), Arc::clone(self.socket()), self.timeout())
    }
}

pub(crate) async fn raise(shared: Arc<Shared>, socket: Arc<Socket>, patience: Duration) -> Result {
    settle::check(&shared)?;
    if socket.is_ended() {
        return Ok(());
    }
    let raised = async {
        for _ in 0..ROUNDS {
            while !is_answered(&shared, &socket).await {}
        }
    };
    tokio::time::timeout(patience, raised).await.map_err(|_| Error::Timeout {
        waiting_for: "the answer to a fence (CONNECT to a namespace nobody uses)".into(),
        after: patience,
        hint: wait_hints::for_silence(&shared),
        transcript: shared.transcript(),
    })
}

/// Asks once. False if the connection was lost meanwhile, and is being made again: what the client
/// has missed may come with the next one.
async fn is_answered(shared: &Arc<Shared>, socket: &Socket) -> bool {
    let mut own = socket.lifecycle();
    let back = own.wait_for(|now| matches!(now, Lifecycle::Connected) || socket.is_ended());
    tokio::select! {
        _ = back => {}
        () = shared.gone() => {}
    }
    own.mark_unchanged();
    let connection = {
        let state = shared.lock();
        (!state.core.is_closed()).then_some(state.generation)
    };
    let Some(connection) = connection else {
        // Its sockets are told in a moment, if it was connected until now.
        if shared.reconnects && !socket.is_ended() {
            tokio::select! {
                _ = own.changed() => {}
                () = shared.gone() => {}
            }
        }
        return !shared.reconnects || socket.is_ended();
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let Ok(asking) = shared.join_unseen(&format!("{PREFIX}{number}"), None) else {
        return !shared.reconnects || socket.is_ended();
    };
    let fence = Fence { shared: Arc::clone(shared), asking };
    let mut lifecycle = fence.asking.lifecycle();
    let answered = lifecycle.wait_for(|now| !matches!(now, Lifecycle::Connecting));
    let lost = matches!(answered.await.as_deref(), Ok(Lifecycle::Disconnected { .. }) | Err(_));
    // On the next connection it may be answered before the client's own namespace is there.
    !shared.reconnects || (!lost && fence.asking.since == connection)
}

/// Leaves its namespace again, should the server have accepted it.
struct Fence {
    shared: Arc<Shared>,
    asking: Arc<Socket>,
}

impl Drop for Fence {
    fn drop(&mut self) {
        self.shared.leave(&self.asking);
    }
}

/// The answer to the first shows that the server has read what came before it, the answer to the
/// second that its tasks have had their turn.
const ROUNDS: usize = 2;

/// What the namespaces of fences begin with.
pub(crate) const PREFIX: &str = "/~fence/";

static NEXT: AtomicU64 = AtomicU64::new(1);
