use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::backend::{Backend, Server, State};
use crate::dial::Dial;
use crate::policy::Policy;
use crate::proxy::{Tasks, forward};
use crate::sessions::Sessions;

/// A load balancer that runs until it is closed or dropped.
///
/// Servers are added, removed and taken down while it runs. It never checks them by itself: a test
/// decides when a server is to be down. A request that could not reach its server is answered with
/// 502, after the others have been tried if nothing of it had been sent.
#[must_use = "dropping the balancer cuts its connections"]
pub struct Balancer {
    inner: Arc<Inner>,
    address: SocketAddr,
}

pub(crate) struct Inner {
    pub(crate) policy: Policy,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) tasks: Tasks,
    servers: Mutex<Vec<(Arc<Server>, State)>>,
    turn: AtomicUsize,
}

impl Balancer {
    /// Balances what arrives at `listener`.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(listener: TcpListener, policy: Policy) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            policy,
            sessions: Arc::default(),
            tasks: Tasks::default(),
            servers: Mutex::default(),
            turn: AtomicUsize::new(0),
        });
        inner.tasks.spawn(accept(listener, Arc::clone(&inner)));
        Ok(Self { inner, address })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL that clients connect to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a server, up; tells whether it was new.
    pub fn add(&self, address: SocketAddr) -> bool {
        self.add_by(address, Dial::tcp(address))
    }

    /// Adds a server that is reached by connections that `open` opens; `address` only names it.
    pub fn add_with<F, S>(
        &self,
        address: SocketAddr,
        open: impl Fn() -> F + Send + Sync + 'static,
    ) -> bool
    where
        F: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        self.add_by(address, Dial::new(open))
    }

    fn add_by(&self, address: SocketAddr, dial: Dial) -> bool {
        let mut servers = self.inner.servers();
        let new = servers.iter().all(|(server, _)| server.address != address);
        if new {
            servers.push((Server::new(address, dial, &self.inner.tasks), State::Up));
        }
        new
    }

    /// Removes a server, cuts its connections and forgets its sessions; tells whether it was there.
    pub fn remove(&self, address: SocketAddr) -> bool {
        let mut servers = self.inner.servers();
        let Some(at) = servers.iter().position(|(server, _)| server.address == address) else {
            return false;
        };
        servers.remove(at).0.cut.cancel();
        self.inner.sessions.forget(address);
        true
    }

    /// Says what a server is good for from now on; tells whether it is there. One that goes down
    /// loses its connections at once and starts with new ones when it is up again.
    pub fn set_state(&self, address: SocketAddr, state: State) -> bool {
        let mut servers = self.inner.servers();
        let Some(found) = servers.iter_mut().find(|(server, _)| server.address == address) else {
            return false;
        };
        if state == State::Down && found.1 != State::Down {
            found.0.cut.cancel();
            let requests = found.0.requests.load(Ordering::Relaxed);
            found.0 = Server::new(address, found.0.dial.clone(), &self.inner.tasks);
            found.0.requests.store(requests, Ordering::Relaxed);
            self.inner.sessions.forget(address);
        }
        found.1 = state;
        true
    }

    /// The servers, in the order in which they were added.
    pub fn backends(&self) -> Vec<Backend> {
        let servers = self.inner.servers();
        let shown = |(server, state): &(Arc<Server>, State)| Backend {
            address: server.address,
            state: *state,
            requests: server.requests.load(Ordering::Relaxed),
            sessions: self.inner.load(server),
        };
        servers.iter().map(shown).collect()
    }

    /// Cuts every connection and resolves when all tasks have ended and the port is free.
    pub async fn close(&self) {
        let tasks = self.inner.tasks.clone();
        tasks.ending.cancel();
        tasks.tracker.close();
        tasks.tracker.wait().await;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.inner.tasks.ending.cancel();
    }
}

impl fmt::Debug for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer")
            .field("address", &self.address)
            .field("policy", &self.inner.policy)
            .field("backends", &self.backends())
            .finish()
    }
}

impl Inner {
    /// The server for a request, none of which is in `tried`.
    pub(crate) fn choose(&self, sid: Option<&str>, tried: &[SocketAddr]) -> Option<Arc<Server>> {
        let servers = self.servers();
        if self.policy == Policy::Sticky
            && let Some(owner) = sid.and_then(|sid| self.sessions.server_of(sid))
            && !tried.contains(&owner)
            && let Some((server, _)) =
                servers.iter().find(|(it, state)| it.address == owner && *state != State::Down)
        {
            return Some(Arc::clone(server));
        }
        let free: Vec<&Arc<Server>> = servers
            .iter()
            .filter(|(it, state)| *state == State::Up && !tried.contains(&it.address))
            .map(|(server, _)| server)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..free.len()).filter_map(|n| free.get((turn + n) % free.len()));
        let chosen = match self.policy {
            // `min_by_key` keeps the first of equals: the one whose turn it is.
            Policy::Sticky => in_turn.min_by_key(|server| self.load(server)),
            Policy::RoundRobin | Policy::WebsocketOnly => in_turn.next(),
        };
        chosen.map(|server| Arc::clone(server))
    }

    fn load(&self, server: &Server) -> usize {
        self.sessions.count(server.address) + server.websockets()
    }

    fn servers(&self) -> MutexGuard<'_, Vec<(Arc<Server>, State)>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                inner.tasks.spawn(serve(stream, client, Arc::clone(&inner)));
            }
            Err(error) => {
                // Out of descriptors: trying again at once would only burn the time to get some.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, client: SocketAddr, inner: Arc<Inner>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%client, %error, "a client left at once");
    }
    let service = service_fn(|request| {
        let answer = forward(Arc::clone(&inner), client, request);
        async { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = serving.await {
        tracing::debug!(%client, %error, "connection ended");
    }
}

const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
