//! The server's side of a conversation, as an [`App`] shows it.

use std::sync::Arc;

use socketio_mock_client::{DEFAULT_TIMEOUT, Expectation, First, SocketIoClient, Tries, scaled};

use super::followed::Followed;
use super::source::{ServerSource, Whose};
use super::{Flow, ServerEvent, ServerLog, Tap};
use crate::app::{App, Running};
use crate::trace::{Diary, Trace};
use crate::{Error, Result};

/// # What the server received and emitted
///
/// For any tower service, without a change to it: the harness reads along at the connections.
/// Expectations are those of the client ([`SocketIoClient::expect`]), over everything since the
/// app was booted; `.times(n)` raises a fence on every client made from the app before it says
/// that there were no more, and waits until those that were dropped have left; `.times(0)` proves
/// that there were none. It fails if that cannot be known, because some of the log was dropped
/// before it was read, or is compressed.
///
/// For a server in a process of its own they need [`observed`](crate::AppBuilder::observed), and
/// fail without it. They see nothing in a compressed websocket.
impl App {
    /// The server should receive, or have received, an event of this name.
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
    /// app.received("typing").args(json!(["harry", true])).times(1).await;
    /// app.emitted("typing").times(0).await; // nobody else is there to be told
    /// # client.close().await?; close(app).await }
    /// ```
    #[track_caller]
    pub fn received(&self, event: &str) -> Expectation<ServerEvent> {
        self.everybodys(Flow::Received).expect(event)
    }

    /// [`received`](Self::received) with an error instead of a panic.
    #[track_caller]
    pub fn try_received(&self, event: &str) -> Expectation<ServerEvent, First, Tries> {
        self.everybodys(Flow::Received).try_expect(event)
    }

    /// The server should emit, or have emitted, an event of this name. A broadcast is one event
    /// for each client it reaches.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use socketio_harness::{App, SocketIoClient};
    /// # async fn f(app: App, others: Vec<SocketIoClient>) {
    /// app.emitted("myEventResult").args_include(json!([{"result": 6}])).await;
    /// app.emitted("joined").times(others.len()).await;
    /// # }
    /// ```
    #[track_caller]
    pub fn emitted(&self, event: &str) -> Expectation<ServerEvent> {
        self.everybodys(Flow::Emitted).expect(event)
    }

    /// [`emitted`](Self::emitted) with an error instead of a panic.
    #[track_caller]
    pub fn try_emitted(&self, event: &str) -> Expectation<ServerEvent, First, Tries> {
        self.everybodys(Flow::Emitted).try_expect(event)
    }

    /// The same for one client, in its namespace, over all of its connections.
    ///
    /// ```no_run
    /// # use socketio_harness::{App, SocketIoClient};
    /// # async fn f(app: App, sender: SocketIoClient, other: SocketIoClient) {
    /// app.for_client(&other).emitted("message").times(1).await;
    /// app.for_client(&sender).emitted("message").times(0).await; // it knows what it said
    /// # }
    /// ```
    pub fn for_client<'a>(&'a self, client: &'a SocketIoClient) -> ClientOfServer<'a> {
        ClientOfServer { app: self, client }
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
    /// Fails for a server in a process of its own, unless it was booted with
    /// [`observed`](crate::AppBuilder::observed).
    pub fn log(&self) -> Result<ServerLog> {
        Ok(self.tap()?.log())
    }

    fn everybodys(&self, flow: Flow) -> ServerSource {
        let whose = Whose::Everybodys(self.registry().clone());
        let (tap, diary) = (self.tap(), self.diary());
        ServerSource::new(tap, flow, whose, diary)
    }

    fn diary(&self) -> Diary {
        self.trace.as_ref().map(Trace::diary).unwrap_or_default()
    }

    fn tap(&self) -> Result<Arc<Tap>> {
        if let Some(tap) = &self.tap {
            return Ok(Arc::clone(tap));
        }
        let reason = match (&self.running, self.connections()) {
            (_, Some(_)) => "the app was booted with `.log_limit(0)`; leave that out",
            (Running::Process(_) | Running::Elsewhere, None) => {
                "the server runs in a process of its own; boot it with `.observed()`, assert on \
                 what the clients received, or boot it as a service in this process"
            }
            (Running::Hosted(_) | Running::Here { .. }, None) => {
                "the server accepts its connections by itself; boot it with `.observed()`, assert \
                 on what the clients received, or boot it as a service"
            }
        };
        Err(Error::NotObserved { reason })
    }
}

/// One client as the server sees it; see [`App::for_client`].
#[derive(Debug, Clone, Copy)]
pub struct ClientOfServer<'a> {
    app: &'a App,
    client: &'a SocketIoClient,
}

impl ClientOfServer<'_> {
    /// The server should receive, or have received, an event from the client.
    #[track_caller]
    pub fn received(&self, event: &str) -> Expectation<ServerEvent> {
        self.source(Flow::Received).expect(event)
    }

    /// [`received`](Self::received) with an error instead of a panic.
    #[track_caller]
    pub fn try_received(&self, event: &str) -> Expectation<ServerEvent, First, Tries> {
        self.source(Flow::Received).try_expect(event)
    }

    /// The server should emit, or have emitted, an event to the client.
    #[track_caller]
    pub fn emitted(&self, event: &str) -> Expectation<ServerEvent> {
        self.source(Flow::Emitted).expect(event)
    }

    /// [`emitted`](Self::emitted) with an error instead of a panic.
    #[track_caller]
    pub fn try_emitted(&self, event: &str) -> Expectation<ServerEvent, First, Tries> {
        self.source(Flow::Emitted).try_expect(event)
    }

    fn source(&self, flow: Flow) -> ServerSource {
        let client = Followed::new(self.client);
        let tap = if client.is_known() {
            self.app.tap()
        } else {
            Err(Error::NotObserved {
                reason: "the engine of this client does not tell the id that the server knows it \
                         by; ask the app for everybody's, or take Engine::Native",
            })
        };
        let whose = Whose::Client(Box::new(client));
        ServerSource::new(tap, flow, whose, self.app.diary())
    }
}

impl ServerSource {
    #[track_caller]
    fn expect(self, event: &str) -> Expectation<ServerEvent> {
        Expectation::new(self, event, scaled(DEFAULT_TIMEOUT))
    }

    #[track_caller]
    fn try_expect(self, event: &str) -> Expectation<ServerEvent, First, Tries> {
        Expectation::new(self, event, scaled(DEFAULT_TIMEOUT))
    }
}
