//! What networks do to connections, done on purpose.

mod conversation;
mod link;
mod listener;
mod near;
mod pace;
mod polls;
mod registry;
mod relay;
mod rules;
mod splitter;

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socketio_mock_client::{IntoTarget, Target, scaled};

pub use listener::Relay;
pub use rules::{Fault, Latency};

use self::link::FaultyConnector;
use self::registry::Registry;
use self::relay::Order;
use self::rules::{Book, Replay, Rule, Swallow};
use crate::trace::Diary;
use crate::{Error, Result};

/// Faults of the network between an app and its clients; [`App::faults`](crate::App::faults) gives
/// them.
///
/// They meet every connection of the clients that were made from `&app`, those already open
/// included, whatever the app is: a service in this process, a child process, a URL. Clients that
/// open sockets of their own (`Engine::RustSocketio`, a browser, a script in another language) meet
/// them through a [`relay`](Self::relay).
///
/// ```no_run
/// # use socketio_harness::{Result, close, create_app, create_socketio_client};
/// # async fn f(server: axum::Router) -> Result {
/// let app = create_app(server).await?;
/// let client = create_socketio_client(&app).await?;
///
/// let frozen = app.faults().freeze();
/// client.send("question", ())?; // leaves the client, and gets nowhere
/// drop(frozen); // or frozen.heal(): it arrives
/// client.once("answer").await?;
/// # client.close().await?; close(app).await }
/// ```
///
/// Those that last return a [`Fault`], a guard that heals when it is dropped:
///
/// | fault | what happens to every connection while it lasts |
/// |---|---|
/// | [`freeze`](Self::freeze) | nothing moves, in either direction; what was sent arrives when it heals |
/// | [`latency`](Self::latency) | everything arrives later, by a fixed time and a seeded random one |
/// | [`bandwidth`](Self::bandwidth) | so many bytes a second, in each direction |
/// | [`chop`](Self::chop) | bytes arrive in pieces of this size, across all frames |
/// | [`reset_after`](Self::reset_after) | it is reset when it has carried so many more bytes |
/// | [`refuse`](Self::refuse) | new connections are refused; those that are open go on |
/// | [`half_open`](Self::half_open) | those that are open have ended for one side, and the other is not told |
/// | [`swallow_pings`](Self::swallow_pings), [`swallow_pongs`](Self::swallow_pongs) | that half of the heartbeat never arrives |
/// | [`duplicate_polls`](Self::duplicate_polls) | each answer to a poll that carries messages comes twice |
/// | [`reorder_polls`](Self::reorder_polls) | each such answer comes after the one that follows it |
///
/// Those that are over at once meet the connections open at that moment:
///
/// | fault | what happens |
/// |---|---|
/// | [`cut`](Self::cut) | both sides read the end of the stream, in the middle of whatever there was |
/// | [`reset`](Self::reset) | both sides get a connection reset |
/// | [`close_websockets`](Self::close_websockets) | both sides get a websocket close frame, and no Engine.IO or Socket.IO packet before it |
///
/// # Cost
///
/// Until a fault is asked for, a client's bytes take no detour: they are only counted, to know where
/// a frame begins. With the first fault each connection gets a task that relays it.
#[derive(Debug, Clone)]
pub struct Faults {
    /// The way to the app without faults.
    target: Target,
    book: Book,
    registry: Arc<Registry>,
    /// All ways to the app that were made from the first one, this one included.
    ways: Ways,
}

type Ways = Arc<Mutex<Vec<(Book, Arc<Registry>)>>>;

/// The side of a connection that has gone without a word, for [`Faults::half_open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The client's machine has gone: its side has ended, the server believes it to be there.
    Client,
    /// The server's machine has gone: its side has ended, the client believes it to be there.
    Server,
}

impl Faults {
    pub(crate) fn new(target: Target, diary: Diary) -> Self {
        Self::among(target, Arc::default(), diary)
    }

    fn among(target: Target, ways: Ways, diary: Diary) -> Self {
        let (book, registry) = (Book::new(diary), Arc::<Registry>::default());
        let way = (book.clone(), Arc::clone(&registry));
        ways.lock().unwrap_or_else(PoisonError::into_inner).push(way);
        Self { target, book, registry, ways }
    }

    /// Another way to the same app, with faults of its own: for a fault that one client meets and
    /// the others do not.
    ///
    /// ```no_run
    /// # use socketio_harness::{App, Result, create_socketio_client};
    /// # async fn f(app: App) -> Result {
    /// let tunnel = app.faults().apart();
    /// let commuter = create_socketio_client(&tunnel).await?;
    /// let neighbour = create_socketio_client(&app).await?;
    /// let _frozen = tunnel.freeze(); // for the commuter alone
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::among(self.target.clone(), Arc::clone(&self.ways), self.book.diary().clone())
    }

    /// A TCP port that leads to the app through these faults, for clients that open sockets of
    /// their own. It is closed when the relay is dropped.
    ///
    /// Fails if no port can be had, and for a simulated app: sockets keep the time of the machine.
    pub fn relay(&self) -> Result<Relay> {
        if self.target.is_in_memory() {
            return Err(Error::Option {
                option: ".relay()",
                subject: "a simulated app",
                reason: "sockets keep the time of the machine; connect to the app itself",
            });
        }
        Relay::open(self)
    }

    /// Nothing moves in either direction, and no connection opens; what was sent meanwhile arrives
    /// when it heals.
    pub fn freeze(&self) -> Fault {
        self.add(Rule::Frozen)
    }

    /// Everything arrives later: by a fixed [`Duration`](std::time::Duration), or by a [`Latency`]
    /// with jitter.
    pub fn latency(&self, latency: impl Into<Latency>) -> Fault {
        self.add(Rule::Latency(latency.into()))
    }

    /// Each connection carries `bytes_per_second` in each direction; 0 is taken as 1.
    pub fn bandwidth(&self, bytes_per_second: u64) -> Fault {
        self.add(Rule::Bandwidth(NonZeroU64::new(bytes_per_second).unwrap_or(NonZeroU64::MIN)))
    }

    /// Bytes arrive in pieces of at most `bytes`; 0 is taken as 1. The client reads exactly such
    /// pieces; towards the server each is a write of its own, which its kernel may join to the next.
    pub fn chop(&self, bytes: usize) -> Fault {
        self.add(Rule::Chopped(NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN)))
    }

    /// Resets each connection when it has carried `bytes` more, both directions taken together. New
    /// connections count from their first byte.
    pub fn reset_after(&self, bytes: u64) -> Fault {
        self.add(Rule::ResetAfter(bytes))
    }

    /// Refuses new connections.
    pub fn refuse(&self) -> Fault {
        self.add(Rule::Refused)
    }

    /// Lets one side of every open connection go without a word to the other, whose heartbeat has
    /// to find out: what it sends vanishes, and nothing comes. Healing ends the other side, too. New
    /// connections are not touched.
    pub fn half_open(&self, gone: Gone) -> Fault {
        let fault = self.book.add(Rule::HalfOpen);
        self.order(Order::HalfOpen { gone, id: fault.id() });
        fault
    }

    /// No ping arrives: the server's, and with [`Protocol::V3`](crate::Protocol::V3) the client's.
    pub fn swallow_pings(&self) -> Fault {
        self.add(Rule::Swallow(Swallow::Pings))
    }

    /// No pong arrives: each side has sent its own.
    pub fn swallow_pongs(&self) -> Fault {
        self.add(Rule::Swallow(Swallow::Pongs))
    }

    /// Each answer to a poll that carries messages is given to the next poll as well.
    pub fn duplicate_polls(&self) -> Fault {
        self.add(Rule::Replay(Replay::Duplicate))
    }

    /// Each answer to a poll that carries messages is kept back until another one has come, be it
    /// the next heartbeat, and given after it.
    pub fn reorder_polls(&self) -> Fault {
        self.add(Rule::Replay(Replay::Reorder))
    }

    /// Ends every open connection: both sides read the end of the stream. Bytes on their way are
    /// lost.
    pub fn cut(&self) {
        self.book.diary().fault("cut: every connection has ended");
        self.order(Order::Cut);
    }

    /// Resets every open connection, on both sides.
    pub fn reset(&self) {
        self.book.diary().fault("reset: every connection");
        self.order(Order::Reset);
    }

    /// Closes every open websocket on both sides by a close frame, at the end of the frame that is
    /// on its way. Neither an Engine.IO close packet nor a Socket.IO disconnect comes before it.
    pub fn close_websockets(&self) {
        self.book.diary().fault("close frame on every websocket");
        self.order(Order::CloseWebsocket);
    }

    /// How many connections are open on this way to the app.
    pub fn open_connections(&self) -> usize {
        self.registry.open()
    }

    fn add(&self, rule: Rule) -> Fault {
        let fault = self.book.add(rule);
        self.registry.relay_all();
        fault
    }

    fn order(&self, order: Order) {
        self.registry.relay_all();
        self.registry.order_all(order);
    }

    /// The target of this way to the app.
    pub(crate) fn target(&self) -> Target {
        let target = self.target.clone().map_connector(|connector| {
            let (book, registry) = (self.book.clone(), Arc::clone(&self.registry));
            Arc::new(FaultyConnector::new(connector, book, registry, Arc::clone(&self.ways)))
        });
        let book = self.book.clone();
        let tell = |rule| format!("a fault is in force that the test began: {rule}");
        target.explained_by(move || book.standing().into_iter().map(tell).collect())
    }

    /// Heals everything, so that the app's farewell reaches its clients.
    pub(crate) fn heal_all(&self) {
        self.ways().iter().for_each(|(book, _)| book.clear());
    }

    /// Ends what is still relayed. A relay waits no longer than a moment for its two sides, but for
    /// ever if the runtime of its client stands still.
    pub(crate) async fn end(&self) {
        let registries: Vec<_> =
            self.ways().iter().map(|(_, registry)| Arc::clone(registry)).collect();
        for registry in registries {
            registry.order_all(Order::Cut);
            let _ = tokio::time::timeout(scaled(LONGEST_END), registry.relays_ended()).await;
        }
    }

    fn ways(&self) -> MutexGuard<'_, Vec<(Book, Arc<Registry>)>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IntoTarget for &Faults {
    fn into_target(self) -> socketio_mock_client::Result<Target> {
        Ok(self.target())
    }
}

/// Several times as long as a relayed connection waits for its sides.
const LONGEST_END: Duration = Duration::from_secs(2);
