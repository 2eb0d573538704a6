//! Who made which clients of a target: what the harness asks before it takes an app down.

mod departing;
mod fate;
mod member;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::future::{try_join, try_join_all};

use crate::Result;
use crate::observer::Observer;
use crate::shared::Shared;
use crate::socket::Socket;
use departing::{Departing, left};
pub use fate::{Fate, Leftovers};
use member::Member;
pub(crate) use member::Membership;
pub use member::RegisteredClient;

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
    departing: Departing,
}

impl Drop for State {
    /// Clients that were kept hold their place, which holds them.
    fn drop(&mut self) {
        for member in self.members.values() {
            member.release();
        }
    }
}

/// A registry as its clients hold it: a client that is kept must not keep the registry.
#[derive(Clone)]
pub(crate) struct WeakRegistry(Weak<Mutex<State>>);

impl Registry {
    /// The clients made so far that live or have left something over.
    pub fn clients(&self) -> Vec<RegisteredClient> {
        self.lock().members.values().cloned().map(RegisteredClient).collect()
    }

    /// Resolves when everything that was under way to the clients has come, and everything they have
    /// sent has arrived: [`RegisteredClient::settle`] for each, and the end of the connections whose
    /// clients were dropped.
    ///
    /// Fails if one of that takes longer than `patience`.
    ///
    /// ```no_run
    /// # use socketio_mock_client::{DEFAULT_TIMEOUT, Registry, SocketIoClient};
    /// # async fn f(registry: Registry, client: SocketIoClient) -> socketio_mock_client::Result {
    /// client.send("last words", ())?;
    /// drop(client);
    /// registry.settle(DEFAULT_TIMEOUT).await?; // the server has them
    /// # Ok(()) }
    /// ```
    pub fn settle(&self, patience: Duration) -> impl Future<Output = Result> + Send + use<> {
        let clients = self.clients();
        let departing = self.lock().departing.connections();
        async move {
            let settled = clients.iter().map(|client| client.settle(patience));
            let left = departing.into_iter().map(|connection| left(connection, patience));
            try_join(try_join_all(settled), try_join_all(left)).await?;
            Ok(())
        }
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
        let number = state.next;
        let member = Arc::new(Member::new(number, name, shared, socket, state.keeps_all));
        state.members.insert(number, Arc::clone(&member));
        drop(state);
        socket.enter(Membership::new(self.downgrade(), member));
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

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clients()).finish()
    }
}
