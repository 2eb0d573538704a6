//! Starting a server, whatever it is and wherever it runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures::FutureExt;
use socketio_mock_client::{DEFAULT_TIMEOUT, IntoTarget, Target, clock_is_paused, scaled};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use super::Running;
use crate::connections::Connections;
use crate::hosted::{Built, Hosted, Made};
use crate::listen::Memory;
use crate::panics::Panics;
use crate::process::{self, ChildProcess};
use crate::server::Server;
use crate::service::AnyService;
use crate::subject::{Kind, MakeFn, ServeFn, Subject};
use crate::{Error, Result};

/// Where a server is to run, and how it is to be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    pub(super) place: Place,
}

/// Where a server of this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    OwnRuntime,
    TestRuntime,
    Memory,
}

/// Starts a server of any kind, or refuses what that kind cannot do.
pub(super) async fn launch(
    subject: Subject,
    order: Order<'_>,
    connections: Arc<Connections>,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    match subject.0 {
        Kind::Service(service) if order.place == Place::Memory => {
            refuse_if(order.port.is_some(), ".port(..)", "a simulated app", "it has no port")?;
            simulated(service, connections, panics)
        }
        Kind::Service(service) => served(service, connections, &order, panics),
        Kind::Listener(serve) => {
            let reason = "it accepts from a port; hand the service itself to `create_app`";
            let simulated = order.place == Place::Memory;
            refuse_if(simulated, ".simulated()", "a server that takes a listener", reason)?;
            listening(serve, &order, panics)
        }
        Kind::Process(process) => {
            let reason = "it runs outside of this process, on the clock of the machine";
            refuse_if(order.place == Place::Memory, ".simulated()", "a child process", reason)?;
            started(process, order.port, order.path).await
        }
        Kind::Made(make) => made(make, connections, order, panics).await,
        Kind::Url(url) => {
            let reason = "it runs outside of this process, on the clock of the machine";
            refuse_if(order.place == Place::Memory, ".simulated()", "a URL", reason)?;
            refuse_if(order.port.is_some(), ".port(..)", "a URL", "the URL names its port")?;
            refuse_a_paused_clock()?;
            Ok((Running::Elsewhere, Target::from_url(&url)?))
        }
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

fn served(
    service: AnyService,
    connections: Arc<Connections>,
    order: &Order<'_>,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    refuse_a_paused_clock()?;
    let (listener, addr) = bind(order.port.unwrap_or(0))?;
    let running = if order.place == Place::TestRuntime {
        panics.watch(Handle::current().id());
        let listener = TcpListener::from_std(listener).map_err(Error::Start)?;
        Running::Here { server: Server::start(service, listener, connections), addr: Some(addr) }
    } else {
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

fn listening(serve: ServeFn, order: &Order<'_>, panics: &Arc<Panics>) -> Result<(Running, Target)> {
    refuse_a_paused_clock()?;
    let (listener, addr) = bind(order.port.unwrap_or(0))?;
    let running = if order.place == Place::TestRuntime {
        panics.watch(Handle::current().id());
        let listener = TcpListener::from_std(listener).map_err(Error::Start)?;
        Running::Here { server: Server::start_listener(serve, listener), addr: Some(addr) }
    } else {
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
    order: Order<'_>,
    panics: &Arc<Panics>,
) -> Result<(Running, Target)> {
    refuse_a_paused_clock()?;
    let (listener, addr) = bind(order.port.unwrap_or(0))?;
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
            Built::Other(Kind::Process(process)) => started(process, order.port, order.path).await,
            Built::Other(Kind::Url(url)) => Ok((Running::Elsewhere, Target::from_url(&url)?)),
            Built::Other(_) => Err(Error::NotMade { reason: "it made no server".into() }),
        },
        Err(_) => {
            Err(Error::NotMade { reason: format!("it was not made within {after:?}").into() })
        }
    }
}

/// Binds and keeps the listener: a port that was only looked up could be taken by another. It can be
/// moved to the runtime that will serve.
pub(crate) fn bind(port: u16) -> Result<(std::net::TcpListener, SocketAddr)> {
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let cannot_listen = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::PortInUse { addr },
        _ => Error::Listen { addr, source },
    };
    let listener = std::net::TcpListener::bind(addr).map_err(cannot_listen)?;
    listener.set_nonblocking(true).map_err(cannot_listen)?;
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
