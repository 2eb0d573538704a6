//! Who made which clients of a target: what the harness asks before it takes an app down.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use socketio_proto::connection::CloseReason;

use crate::observer::Observer;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Result, Transcript, settle};

/// The clients that were made for one [`Target`](crate::Target), in the order they were made.
///
/// Clients are held weakly: one that was dropped and left nothing over is forgotten, unless the
/// registry was told to [`keep_all`](Self::keep_all).
///
/// ```no_run
/// use socketio_mock_client::{Registry, Target, create_socketio_client};
///
/// # async fn f() -> socketio_mock_client::Result {
/// let registry = Registry::default();
/// let target = Target::new("127.0.0.1", 3000).registry(registry.clone());
/// let client = create_socketio_client(target).name("alice").await?;
/// for client in registry.clients() {
///     println!("{}: {}", client.name(), client.fate());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    connections: usize,
    next: usize,
    keeps_all: bool,
    observer: Option<Arc<dyn Observer>>,
    members: BTreeMap<usize, Arc<Member>>,
}

impl Drop for State {
    /// Clients that were kept hold their place, which holds them.
    fn drop(&mut self) {
        for member in self.members.values() {
            member.release();
        }
    }
}

/// One client, on one namespace, as its [`Registry`] knows it.
#[derive(Clone)]
pub struct RegisteredClient(Arc<Member>);

/// What became of a client; see [`RegisteredClient::fate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It lives, and nobody has asked for its end.
    Open,
    /// It was closed.
    Closed,
    /// It was dropped, which closes it in the background.
    Dropped,
    /// The server or the network ended it, and the test was told so.
    Ended,
}

/// What a client has not dealt with, as far as it knows; see [`RegisteredClient::leftovers`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftovers {
    /// Events that came and that nobody has read, by name, with their number.
    pub unread: Vec<(String, usize)>,
    /// Events of the server that asked for an ack and got none, by name, with their number.
    pub unacked: Vec<(String, usize)>,
    /// Events sent with an ack that had not come when the test stopped waiting for it, by name.
    pub unanswered: Vec<String>,
}

impl Leftovers {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.unacked.is_empty() && self.unanswered.is_empty()
    }
}

/// A registry as its clients hold it: a client that is kept must not keep the registry.
#[derive(Clone)]
pub(crate) struct WeakRegistry(Weak<Mutex<State>>);

/// A client's place in the registry, held by the client.
pub(crate) struct Membership {
    registry: WeakRegistry,
    member: Arc<Member>,
}

struct Member {
    number: usize,
    name: Arc<str>,
    namespace: Arc<str>,
    fate: AtomicU8,
    client: Mutex<Client>,
}

enum Client {
    Held { shared: Weak<Shared>, socket: Weak<Socket> },
    Kept { shared: Arc<Shared>, socket: Arc<Socket> },
    Gone { leftovers: Leftovers },
}

impl Registry {
    /// The clients made so far that live or have left something over.
    pub fn clients(&self) -> Vec<RegisteredClient> {
        self.lock().members.values().cloned().map(RegisteredClient).collect()
    }

    /// Forgets no client made from now on, and keeps the transcript of each: for reports on a whole
    /// test. A closed client then costs what an open one does, until the registry is dropped.
    pub fn keep_all(&self) {
        self.lock().keeps_all = true;
    }

    /// Tells `observer` of every connection made from now on; there is one observer at most.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.lock().observer = Some(observer);
    }

    pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.lock().observer.clone()
    }

    /// The name of the next connection that was given none.
    pub(crate) fn next_name(&self) -> Arc<str> {
        let mut state = self.lock();
        state.connections += 1;
        format!("client {}", state.connections).into()
    }

    pub(crate) fn enter(&self, name: Arc<str>, shared: &Arc<Shared>, socket: &Arc<Socket>) {
        let mut state = self.lock();
        state.next += 1;
        let client = if state.keeps_all {
            Client::Kept { shared: Arc::clone(shared), socket: Arc::clone(socket) }
        } else {
            Client::Held { shared: Arc::downgrade(shared), socket: Arc::downgrade(socket) }
        };
        let member = Arc::new(Member {
            number: state.next,
            name,
            namespace: Arc::clone(&socket.namespace),
            fate: AtomicU8::new(Fate::Open as u8),
            client: Mutex::new(client),
        });
        state.members.insert(member.number, Arc::clone(&member));
        drop(state);
        socket.enter(Membership { registry: self.downgrade(), member });
    }

    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.state))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<Registry> {
        self.0.upgrade().map(|state| Registry { state })
    }
}

impl RegisteredClient {
    /// Its name: that of [`ClientBuilder::name`](crate::ClientBuilder::name), or `client 1`,
    /// `client 2`, … in the order of the connections.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.0.namespace
    }

    /// What became of it.
    pub fn fate(&self) -> Fate {
        match self.0.fate.load(Ordering::Acquire) {
            fate if fate == Fate::Closed as u8 => Fate::Closed,
            fate if fate == Fate::Dropped as u8 => Fate::Dropped,
            fate if fate == Fate::Ended as u8 => Fate::Ended,
            _ => Fate::Open,
        }
    }

    /// Why its namespace is disconnected, if it was connected and is no longer; `None`, too, if it
    /// was dropped and not kept.
    pub fn disconnected(&self) -> Option<CloseReason> {
        let (_, socket) = self.0.parts()?;
        (socket.was_connected() && !socket.is_connected()).then(|| socket.why_disconnected())
    }

    /// The frames of its connection; `None` if it was dropped and not kept.
    pub fn transcript(&self) -> Option<Transcript> {
        let (shared, _) = self.0.parts()?;
        Some(*shared.transcript())
    }

    /// Fails if [`settle`](Self::settle) would, before anything is waited for.
    pub fn can_settle(&self) -> Result {
        self.0.parts().map_or(Ok(()), |(shared, _)| settle::check(&shared))
    }

    /// Resolves when everything that was under way to it has come: see
    /// [`SocketIoClient::settle`](crate::SocketIoClient::settle). At once if the client is gone.
    pub fn settle(&self, patience: Duration) -> impl Future<Output = Result> + Send + use<> {
        let parts = self.0.parts();
        async move {
            match parts {
                Some((shared, socket)) => settle::settled(shared, socket, patience).await,
                None => Ok(()),
            }
        }
    }

    /// What it has not dealt with so far.
    pub fn leftovers(&self) -> Leftovers {
        match self.0.parts() {
            Some((_, socket)) => socket.leftovers(),
            None => match &*self.0.lock() {
                Client::Gone { leftovers } => leftovers.clone(),
                Client::Held { .. } | Client::Kept { .. } => Leftovers::default(),
            },
        }
    }
}

impl Member {
    fn parts(&self) -> Option<(Arc<Shared>, Arc<Socket>)> {
        match &*self.lock() {
            Client::Held { shared, socket } => shared.upgrade().zip(socket.upgrade()),
            Client::Kept { shared, socket } => Some((Arc::clone(shared), Arc::clone(socket))),
            Client::Gone { .. } => None,
        }
    }

    /// Keeps the client no longer.
    fn release(&self) {
        let mut client = self.lock();
        let Client::Kept { shared, socket } = &*client else { return };
        let held = Client::Held { shared: Arc::downgrade(shared), socket: Arc::downgrade(socket) };
        let kept = std::mem::replace(&mut *client, held);
        // A socket that ends with this locks its place.
        drop(client);
        drop(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    /// The first fate of a client is its last.
    pub(crate) fn meet(&self, fate: Fate) {
        let (open, fate) = (Fate::Open as u8, fate as u8);
        let _ = self.member.fate.compare_exchange(open, fate, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The client's socket is being dropped; this is the last that is known of it.
    pub(crate) fn leave(&self, leftovers: Leftovers) {
        if leftovers.is_empty() {
            if let Some(registry) = self.registry.upgrade() {
                registry.lock().members.remove(&self.member.number);
            }
        } else {
            *self.member.lock() = Client::Gone { leftovers };
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Dropped => "dropped",
            Self::Ended => "ended",
        })
    }
}

impl fmt::Display for RegisteredClient {
    /// `client 1`, or `client 1 in "/chat"` outside the main namespace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace() {
            "/" => f.write_str(self.name()),
            namespace => write!(f, "{} in \"{namespace}\"", self.name()),
        }
    }
}

impl fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}: {}", self.fate())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clients()).finish()
    }
}
