use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use socketio_mock_client::Registry;

use super::boot::{Order, Place, launch};
use super::{App, Running};
use crate::connections::Connections;
use crate::faults::Faults;
use crate::panics::Panics;
use crate::subject::{IntoSubject, Subject};
use crate::tap::{DEFAULT_LIMIT, ObservedConnector, Tap};
use crate::trace::{Trace, Tracing};
use crate::{Error, Result};

/// Boots a server for a test, on a free port of the loopback interface unless told otherwise.
///
/// The server runs on a thread and a tokio runtime of its own, of the same kind as the test's. So
/// [`close`](crate::close) can tell which panic was this server's, which of its handlers have not
/// returned, and leaves no task of it behind.
///
/// ```no_run
/// # use socketio_harness::{Result, close, create_app};
/// # async fn f(router: axum::Router) -> Result {
/// let app = create_app(router).await?;
/// println!("{}", app.url());
/// close(app).await
/// # }
/// ```
pub fn create_app<Marker>(subject: impl IntoSubject<Marker>) -> AppBuilder {
    AppBuilder {
        subject: subject.into_subject(),
        port: None,
        path: None,
        place: Place::OwnRuntime,
        background_tasks: false,
        strict: false,
        log_limit: DEFAULT_LIMIT,
        observed: false,
        tracing: Asked::Environment,
    }
}

/// The options of an app about to be booted. Awaiting it boots.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is awaited"]
pub struct AppBuilder {
    subject: Subject,
    port: Option<u16>,
    path: Option<String>,
    place: Place,
    background_tasks: bool,
    strict: bool,
    log_limit: usize,
    observed: bool,
    pub(crate) tracing: Asked,
}

/// Whether a trace is to be written.
#[derive(Debug)]
pub(crate) enum Asked {
    Environment,
    For(Tracing),
    ForNone,
}

impl Asked {
    pub(crate) fn tracing(self) -> Option<Tracing> {
        match self {
            Self::Environment => Tracing::from_environment(),
            Self::For(tracing) => Some(tracing),
            Self::ForNone => None,
        }
    }
}

impl AppBuilder {
    /// Listens on this port instead of a free one. A port in use is an error that names it.
    ///
    /// For a server that is to come back at its address, take a
    /// [`ReservedPort`](crate::ReservedPort).
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The path on which the server answers Socket.IO requests, if it is not `/socket.io`.
    ///
    /// The server has its own setting for it; this one tells the clients of the app.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Serves through memory instead of a port, in virtual time: tokio's clock stands still, and
    /// jumps to the next timer when there is nothing left to do. Heartbeats, timeouts and delays
    /// take no time, and happen in the same order on every run.
    ///
    /// For services only, and under a paused clock: `#[tokio::test(start_paused = true)]`, or
    /// `tokio::time::pause()`, which need tokio's feature `test-util`. With a running clock it is
    /// an error that says so.
    ///
    /// The server shares the test's runtime. So [`close`](crate::close) counts a panic of any task
    /// of the test as the server's, and knows of no handler that has not returned.
    ///
    /// ```no_run,test_harness
    /// use std::time::Duration;
    /// use socketio_harness::{CloseReason, Result, close, create_app, create_socketio_client};
    ///
    /// # fn my_server() -> axum::Router { axum::Router::new() }
    /// #[tokio::test(start_paused = true)]
    /// async fn a_silent_client_is_given_up() -> Result {
    ///     let app = create_app(my_server()).simulated().await?;
    ///     let client = create_socketio_client(&app).timeout(Duration::from_mins(1)).await?;
    ///     client.answer_pings(false)?;
    ///     assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    ///     close(app).await
    /// }
    /// ```
    pub fn simulated(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Runs the server on the test's runtime, for one that has to share something with the test
    /// that is bound to the thread or the runtime. [`close`](crate::close) then counts a panic of
    /// any task of the test as the server's, and knows of no handler that has not returned; the
    /// connections of a server that accepts by itself ([`serve`](crate::serve)) go on.
    pub fn in_test_runtime(mut self) -> Self {
        self.place = Place::TestRuntime;
        self
    }

    /// The server has tasks that go on for as long as it runs: [`close`](crate::close) stops them,
    /// and does not wait for their ends.
    pub fn background_tasks(mut self) -> Self {
        self.background_tasks = true;
        self
    }

    /// Makes [`close`](crate::close) [`strict`](crate::Close::strict).
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// How much of what the server receives and emits is kept for [`App::log`], in bytes. Beyond it,
    /// the oldest is dropped and counted. Default 16 MiB; 0 keeps nothing.
    pub fn log_limit(mut self, bytes: usize) -> Self {
        self.log_limit = bytes;
        self
    }

    /// Reads along for [`App::received`], [`App::emitted`] and [`App::log`] where the server's own
    /// connections are out of reach: a child process, a URL, a server that accepts by itself. What
    /// clients made from `&app` have sent and got counts as received and emitted; others are not
    /// seen. A server that speaks TLS is refused, as it cannot be read. [`Faults::reset`] then ends
    /// the server's side of a connection instead of resetting it.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use socketio_harness::{ChildProcess, Result, close, create_app, create_socketio_client};
    /// # async fn f() -> Result {
    /// let server = ChildProcess::new("node").arg("server.js");
    /// let app = create_app(server).observed().await?;
    /// let client = create_socketio_client(&app).await?;
    /// client.send("join", "lobby")?;
    /// app.received("join").args(json!(["lobby"])).await;
    /// app.emitted("joined").times(1).await;
    /// # client.close().await?; close(app).await }
    /// ```
    pub fn observed(mut self) -> Self {
        self.observed = true;
        self
    }

    /// Leaves the trace to whatever this app is a part of.
    pub(crate) fn untraced(mut self) -> Self {
        self.tracing = Asked::ForNone;
        self
    }

    async fn boot(self) -> Result<App> {
        let panics = Arc::new(Panics::default());
        let tap = (self.log_limit > 0).then(|| Arc::new(Tap::new(self.log_limit)));
        let connections = Connections::new(tap);
        let order = Order {
            port: self.port,
            path: self.path.as_deref().unwrap_or(DEFAULT_PATH),
            place: self.place,
        };
        let (running, target) = launch(self.subject, order, connections, &panics).await?;
        let registry = Registry::default();
        let mut target = target.registry(registry.clone()).explained_by(reasons(&running, &panics));
        if let Some(path) = self.path {
            target = target.path(path);
        }
        let mut tap = running.connections().and_then(|connections| connections.tap().cloned());
        if self.observed && tap.is_none() {
            if target.url().starts_with("https:") {
                return Err(Error::Option {
                    option: ".observed()",
                    subject: "a server that speaks TLS",
                    reason: "what is encrypted cannot be read; serve plain HTTP in the test, or \
                             assert on what the clients received",
                });
            }
            let own = Arc::new(Tap::new(self.log_limit));
            tap = Some(Arc::clone(&own));
            target = target.map_connector(|inner| Arc::new(ObservedConnector::new(inner, own)));
        }
        let begin = |tracing: Tracing| tracing.begin(&target.url(), &registry, tap.clone());
        let trace = self.tracing.tracing().map(begin).transpose()?;
        let diary = trace.as_ref().map(Trace::diary).unwrap_or_default();
        let faults = Faults::new(target, diary);
        let target = faults.target();
        let (background_tasks, strict) = (self.background_tasks, self.strict);
        Ok(App { running, target, registry, faults, tap, trace, panics, background_tasks, strict })
    }
}

/// Why a client of the app may wait in vain.
fn reasons(
    running: &Running,
    panics: &Arc<Panics>,
) -> impl Fn() -> Vec<String> + Send + Sync + use<> {
    // A client that outlives its app keeps nothing of it.
    let panics = Arc::downgrade(panics);
    let process = match running {
        Running::Process(process) => Some(process.fate()),
        _ => None,
    };
    move || {
        let panics = panics.upgrade().map(|panics| panics.so_far()).unwrap_or_default();
        let ended = process.as_ref().and_then(|fate| fate());
        let ended = ended.map(|status| format!("the server's process has ended ({status})"));
        panics.iter().map(ToString::to_string).chain(ended).collect()
    }
}

impl IntoFuture for AppBuilder {
    type Output = Result<App>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.boot())
    }
}

const DEFAULT_PATH: &str = "/socket.io";
