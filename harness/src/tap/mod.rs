//! What the server under test received and emitted, read from the bytes of its connections.
//!
//! ```text
//! a connection's bytes ─ copied as they pass (all that a test pays that never asks)
//!   └ wire      HTTP and what it becomes (read by crate::wire): pieces of a session
//!       └ session   polling and websocket joined by sid, attachments in place: packets
//!           └ log       what a test asserts on
//!                 └ source    in the terms of the client's expectations
//! ```
//!
//! Bytes are cut into pieces when a quarter of a megabyte of them has gathered, and pieces decoded
//! when somebody asks.

mod app;
mod followed;
mod log;
mod observed;
mod session;
mod source;
mod store;
mod wire;

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::time::Instant;

pub use app::ClientOfServer;
pub use log::{Flow, ServerLog, ServerPacket, ServerPacketKind};
pub(crate) use observed::ObservedConnector;
pub use source::ServerEvent;
use store::{Gaps, Store};

/// Sees every byte of an app's connections.
#[derive(Debug)]
pub(crate) struct Tap {
    booted: Instant,
    store: Mutex<Store>,
}

impl Tap {
    /// Keeps about `limit` bytes of what passes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { booted: Instant::now(), store: Mutex::new(Store::new(limit)) }
    }

    /// Takes bytes that the server has read from a connection, or written to it.
    pub(crate) fn passed<'b>(
        &self,
        connection: u64,
        flow: Flow,
        parts: impl IntoIterator<Item = &'b [u8]>,
    ) {
        let at = self.booted.elapsed();
        let waiting = self.store().passed(connection, at, flow, parts);
        // Outside the lock, which they will want.
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Lets the server write to a connection, and takes what it wrote before anybody can look: a
    /// client on another thread may have it, and say so, as soon as it is written.
    pub(crate) fn writing<'b>(
        &self,
        connection: u64,
        parts: impl Iterator<Item = &'b [u8]>,
        write: impl FnOnce() -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut store = self.store();
        // Before it: the client may have it, by its own clock, before the call returns.
        let at = self.booted.elapsed();
        let written = write();
        let Poll::Ready(Ok(mut left)) = written else { return written };
        let taken = parts.map_while(|part| {
            let taken = part.get(..left).unwrap_or(part);
            left -= taken.len();
            (!taken.is_empty()).then_some(taken)
        });
        let waiting = store.passed(connection, at, Flow::Emitted, taken);
        drop(store);
        waiting.into_iter().for_each(Waker::wake);
        written
    }

    /// Takes the end of a connection.
    pub(crate) fn closed(&self, connection: u64) {
        let at = self.booted.elapsed();
        self.store().closed(connection, at);
    }

    /// Where its clock begins.
    pub(crate) fn booted(&self) -> Instant {
        self.booted
    }

    /// Everything so far.
    pub(crate) fn log(&self) -> ServerLog {
        self.store().log_since(0).0
    }

    /// Everything from a position on, the position after it, and what is missing. The waker is woken
    /// when more has passed.
    fn look_on(&self, position: u64, waker: &Waker) -> (ServerLog, u64, Gaps) {
        let mut store = self.store();
        store.wake_at_news(waker);
        store.log_since(position)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes an app keeps unless told otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 16 << 20;

#[cfg(test)]
mod tests;
