use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::client::SocketIoClient;
use crate::socket::{Lifecycle, Socket};

impl SocketIoClient {
    /// The ids that the server knows the client by, for one who follows it over reconnections.
    ///
    /// ```no_run
    /// # async fn f(client: socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// let (ids, first) = (client.ids(), client.id());
    /// client.drop_connection();
    /// client.once("welcome back").await?;
    /// assert_eq!(ids.so_far(), [first, client.id()]);
    /// # Ok(()) }
    /// ```
    pub fn ids(&self) -> SocketIds {
        SocketIds { socket: Arc::clone(self.socket()), change: change(self.socket().lifecycle()) }
    }
}

/// The ids of a client in its namespace: each connection has one, and a reconnection brings another
/// unless it resumes the session of before. Made by [`SocketIoClient::ids`].
pub struct SocketIds {
    socket: Arc<Socket>,
    /// Gives back what it waits on.
    change: BoxFuture<'static, watch::Receiver<Lifecycle>>,
}

impl SocketIds {
    /// Those so far, oldest first. None if the client's engine does not tell.
    pub fn so_far(&self) -> Vec<String> {
        self.socket.ids()
    }

    /// Those so far; the waker is woken when there may be another.
    pub fn look_on(&mut self, waker: &Waker) -> Vec<String> {
        let mut context = Context::from_waker(waker);
        while let Poll::Ready(lifecycle) = self.change.poll_unpin(&mut context) {
            self.change = change(lifecycle);
        }
        self.so_far()
    }
}

fn change(
    mut lifecycle: watch::Receiver<Lifecycle>,
) -> BoxFuture<'static, watch::Receiver<Lifecycle>> {
    async move {
        // The sender lives in the socket, which is held.
        let _ = lifecycle.changed().await;
        lifecycle
    }
    .boxed()
}

impl fmt::Debug for SocketIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocketIds").field(&self.so_far()).finish()
    }
}
