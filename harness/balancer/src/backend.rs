use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use crate::dial::Dial;
use crate::proxy::Tasks;

/// What a server behind the balancer is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Takes new sessions.
    #[default]
    Up,
    /// Keeps its sessions and takes no new ones.
    Draining,
    /// Gets nothing: its connections were cut when it went down, its sessions are forgotten.
    Down,
}

/// A server behind the balancer, as [`Balancer::backends`](crate::Balancer::backends) shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backend {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is good for.
    pub state: State,
    /// Requests it has been sent, upgrades included, since it was added.
    pub requests: usize,
    /// Sessions it holds, as far as the balancer knows: those learnt from handshakes, and open
    /// websockets.
    pub sessions: usize,
}

/// A server, and the way to it.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) dial: Dial,
    pub(crate) client: Client<Dial, Body>,
    /// Cuts everything that goes through it.
    pub(crate) cut: CancellationToken,
    pub(crate) requests: AtomicUsize,
    /// Websockets that belong to no session learnt from a handshake.
    pub(crate) websockets: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn new(address: SocketAddr, dial: Dial, tasks: &Tasks) -> Arc<Self> {
        let cut = tasks.ending.child_token();
        let executor = Tasks { tracker: tasks.tracker.clone(), ending: cut.clone() };
        let client = Client::builder(executor)
            .pool_timer(TokioTimer::new())
            .set_host(false) // the client's own `host` goes through
            .build(dial.clone());
        Arc::new(Self {
            address,
            dial,
            client,
            cut,
            requests: AtomicUsize::new(0),
            websockets: Arc::default(),
        })
    }

    pub(crate) fn websockets(&self) -> usize {
        self.websockets.load(Ordering::Relaxed)
    }
}
