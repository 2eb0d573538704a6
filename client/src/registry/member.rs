use std::fmt;
use std::future::Future;
use std::mem;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use socketio_proto::connection::CloseReason;

use super::WeakRegistry;
use super::fate::{Fate, Leftovers};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Result, Transcript, settle};

/// One client, on one namespace, as its [`Registry`](super::Registry) knows it.
#[derive(Clone)]
pub struct RegisteredClient(pub(super) Arc<Member>);

/// A client's place in the registry, held by the client.
pub(crate) struct Membership {
    registry: WeakRegistry,
    member: Arc<Member>,
}

pub(super) struct Member {
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
    /// [`SocketIoClient::settle`](crate::SocketIoClient::settle). At once if it was dropped and not
    /// kept; [`Registry::settle`](super::Registry::settle) waits for what it still sends.
    pub fn settle(&self, patience: Duration) -> impl Future<Output = Result> + Send + use<> {
        let parts = self.0.parts();
        async move {
            match parts {
                Some((shared, socket)) => settle::arrived(shared, socket, patience).await,
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
    /// `keeps`: whether the client is to be held until the registry is dropped.
    pub(super) fn new(
        number: usize,
        name: Arc<str>,
        shared: &Arc<Shared>,
        socket: &Arc<Socket>,
        keeps: bool,
    ) -> Self {
        let client = if keeps {
            Client::Kept { shared: Arc::clone(shared), socket: Arc::clone(socket) }
        } else {
            Client::Held { shared: Arc::downgrade(shared), socket: Arc::downgrade(socket) }
        };
        Self {
            number,
            name,
            namespace: Arc::clone(&socket.namespace),
            fate: AtomicU8::new(Fate::Open as u8),
            client: Mutex::new(client),
        }
    }

    fn parts(&self) -> Option<(Arc<Shared>, Arc<Socket>)> {
        match &*self.lock() {
            Client::Held { shared, socket } => shared.upgrade().zip(socket.upgrade()),
            Client::Kept { shared, socket } => Some((Arc::clone(shared), Arc::clone(socket))),
            Client::Gone { .. } => None,
        }
    }

    /// Keeps the client no longer.
    pub(super) fn release(&self) {
        let mut client = self.lock();
        let Client::Kept { shared, socket } = &*client else { return };
        let held = Client::Held { shared: Arc::downgrade(shared), socket: Arc::downgrade(socket) };
        let kept = mem::replace(&mut *client, held);
        // A socket that ends with this locks its place.
        drop(client);
        drop(kept);
    }

    fn lock(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    pub(super) fn new(registry: WeakRegistry, member: Arc<Member>) -> Self {
        Self { registry, member }
    }

    /// The first fate of a client is its last.
    pub(crate) fn meet(&self, fate: Fate) {
        let (open, fate) = (Fate::Open as u8, fate as u8);
        let _ = self.member.fate.compare_exchange(open, fate, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The client's socket is being dropped; this is the last that is known of it.
    pub(crate) fn leave(&self, leftovers: Leftovers) {
        let left_nothing = leftovers.is_empty();
        let client = mem::replace(&mut *self.member.lock(), Client::Gone { leftovers });
        let Some(registry) = self.registry.upgrade() else { return };
        let mut state = registry.lock();
        if let Client::Held { shared, .. } = client {
            state.departing.add(shared);
        }
        if left_nothing {
            state.members.remove(&self.member.number);
        }
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
