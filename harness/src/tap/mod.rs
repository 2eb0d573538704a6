//! What the server under test received and emitted, read from the bytes of its connections.
//!
//! ```text
//! a connection's bytes ─ copied as they pass (all that a test pays that never asks)
//!   └ wire      HTTP (http, body) and what it becomes (websocket): pieces of a session
//!       └ session   polling and websocket joined by sid, attachments in place: packets
//!           └ log       what a test asserts on (expectation)
//! ```
//!
//! Bytes are cut into pieces when a quarter of a megabyte of them has gathered, and pieces decoded
//! when somebody asks.

mod app;
mod body;
mod expectation;
mod http;
mod log;
mod session;
mod store;
mod websocket;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

pub use expectation::ServerExpectation;
pub use log::{Flow, ServerLog, ServerPacket, ServerPacketKind};
use store::Store;

/// Sees every byte of an app's connections.
#[derive(Debug)]
pub(crate) struct Tap {
    booted: Instant,
    store: Mutex<Store>,
    news: Notify,
}

impl Tap {
    /// Keeps about `limit` bytes of what passes.
    pub(crate) fn new(limit: usize) -> Self {
        let store = Mutex::new(Store::new(limit));
        Self { booted: Instant::now(), store, news: Notify::new() }
    }

    /// Takes bytes that the server has read from a connection, or written to it.
    pub(crate) fn passed<'b>(
        &self,
        connection: u64,
        flow: Flow,
        parts: impl IntoIterator<Item = &'b [u8]>,
    ) {
        let at = self.booted.elapsed();
        self.store().passed(connection, at, flow, parts);
        self.news.notify_waiters();
    }

    /// Takes the end of a connection.
    pub(crate) fn closed(&self, connection: u64) {
        let at = self.booted.elapsed();
        self.store().closed(connection, at);
        self.news.notify_waiters();
    }

    /// Everything so far.
    pub(crate) fn log(&self) -> ServerLog {
        self.store().log_since(0).0
    }

    /// Everything from a position on, and the position after it.
    pub(crate) fn log_since(&self, position: u64) -> (ServerLog, u64) {
        self.store().log_since(position)
    }

    /// Resolves when there may be more than at the time of this call.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes an app keeps unless told otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 16 << 20;

#[cfg(test)]
mod tests;
