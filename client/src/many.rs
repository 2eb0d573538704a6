use std::future::{Future, IntoFuture};
use std::pin::Pin;

use futures::{StreamExt, TryStreamExt, stream};

use crate::Result;
use crate::builder::{ClientBuilder, create_socketio_client};
use crate::client::SocketIoClient;
use crate::target::{IntoTarget, Target};

/// Connects `count` clients to one server, many at a time.
///
/// ```no_run
/// # async fn f() -> socketio_mock_client::Result {
/// use serde_json::json;
/// use socketio_mock_client::create_socketio_clients;
///
/// let players = create_socketio_clients(3000, 1_000)
///     .each(|number, client| client.auth(json!({"player": number})))
///     .await?;
/// # Ok(()) }
/// ```
pub fn create_socketio_clients(target: impl IntoTarget, count: usize) -> ClientsBuilder {
    ClientsBuilder { target: target.into_target(), count, each: Box::new(|_, client| client) }
}

/// The options of several clients about to be connected. Awaiting it connects them all; the first
/// error ends it, and closes those that were connected.
#[must_use = "a builder does nothing until it is awaited"]
pub struct ClientsBuilder {
    target: Result<Target>,
    count: usize,
    each: Box<dyn FnMut(usize, ClientBuilder) -> ClientBuilder + Send>,
}

impl ClientsBuilder {
    /// Sets the options of each client, by its number from 0.
    pub fn each(
        mut self,
        options: impl FnMut(usize, ClientBuilder) -> ClientBuilder + Send + 'static,
    ) -> Self {
        self.each = Box::new(options);
        self
    }

    async fn connect(mut self) -> Result<Vec<SocketIoClient>> {
        let target = self.target?;
        let builders: Vec<_> = (0..self.count)
            .map(|number| (self.each)(number, create_socketio_client(target.clone())))
            .collect();
        stream::iter(builders).map(IntoFuture::into_future).buffered(AT_A_TIME).try_collect().await
    }
}

impl IntoFuture for ClientsBuilder {
    type Output = Result<Vec<SocketIoClient>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

impl std::fmt::Debug for ClientsBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientsBuilder")
            .field("target", &self.target)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// Few enough that a server's backlog of connections (128 on many systems) is never full.
const AT_A_TIME: usize = 64;
