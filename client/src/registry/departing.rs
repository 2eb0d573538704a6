use std::sync::Weak;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::Result;
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

    pub(super) fn connections(&self) -> Vec<Weak<Shared>> {
        self.connections.values().cloned().collect()
    }
}

/// Waits until a connection is gone, unless another client wants it. One that was never opened goes
/// with whoever wanted to open it, and is not held here.
pub(super) async fn left(connection: Weak<Shared>, patience: Duration) -> Result {
    let progress = connection.upgrade().filter(|shared| shared.is_deserted());
    let Some(mut progress) = progress.map(|shared| shared.progress()) else { return Ok(()) };
    let gone = progress.wait_for(|progress| progress.gone);
    let late = tokio::time::timeout(patience, gone).await.is_err();
    match connection.upgrade().filter(|_| late) {
        Some(shared) => Err(shared.has_not_left(patience, "")),
        None => Ok(()),
    }
}

const FEW: usize = 16;
