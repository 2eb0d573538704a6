//! The server's side of a conversation, as an [`App`] shows it.

use std::sync::Arc;

use super::{Flow, ServerExpectation, ServerLog, Tap};
use crate::app::{App, Running};
use crate::{Error, Result};

impl App {
    /// Expects that the server has received, or soon receives, an event of this name.
    ///
    /// For any tower service, without a change to it: the harness reads along at the connections.
    /// Looks at everything since the app was booted.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use socketio_harness::{Result, close, create_app, create_socketio_client};
    /// # fn my_server() -> axum::Router {
    /// #     let (layer, io) = socketioxide::SocketIo::new_layer();
    /// #     io.ns("/", async |_: socketioxide::extract::SocketRef| {});
    /// #     axum::Router::new().layer(layer)
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result {
    /// let app = create_app(my_server()).await?;
    /// let client = create_socketio_client(&app).await?;
    /// client.send("typing", ("harry", true))?;
    ///
    /// app.received("typing").client(&client).args(json!(["harry", true])).times(1).await?;
    /// app.emitted("typing").never()?; // nobody else is there to be told
    /// # client.close().await?; close(app).await }
    /// ```
    ///
    /// Fails for a server in a process of its own, and for a client that compresses its websocket.
    pub fn received(&self, event: &str) -> ServerExpectation {
        ServerExpectation::new(self.tap(), Flow::Received, event)
    }

    /// Expects that the server has emitted, or soon emits, an event of this name. A broadcast is
    /// one event for each client it reaches.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use socketio_harness::{App, Result, SocketIoClient};
    /// # async fn f(app: App, client: SocketIoClient, others: Vec<SocketIoClient>) -> Result {
    /// app.emitted("myEventResult").client(&client).args(json!([{"result": 6}])).await?;
    /// app.emitted("joined").times(others.len()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// See [`received`](Self::received).
    pub fn emitted(&self, event: &str) -> ServerExpectation {
        ServerExpectation::new(self.tap(), Flow::Emitted, event)
    }

    /// What the server received and emitted so far: events, acks, and what the protocol itself
    /// says.
    ///
    /// ```no_run
    /// # fn f(app: &socketio_harness::App) -> socketio_harness::Result {
    /// let log = app.log()?;
    /// let names: Vec<_> = log.emitted().filter_map(|packet| packet.event()).collect();
    /// assert_eq!(names, ["welcome", "tick"], "{log}");
    /// # Ok(()) }
    /// ```
    ///
    /// Fails for a server in a process of its own.
    pub fn log(&self) -> Result<ServerLog> {
        Ok(self.tap()?.log())
    }

    fn tap(&self) -> Result<Arc<Tap>> {
        let (tap, reason) = match &self.running {
            Running::Server(server) => {
                (server.tap(), "the app was booted with `.log_limit(0)`; leave that out")
            }
            Running::Process(_) => (
                None,
                "the server runs in a process of its own; assert on what the clients received, \
                 or boot it as a service in this process",
            ),
        };
        tap.cloned().ok_or(Error::NotObserved { reason })
    }
}
