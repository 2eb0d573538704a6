use std::collections::BTreeSet;
use std::task::Waker;

/// How many events a consumer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    One,
    All,
}

/// One who gets events: what it was given and has not taken, and how to wake it.
pub(super) struct Consumer {
    name: String,
    wants: Wants,
    given: usize,
    /// Positions in the log. Sorted, because what another consumer gives back may be older.
    untaken: BTreeSet<usize>,
    waker: Option<Waker>,
}

impl Consumer {
    pub(super) fn new(name: &str, wants: Wants) -> Self {
        Self { name: name.to_owned(), wants, given: 0, untaken: BTreeSet::new(), waker: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn wants(&self) -> Wants {
        self.wants
    }

    pub(super) fn is_satisfied(&self) -> bool {
        self.wants == Wants::One && self.given > 0
    }

    pub(super) fn give(&mut self, index: usize) {
        self.given += 1;
        self.untaken.insert(index);
        self.wake();
    }

    pub(super) fn take(&mut self) -> Option<usize> {
        self.untaken.pop_first()
    }

    pub(super) fn wait(&mut self, waker: &Waker) {
        self.waker = Some(waker.clone());
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn into_untaken(self) -> BTreeSet<usize> {
        self.untaken
    }
}
