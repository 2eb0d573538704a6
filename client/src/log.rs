use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Entries that only grow, and those who look on.
pub(crate) struct Log<T> {
    entries: Vec<Arc<T>>,
    observers: HashMap<ObserverId, Waker>,
    next_observer: ObserverId,
}

/// Identifies somebody who looks on at one log.
pub(crate) type ObserverId = u64;

impl<T> Log<T> {
    /// Appends an entry; returns its position.
    pub(crate) fn push(&mut self, entry: T) -> usize {
        self.entries.push(Arc::new(entry));
        self.wake_all();
        self.entries.len() - 1
    }

    pub(crate) fn get(&self, position: usize) -> Option<&Arc<T>> {
        self.entries.get(position)
    }

    /// The entries from `position` on.
    pub(crate) fn since(&self, position: usize) -> &[Arc<T>] {
        self.entries.get(position..).unwrap_or_default()
    }

    /// Wakes the observer at the next entry.
    pub(crate) fn wait(&mut self, id: ObserverId, waker: &Waker) {
        self.observers.insert(id, waker.clone());
    }

    pub(crate) fn new_observer(&mut self) -> ObserverId {
        self.next_observer += 1;
        self.next_observer
    }

    /// The entry at `position`, or a promise to wake the observer when there may be one.
    pub(crate) fn poll_get(
        &mut self,
        id: ObserverId,
        position: usize,
        cx: &Context<'_>,
    ) -> Poll<Arc<T>> {
        if let Some(entry) = self.entries.get(position) {
            return Poll::Ready(Arc::clone(entry));
        }
        self.wait(id, cx.waker());
        Poll::Pending
    }

    pub(crate) fn forget_observer(&mut self, id: ObserverId) {
        self.observers.remove(&id);
    }

    /// Wakes every observer: an entry was appended, or none will be any more.
    pub(crate) fn wake_all(&mut self) {
        for (_, waker) in self.observers.drain() {
            waker.wake();
        }
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), observers: HashMap::new(), next_observer: 0 }
    }
}
