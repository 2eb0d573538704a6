use std::future::{Future, IntoFuture};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use socketio_mock_client::{IntoTarget, RegisteredClient, Registry, Target};

use crate::Result;
use crate::faults::Faults;
use crate::process::RunningProcess;
use crate::server::Server;
use crate::subject::{IntoSubject, Kind, Subject};
use crate::tap::{DEFAULT_LIMIT, Tap};
use crate::trace::{Trace, Tracing};

/// Boots a server for a test, on a free port of the loopback interface unless told otherwise.
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
        port: 0,
        path: None,
        log_limit: DEFAULT_LIMIT,
        tracing: None,
    }
}

/// Takes an app down; the same as [`App::close`].
pub async fn close(app: App) -> Result {
    app.close().await
}

/// The options of an app about to be booted. Awaiting it boots.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is awaited"]
pub struct AppBuilder {
    subject: Subject,
    port: u16,
    path: Option<String>,
    log_limit: usize,
    pub(crate) tracing: Option<Tracing>,
}

impl AppBuilder {
    /// Listens on this port instead of a free one. A port in use is an error that names it.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The path on which the server answers Socket.IO requests, if it is not `/socket.io`.
    ///
    /// The server has its own setting for it; this one tells the clients of the app.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// How much of what the server receives and emits is kept for [`App::log`], in bytes. Beyond it,
    /// the oldest is dropped and counted. Default 16 MiB; 0 keeps nothing.
    pub fn log_limit(mut self, bytes: usize) -> Self {
        self.log_limit = bytes;
        self
    }

    async fn boot(self) -> Result<App> {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let running = match self.subject.0 {
            Kind::Service(service) => {
                let tap = (self.log_limit > 0).then(|| Arc::new(Tap::new(self.log_limit)));
                Running::Server(Server::start(service, loopback, tap).await?)
            }
            Kind::Process(process) => {
                Running::Process(RunningProcess::start(process, self.port).await?)
            }
        };
        let mut target = match &running {
            Running::Server(server) => server.addr().into_target()?,
            Running::Process(process) => process.url().into_target()?,
        };
        if let Some(path) = self.path {
            target = target.path(path);
        }
        let registry = Registry::default();
        let target = target.registry(registry.clone());
        let tracing = self.tracing.or_else(Tracing::from_environment);
        let trace = tracing.map(|tracing| tracing.begin(target.url(), &registry)).transpose()?;
        let faults = Faults::new(target);
        Ok(App { running, target: faults.target(), registry, faults, trace })
    }
}

impl IntoFuture for AppBuilder {
    type Output = Result<App>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.boot())
    }
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
    pub(crate) trace: Option<Trace>,
}

pub(crate) enum Running {
    Server(Server),
    Process(RunningProcess),
}

impl App {
    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.target.port()
    }

    /// The address it listens on. `None` for a process that listens on a name.
    pub fn addr(&self) -> Option<SocketAddr> {
        match &self.running {
            Running::Server(server) => Some(server.addr()),
            Running::Process(_) => self.target.addr(),
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

    /// Connections that are open now: HTTP connections and websockets. `None` for a process,
    /// which does not tell.
    pub fn open_connections(&self) -> Option<usize> {
        match &self.running {
            Running::Server(server) => Some(server.open_connections()),
            Running::Process(_) => None,
        }
    }

    /// The process id, for an app that is a child process.
    pub fn process_id(&self) -> Option<u32> {
        match &self.running {
            Running::Server(_) => None,
            Running::Process(process) => process.id(),
        }
    }

    /// What the network does to the connections between this app and its clients: latency, cuts,
    /// silence. Without a fault it costs nothing.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Stops listening, cuts the connections that are left, and resolves when the port can be
    /// bound again and the server has let go of every connection and session.
    ///
    /// Fails with [`Error::StillOpen`](crate::Error::StillOpen) if it does not let go.
    pub async fn close(self) -> Result {
        self.faults.heal_all();
        let stopped = match self.running {
            Running::Server(server) => server.stop().await,
            Running::Process(process) => {
                process.stop().await;
                Ok(())
            }
        };
        self.faults.end().await;
        if let Some(trace) = self.trace {
            trace.finish(&stopped);
        }
        stopped
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
            Self::Server(server) => write!(f, "listening on {}", server.addr()),
            Self::Process(process) => write!(f, "process {:?} at {}", process.id(), process.url()),
        }
    }
}
