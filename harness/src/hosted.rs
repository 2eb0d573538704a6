//! A runtime and a thread for an app alone: what makes it possible to say whose panic it was, which
//! tasks are still running, and to end them all.

use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use socketio_mock_client::scaled;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor, RuntimeMetrics};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Dispatch;

use crate::connections::Connections;
use crate::panics::{self, Panics};
use crate::patience::Patience;
use crate::report::Leftover;
use crate::server::Server;
use crate::{Error, Result};

/// A server on a runtime of its own.
pub(crate) struct Hosted {
    addr: SocketAddr,
    /// `None` for a server that accepts by itself.
    connections: Option<Arc<Connections>>,
    orders: oneshot::Sender<Order>,
    outcome: oneshot::Receiver<Vec<Leftover>>,
}

/// How a hosted server is to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) patience: Duration,
    /// Whether the server's tasks are expected to end by themselves.
    pub(crate) awaits_tasks: bool,
}

/// How a hosted server has ended, but for what still blocks a thread.
#[derive(Default)]
struct End {
    leftovers: Vec<Leftover>,
    /// How long what blocks a thread may take to end, if it is to end by itself.
    blocking: Option<Duration>,
}

/// What was made on a new runtime.
pub(crate) enum Made<T> {
    /// A server, to run there.
    Server(Server),
    /// Something that needs no runtime of its own.
    Other(T),
}

/// What came of it: a server that runs, or the other thing, whose runtime has ended.
pub(crate) enum Built<T> {
    Hosted(Hosted),
    Other(T),
}

/// The same, as the thread tells it.
enum Told<T> {
    Server(Option<Arc<Connections>>),
    Other(T),
}

impl Hosted {
    /// `start` is called on the new runtime.
    pub(crate) fn start(
        addr: SocketAddr,
        connections: Option<Arc<Connections>>,
        panics: &Arc<Panics>,
        start: impl FnOnce() -> io::Result<Server> + Send + 'static,
    ) -> io::Result<Self> {
        Self::spawn(addr, connections, panics, |orders| {
            async move {
                match start() {
                    Ok(server) => run(server, orders).await,
                    Err(error) => {
                        let outcome = error.to_string();
                        End { leftovers: vec![Leftover::ServerEnded { outcome }], blocking: None }
                    }
                }
            }
            .boxed_local()
        })
    }

    /// Like [`start`](Self::start) for what takes a while to make: it is made on the new runtime,
    /// so that everything it spawns there ends with it. Resolves when it has been made.
    pub(crate) async fn build<T: Send + 'static>(
        addr: SocketAddr,
        panics: &Arc<Panics>,
        make: impl FnOnce() -> LocalBoxFuture<'static, Result<Made<T>>> + Send + 'static,
    ) -> Result<Built<T>> {
        let (telling, heard) = oneshot::channel();
        let work = |mut orders: oneshot::Receiver<Order>| {
            async move {
                let making = AssertUnwindSafe(async { make().await }).catch_unwind();
                let outcome = tokio::select! {
                    outcome = making => outcome,
                    // Nobody waits for it any more.
                    _ = &mut orders => return End::default(),
                };
                let (told, server) = match outcome {
                    Ok(Ok(Made::Server(server))) => {
                        (Ok(Told::Server(server.connections().cloned())), Some(server))
                    }
                    Ok(Ok(Made::Other(other))) => (Ok(Told::Other(other)), None),
                    Ok(Err(error)) => (Err(error), None),
                    Err(panic) => (Err(Error::NotMade { reason: reason_of(&*panic).into() }), None),
                };
                let _ = telling.send(told);
                match server {
                    Some(server) => run(server, orders).await,
                    None => End::default(),
                }
            }
            .boxed_local()
        };
        let hosted = Self::spawn(addr, None, panics, work).map_err(Error::Start)?;
        match heard.await {
            Ok(Ok(Told::Server(connections))) => Ok(Built::Hosted(Self { connections, ..hosted })),
            Ok(Ok(Told::Other(other))) => Ok(Built::Other(other)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::NotMade { reason: "its thread has ended".into() }),
        }
    }

    fn spawn(
        addr: SocketAddr,
        connections: Option<Arc<Connections>>,
        panics: &Arc<Panics>,
        work: impl FnOnce(oneshot::Receiver<Order>) -> LocalBoxFuture<'static, End> + Send + 'static,
    ) -> io::Result<Self> {
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        let runtime = like_the_current_one(&subscriber)?;
        panics.watch(runtime.handle().id());
        let runtime = OwnRuntime(Some(runtime));
        let (orders, awaiting_order) = oneshot::channel();
        let (telling, outcome) = oneshot::channel();
        thread::Builder::new().name(format!("app on port {}", addr.port())).spawn(move || {
            let _traces = tracing::dispatcher::set_default(&subscriber);
            let leftovers = match runtime.take() {
                Some(runtime) => {
                    let End { mut leftovers, blocking } = runtime.block_on(work(awaiting_order));
                    let after = blocking.unwrap_or_else(|| scaled(BLOCKING_TASKS));
                    // Drops every task, and does not tell whether something blocked it to the end.
                    let start = Instant::now();
                    runtime.shutdown_timeout(after);
                    if blocking.is_some() && start.elapsed() >= after {
                        leftovers.push(Leftover::BlockedThread { after });
                    }
                    leftovers
                }
                None => Vec::new(),
            };
            // Whoever closes it may have stopped waiting.
            let _ = telling.send(leftovers);
        })?;
        Ok(Self { addr, connections, orders, outcome })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn connections(&self) -> Option<&Arc<Connections>> {
        self.connections.as_ref()
    }

    /// Ends the server, and then its runtime with every task that is left.
    pub(crate) async fn stop(self, order: Order) -> Vec<Leftover> {
        let after = order.patience.saturating_mul(2).saturating_add(scaled(BLOCKING_TASKS));
        // A thread that is gone tells so below.
        let _ = self.orders.send(order);
        match timeout(after, self.outcome).await {
            Ok(Ok(leftovers)) => leftovers,
            // It panicked, of which the hook has taken note.
            Ok(Err(_)) => Vec::new(),
            Err(_) => vec![Leftover::Blocked { after }],
        }
    }
}

/// Serves until it is told to stop; tells what is left then.
async fn run(mut server: Server, orders: oneshot::Receiver<Order>) -> End {
    let Ok(order) = orders.await else {
        // The app was dropped.
        let leftovers = server.stop(Patience::starting_now(scaled(FAREWELL))).await;
        return End { leftovers, blocking: None };
    };
    let start = Instant::now();
    let patience = Patience::starting_now(order.patience);
    let mut leftovers = server.stop(patience).await;
    if !order.awaits_tasks {
        return End { leftovers, blocking: None };
    }
    leftovers.extend(tasks_that_do_not_end(patience).await);
    // The runtime's own clock may have flown.
    let rest = order.patience.saturating_sub(start.elapsed());
    End { leftovers, blocking: Some(rest.max(scaled(BLOCKING_TASKS))) }
}

fn reason_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("with something that is no text"))
}

/// Every connection is gone, so what still runs is on its own: at its work, waiting for a timer, or
/// for something that never comes. The first is given a moment. To tell the others apart, time is
/// let fly: socketioxide, for one, keeps a timer of 45 s for each client that joined no namespace.
/// What is left then may wait for something outside of the runtime, and gets the rest of the
/// patience.
async fn tasks_that_do_not_end(patience: Patience) -> Option<Leftover> {
    let metrics = Handle::current().metrics();
    let can_fly = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    let grace = if can_fly { GRACE } else { GRACE_OF_THREADS };
    let grace = scaled(grace).min(patience.total);
    // In a hook of panics a flag is all that is safe to set, so it is looked at again and again.
    let telling = Patience::starting_now(patience.total);
    while panics::are_being_told() && !telling.is_over() {
        tokio::time::sleep(grace / LOOKS).await;
    }
    let count = tasks_after(grace, grace / LOOKS, &metrics).await?;
    if !can_fly {
        return Some(Leftover::Tasks { count, after: grace, proven: false });
    }
    // Time that flies takes the clock with it.
    let rest = patience.rest();
    tokio::time::pause();
    let after = VIRTUAL_PATIENCE.max(patience.total);
    tasks_after(after, after / LOOKS, &metrics).await?;
    // What comes from outside, as from a database, does not come sooner for it.
    tokio::time::resume();
    let count = tasks_after(rest, (rest / LOOKS).min(LONGEST_PAUSE), &metrics).await?;
    Some(Leftover::Tasks { count, after, proven: true })
}

/// How many tasks there are after so long, if there are any; with a pause between two looks.
async fn tasks_after(after: Duration, pause: Duration, metrics: &RuntimeMetrics) -> Option<usize> {
    let patience = Patience::starting_now(after);
    // tokio tells how many tasks there are, but not when that changes.
    for look in 0_u32.. {
        let count = metrics.num_alive_tasks();
        if count == 0 {
            return None;
        }
        if patience.is_over() {
            return Some(count);
        }
        if look < 100 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(pause).await;
        }
    }
    None
}

/// With as many threads as the test's.
fn like_the_current_one(subscriber: &Dispatch) -> io::Result<Runtime> {
    let current = Handle::current();
    let mut builder = if current.runtime_flavor() == RuntimeFlavor::CurrentThread {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(current.metrics().num_workers());
        builder
    };
    let subscriber = subscriber.clone();
    builder.on_thread_start(move || {
        // Stays for as long as the thread does.
        std::mem::forget(tracing::dispatcher::set_default(&subscriber));
    });
    builder.enable_all().build()
}

/// Ends in the background if it is dropped, where tokio's would panic: inside another runtime.
struct OwnRuntime(Option<Runtime>);

impl OwnRuntime {
    fn take(mut self) -> Option<Runtime> {
        self.0.take()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// How long handlers that are at work may take to return, once their clients have gone.
const GRACE: Duration = Duration::from_millis(50);
/// The same where time cannot fly.
const GRACE_OF_THREADS: Duration = Duration::from_secs(2);
/// How often it is looked whether they have, at most.
const LOOKS: u32 = 200;
/// Between two looks in real time, however long the patience is.
const LONGEST_PAUSE: Duration = Duration::from_millis(25);
/// How long tasks may wait for timers, in virtual time.
const VIRTUAL_PATIENCE: Duration = Duration::from_mins(2);
/// How long a dropped app's connections may take to end.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long tasks of `spawn_blocking` may take to end, at least.
const BLOCKING_TASKS: Duration = Duration::from_secs(1);
