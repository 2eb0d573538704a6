use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures::task::AtomicWaker;
use tokio::sync::watch;

use crate::tap::Tap;

/// The open connections of an app.
#[derive(Debug)]
pub(crate) struct Connections {
    open: Mutex<Open>,
    count: watch::Sender<usize>,
    /// Where every byte is seen.
    tap: Option<Arc<Tap>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
}

/// One connection, as seen from outside the server.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    peer: Option<SocketAddr>,
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    last_request: Mutex<String>,
}

impl Connections {
    pub(crate) fn new(tap: Option<Arc<Tap>>) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), count: watch::Sender::new(0), tap })
    }

    pub(crate) fn tap(&self) -> Option<&Arc<Tap>> {
        self.tap.as_ref()
    }

    pub(crate) fn open(&self, peer: Option<SocketAddr>) -> Arc<Connection> {
        let mut open = self.lock();
        open.next += 1;
        let connection = Arc::new(Connection {
            id: open.next,
            peer,
            cut: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            last_request: Mutex::default(),
        });
        open.connections.insert(connection.id, Arc::clone(&connection));
        self.count.send_replace(open.connections.len());
        connection
    }

    pub(crate) fn closed(&self, connection: &Connection) {
        let mut open = self.lock();
        open.connections.remove(&connection.id);
        self.count.send_replace(open.connections.len());
    }

    /// Makes every open connection look closed to the server.
    pub(crate) fn cut_all(&self) {
        for connection in self.lock().connections.values() {
            connection.cut();
        }
    }

    /// Resolves when no connection is open.
    pub(crate) async fn all_closed(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// How many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// A sentence for each open connection.
    pub(crate) fn describe(&self) -> Vec<String> {
        self.lock().connections.values().map(|connection| connection.describe()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Its number among the connections of the app.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Notes what the connection was last used for.
    pub(crate) fn requested(&self, request: String) {
        *self.last_request.lock().unwrap_or_else(PoisonError::into_inner) = request;
    }

    /// Whether the connection is cut; the reader is woken when it will be.
    pub(crate) fn poll_cut_for_reader(&self, cx: &Context<'_>) -> bool {
        self.poll_cut(&self.reader, cx)
    }

    /// Whether the connection is cut; the writer is woken when it will be.
    pub(crate) fn poll_cut_for_writer(&self, cx: &Context<'_>) -> bool {
        self.poll_cut(&self.writer, cx)
    }

    fn poll_cut(&self, waker: &AtomicWaker, cx: &Context<'_>) -> bool {
        // Registered first: a cut between the two lines must wake it.
        waker.register(cx.waker());
        self.is_cut()
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    fn describe(&self) -> String {
        let peer = self.peer.map_or_else(|| "memory".to_owned(), |peer| peer.to_string());
        let request = self.last_request.lock().unwrap_or_else(PoisonError::into_inner);
        match request.as_str() {
            "" => format!("connection from {peer}, on which nothing was asked"),
            request => format!("connection from {peer}, last request: {request}"),
        }
    }
}
