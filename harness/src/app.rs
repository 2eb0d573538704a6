use std::future::{Future, IntoFuture};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt;
use socketio_mock_client::{
    DEFAULT_TIMEOUT, IntoTarget, RegisteredClient, Registry, Target, clock_is_paused, scaled,
};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::close::{Close, Options};
use crate::connections::Connections;
use crate::faults::Faults;
use crate::hosted::{Built, Hosted, Made, Order};
use crate::listen::Memory;
use crate::panics::{HandlerPanic, Panics};
use crate::process::{self, ChildProcess, RunningProcess};
use crate::report::Leftover;
use crate::server::{Patience, Server};
use crate::service::AnyService;
use crate::subject::{IntoSubject, Kind, MakeFn, ServeFn, Subject};
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

/// Where a server of this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    OwnRuntime,
    TestRuntime,
    Memory,
}

impl AppBuilder {
    /// Listens on this port instead of a free one. A port in use is an error that names it.
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
    /// ```no_run
    /// use std::time::Duration;
    /// use socketio_harness::{CloseReason, Result, close, create_app, create_socketio_client};
    ///
    /// # fn my_server() -> axum::Router { unimplemented!() }
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
    /// any task of the test as the server's, and knows of no handler that has not returned.
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

    /// Makes [`close`](crate::close) [`strict`](Close::strict).
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
    /// seen, nor is what is encrypted. [`Faults::reset`] then ends the server's side of a connection
    /// instead of resetting it.
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
        let port = self.port.unwrap_or(0);
        let path = self.path.as_deref().unwrap_or(DEFAULT_PATH);
        let (running, target) = match self.subject.0 {
            Kind::Service(service) if self.place == Place::Memory => {
                refuse_if(self.port.is_some(), ".port(..)", "a simulated app", "it has no port")?;
                simulated(service, connections, &panics)?
            }
            Kind::Service(service) => {
                served(service, connections, port, self.place, &panics).await?
            }
            Kind::Listener(serve) => {
                let reason = "it accepts from a port; hand the service itself to `create_app`";
                let simulated = self.place == Place::Memory;
                refuse_if(simulated, ".simulated()", "a server that takes a listener", reason)?;
                listening(serve, port, self.place, &panics).await?
            }
            Kind::Process(process) => {
                let reason = "it runs outside of this process, on the clock of the machine";
                refuse_if(self.place == Place::Memory, ".simulated()", "a child process", reason)?;
                started(process, self.port, path).await?
            }
            Kind::Made(make) => made(make, connections, self.port, path, &panics).await?,
            Kind::Url(url) => {
                let reason = "it runs outside of this process, on the clock of the machine";
                refuse_if(self.place == Place::Memory, ".simulated()", "a URL", reason)?;
                refuse_if(self.port.is_some(), ".port(..)", "a URL", "the URL names its port")?;
                refuse_a_paused_clock()?;
                (Running::Elsewhere, Target::from_url(&url)?)
            }
        };
        let registry = Registry::default();
        let mut target = target.registry(registry.clone());
        if let Some(path) = self.path {
            target = target.path(path);
        }
        let mut tap = running.connections().and_then(|connections| connections.tap().cloned());
        if self.observed && tap.is_none() {
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

impl IntoFuture for AppBuilder {
    type Output = Result<App>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.boot())
    }
}

fn refuse_if(
    asked_for: bool,
    option: &'static str,
    subject: &'static str,
    reason: &'static str,
) -> Result {
    if asked_for { Err(Error::Option { option, subject, reason }) } else { Ok(()) }
}

fn simulated(
    service: AnyService,
    connections: Arc<Connections>,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    if !clock_is_paused() {
        return Err(Error::Clock {
            what: "a simulated app needs a clock that stands still, and this one runs",
            remedy: "write #[tokio::test(start_paused = true)], with tokio's feature \"test-util\"",
        });
    }
    panics.watch(Handle::current().id());
    let (memory, listener) = Memory::new();
    let server = Server::start(service, listener, connections);
    let target = Target::new("simulated", 80).connector(memory);
    Ok((Running::Here { server, addr: None }, target))
}

async fn served(
    service: AnyService,
    connections: Arc<Connections>,
    port: u16,
    place: Place,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    let (listener, addr) = bind(port).await?;
    let running = if place == Place::TestRuntime {
        panics.watch(Handle::current().id());
        Running::Here { server: Server::start(service, listener, connections), addr: Some(addr) }
    } else {
        refuse_a_paused_clock()?;
        let listener = listener.into_std().map_err(Error::Start)?;
        let start = {
            let connections = Arc::clone(&connections);
            move || Ok(Server::start(service, TcpListener::from_std(listener)?, connections))
        };
        Running::Hosted(
            Hosted::start(addr, Some(connections), panics, start).map_err(Error::Start)?,
        )
    };
    Ok((running, addr.into_target()?))
}

async fn listening(
    serve: ServeFn,
    port: u16,
    place: Place,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    let (listener, addr) = bind(port).await?;
    let running = if place == Place::TestRuntime {
        panics.watch(Handle::current().id());
        Running::Here { server: Server::start_listener(serve, listener), addr: Some(addr) }
    } else {
        refuse_a_paused_clock()?;
        let listener = listener.into_std().map_err(Error::Start)?;
        let start = move || Ok(Server::start_listener(serve, TcpListener::from_std(listener)?));
        Running::Hosted(Hosted::start(addr, None, panics, start).map_err(Error::Start)?)
    };
    Ok((running, addr.into_target()?))
}

async fn started(
    process: ChildProcess,
    port: Option<u16>,
    path: &str,
) -> Result<(Running, Target)> {
    refuse_a_paused_clock()?;
    let process = process::start(process, port, path).await?;
    let target = process.url().into_target()?;
    Ok((Running::Process(process), target))
}

/// Makes the server on the runtime that it will run on.
async fn made(
    make: MakeFn,
    connections: Arc<Connections>,
    port: Option<u16>,
    path: &str,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    refuse_a_paused_clock()?;
    let (listener, addr) = bind(port.unwrap_or(0)).await?;
    let listener = listener.into_std().map_err(Error::Start)?;
    let make = move || {
        async move {
            let listener = || TcpListener::from_std(listener).map_err(Error::Start);
            Ok(match make().await?.0 {
                Kind::Service(service) => {
                    Made::Server(Server::start(service, listener()?, connections))
                }
                Kind::Listener(serve) => Made::Server(Server::start_listener(serve, listener()?)),
                kind @ (Kind::Process(_) | Kind::Url(_) | Kind::Made(_)) => Made::Other(kind),
            })
        }
        .boxed_local()
    };
    let after = scaled(DEFAULT_TIMEOUT * 2);
    let making = Hosted::build(addr, panics, make);
    match tokio::time::timeout(after, making).await {
        Ok(built) => match built? {
            Built::Hosted(hosted) => Ok((Running::Hosted(hosted), addr.into_target()?)),
            Built::Other(Kind::Process(process)) => started(process, port, path).await,
            Built::Other(Kind::Url(url)) => Ok((Running::Elsewhere, Target::from_url(&url)?)),
            Built::Other(_) => Err(Error::NotMade { reason: "it made no server".into() }),
        },
        Err(_) => {
            Err(Error::NotMade { reason: format!("it was not made within {after:?}").into() })
        }
    }
}

/// Binds and keeps the listener: a port that was only looked up could be taken by another.
pub(crate) async fn bind(port: u16) -> Result<(TcpListener, SocketAddr)> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let cannot_listen = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortInUse { addr },
        _ => Error::Listen { addr, source },
    };
    let listener = TcpListener::bind(addr).await.map_err(cannot_listen)?;
    let addr = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, addr))
}

/// A paused clock jumps to the next deadline whenever the test waits for the server.
pub(crate) fn refuse_a_paused_clock() -> Result {
    if clock_is_paused() {
        return Err(Error::Clock {
            what: "the clock stands still, but a server on a port needs one that runs",
            remedy: "serve through memory, create_app(..).simulated(), or leave start_paused out",
        });
    }
    Ok(())
}

/// A server booted by [`create_app`].
///
/// Dropping it frees the port and cuts the connections in the background; [`close`](Self::close)
/// waits until that is done, and says what went wrong.
#[derive(Debug)]
pub struct App {
    pub(crate) running: Running,
    target: Target,
    registry: Registry,
    faults: Faults,
    /// Sees what the server receives and emits.
    pub(crate) tap: Option<Arc<Tap>>,
    pub(crate) trace: Option<Trace>,
    panics: Arc<Panics>,
    background_tasks: bool,
    strict: bool,
}

pub(crate) enum Running {
    Hosted(Hosted),
    Here { server: Server, addr: Option<SocketAddr> },
    Process(RunningProcess),
    Elsewhere,
}

impl Running {
    /// `None` for a server that accepts by itself.
    fn connections(&self) -> Option<&Arc<Connections>> {
        match self {
            Self::Hosted(hosted) => hosted.connections(),
            Self::Here { server, .. } => server.connections(),
            Self::Process(_) | Self::Elsewhere => None,
        }
    }
}

impl App {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.target.port()
    }

    /// The address it listens on. `None` for a process that listens on a name, and for a simulated
    /// app.
    pub fn addr(&self) -> Option<SocketAddr> {
        match &self.running {
            Running::Hosted(hosted) => Some(hosted.addr()),
            Running::Here { addr, .. } => *addr,
            Running::Process(_) | Running::Elsewhere => self.target.addr(),
        }
    }

    /// Its base URL, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.target.url()
    }

    /// The clients made with `create_socketio_client(&app)` that live, or have left something over:
    /// events that nobody read, acks that nobody gave.
    pub fn clients(&self) -> Vec<RegisteredClient> {
        self.registry.clients()
    }

    /// Where the clients of the app are listed, for reports on a whole test.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Connections that are open now: HTTP connections and websockets. `None` for a server that
    /// accepts them by itself and does not tell.
    pub fn open_connections(&self) -> Option<usize> {
        self.connections().map(|connections| connections.count())
    }

    /// Resolves when no connection is open; at once for a server that does not tell.
    pub fn all_disconnected(&self) -> impl Future<Output = ()> + Send + use<> {
        let connections = self.connections().cloned();
        async move {
            if let Some(connections) = connections {
                connections.all_closed().await;
            }
        }
    }

    /// The panics of its handlers so far, each told once: [`close`](crate::close) does not fail for
    /// those that a test has expected and taken.
    pub fn take_panics(&self) -> Vec<HandlerPanic> {
        self.panics.take()
    }

    /// The process, for an app that was made from a [`ChildProcess`](crate::ChildProcess).
    pub fn process(&self) -> Option<&RunningProcess> {
        match &self.running {
            Running::Process(process) => Some(process),
            _ => None,
        }
    }

    /// What the network does to the connections between this app and its clients: latency, cuts,
    /// silence. Without a fault it costs nothing.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Takes it down; see [`close`](crate::close).
    pub fn close(self) -> Close {
        self.into()
    }

    /// `None` for a server that accepts by itself.
    pub(crate) fn connections(&self) -> Option<&Arc<Connections>> {
        self.running.connections()
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Ends the server. Returns what of it is left, and the panics that nobody has taken.
    pub(crate) async fn stop(self, options: Options) -> Vec<Leftover> {
        let awaits_tasks = !self.background_tasks;
        self.faults.heal_all();
        let leftovers = match self.running {
            Running::Hosted(hosted) => {
                hosted.stop(Order { patience: options.patience, awaits_tasks }).await
            }
            Running::Here { mut server, .. } => {
                server.stop(Patience::starting_now(options.patience)).await
            }
            Running::Process(process) => process.stop(options.patience).await,
            Running::Elsewhere => Vec::new(),
        };
        self.faults.end().await;
        let panics = self.panics.take().into_iter().map(Leftover::Panic);
        leftovers.into_iter().chain(panics).collect()
    }
}

impl IntoTarget for &App {
    fn into_target(self) -> socketio_mock_client::Result<Target> {
        Ok(self.target.clone())
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Hosted(hosted) => write!(f, "listening on {}", hosted.addr()),
            Self::Here { addr: Some(addr), .. } => write!(f, "listening on {addr}"),
            Self::Here { addr: None, .. } => f.write_str("simulated"),
            Self::Process(process) => process.fmt(f),
            Self::Elsewhere => f.write_str("elsewhere"),
        }
    }
}

const DEFAULT_PATH: &str = "/socket.io";
