use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use socketio_mock_client::Transit;
use tokio::sync::{Notify, mpsc};

use super::link::Shared;
use super::relay::Order;

/// The open connections of one way to an app.
#[derive(Debug, Default)]
pub(super) struct Registry {
    open: Mutex<Open>,
    /// Told at the end of each relay.
    ended: Notify,
    transit: Arc<Mutex<Transit>>,
}

/// Ordered, so that every run meets them in the same order.
#[derive(Debug, Default)]
struct Open {
    next: u64,
    links: BTreeMap<u64, Weak<Shared>>,
    relays: BTreeMap<u64, mpsc::UnboundedSender<Order>>,
}

impl Registry {
    /// The number of the next connection.
    pub(super) fn number(&self) -> u64 {
        let mut open = self.lock();
        open.next += 1;
        open.next
    }

    pub(super) fn add_link(&self, number: u64, link: &Arc<Shared>) {
        self.lock().links.insert(number, Arc::downgrade(link));
    }

    pub(super) fn remove_link(&self, number: u64) {
        self.lock().links.remove(&number);
    }

    /// A relay begins: what it is ordered to do, and what takes it out of the list at its end.
    pub(super) fn add_relay(
        self: &Arc<Self>,
        number: u64,
    ) -> (mpsc::UnboundedReceiver<Order>, Running) {
        let (sender, orders) = mpsc::unbounded_channel();
        self.lock().relays.insert(number, sender);
        (orders, Running { number, registry: Arc::clone(self) })
    }

    /// Sends every connection that is direct through a relay.
    pub(super) fn relay_all(&self) {
        let links: Vec<_> = self.lock().links.values().filter_map(Weak::upgrade).collect();
        for link in links {
            link.detour();
        }
    }

    pub(super) fn order_all(&self, order: Order) {
        for relay in self.lock().relays.values() {
            // A relay that no longer listens has come to its end.
            let _ = relay.send(order);
        }
    }

    /// Resolves when no relay runs.
    pub(super) async fn relays_ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.lock().relays.is_empty() {
                return;
            }
            ended.await;
        }
    }

    /// What the relays carry.
    pub(super) fn transit(&self) -> Transit {
        *lock_transit(&self.transit)
    }

    fn depart(&self) -> UnderWay {
        let mut transit = lock_transit(&self.transit);
        transit.begun += 1;
        transit.under_way += 1;
        UnderWay(Arc::clone(&self.transit))
    }

    pub(super) fn open(&self) -> usize {
        let open = self.lock();
        // A link's relay has the link's number, and may outlive it.
        let alone = open.relays.keys().filter(|number| !open.links.contains_key(number)).count();
        open.links.len() + alone
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a relay as open while it lives.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    registry: Arc<Registry>,
}

impl Running {
    /// Something sets out on this relay.
    pub(super) fn depart(&self) -> UnderWay {
        self.registry.depart()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.registry.lock().relays.remove(&self.number);
        self.registry.ended.notify_waiters();
    }
}

/// Counts as under way while it lives.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Mutex<Transit>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock_transit(&self.0).under_way -= 1;
    }
}

fn lock_transit(transit: &Mutex<Transit>) -> MutexGuard<'_, Transit> {
    transit.lock().unwrap_or_else(PoisonError::into_inner)
}
