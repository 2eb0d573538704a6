use std::sync::{Arc, Weak};

use rustc_hash::FxHashMap;

use crate::shared::Shared;

/// Connections that clients were dropped of, which may still be sending what those had sent.
#[derive(Default)]
pub(super) struct Departing {
    /// By their address, which nothing else gets while they are listed.
    connections: FxHashMap<usize, Weak<Shared>>,
    /// When it is to be looked which of them are gone.
    full: usize,
}

impl Departing {
    pub(super) fn add(&mut self, shared: Weak<Shared>) {
        if self.connections.len() >= self.full {
            self.connections.retain(|_, shared| shared.strong_count() > 0);
            self.full = 2 * self.connections.len() + FEW;
        }
        self.connections.insert(shared.as_ptr().addr(), shared);
    }

    /// Those that are not gone.
    pub(super) fn connections(&self) -> Vec<Arc<Shared>> {
        self.connections.values().filter_map(Weak::upgrade).collect()
    }
}

const FEW: usize = 16;
