//! A server under test.

mod boot;
mod builder;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socketio_mock_client::{
    DEFAULT_TIMEOUT, IntoTarget, RegisteredClient, Registry, Target, clock_is_paused, scaled,
};

use crate::close::{Close, Options};
use crate::connections::Connections;
use crate::faults::Faults;
use crate::hosted::{Hosted, Order};
use crate::panics::{HandlerPanic, Panics};
use crate::patience::Patience;
use crate::process::RunningProcess;
use crate::report::Leftover;
use crate::server::Server;
use crate::tap::Tap;
use crate::trace::Trace;
use crate::{Error, Result};

pub(crate) use boot::{bind, refuse_a_paused_clock};
pub(crate) use builder::Asked;
pub use builder::{AppBuilder, create_app};

const AN_HOUR: Duration = Duration::from_hours(1);

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

    /// Resolves when no connection is open; at once for a server that does not tell. Fails after
    /// 5 s, scaled; on a clock that stands still after an hour of it, since a server may notice by
    /// its heartbeat alone that a client has gone.
    pub fn all_disconnected(&self) -> impl Future<Output = Result> + Send + use<> {
        let connections = self.connections().cloned();
        async move {
            let Some(connections) = connections else { return Ok(()) };
            let after = if clock_is_paused() { AN_HOUR } else { scaled(DEFAULT_TIMEOUT) };
            let closed = tokio::time::timeout(after, connections.all_closed()).await;
            closed.map_err(|_| Error::StillConnected { after, connections: connections.describe() })
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
                // Where it accepts by itself, its connections are tasks, and end with its runtime.
                let cuts_tasks = options.disconnects_clients && hosted.connections().is_none();
                let awaits_tasks = awaits_tasks && !cuts_tasks;
                hosted.stop(Order { patience: options.patience, awaits_tasks }).await
            }
            Running::Here { mut server, .. } => {
                server.stop(Patience::starting_now(options.patience)).await
            }
            Running::Process(process) => {
                process.stop(Patience::starting_now(options.patience)).await
            }
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
