use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use socketio_mock_client::{DEFAULT_TIMEOUT, Fate, RegisteredClient, scaled};

use crate::app::App;
use crate::cluster::Cluster;
use crate::report::{CloseReport, Leftover};
use crate::{Error, Result};

/// Takes an app or a cluster down; the same as [`App::close`] and [`Cluster::close`].
///
/// Awaiting it stops listening, ends the connections that are left (both sides are told "transport
/// close"), and resolves when the port can be bound again and no task of the server is left. It
/// fails with [`Error::Leftovers`] and a list if something is not in order:
///
/// - connections or handlers of the server that do not end,
/// - a panic in a handler,
/// - of a cluster, whatever its nodes have left, by name, and a Redis that does not end,
/// - clients that were neither closed nor dropped, and whose end the test was not told; a client
///   that outlives its app is fine with [`disconnect_clients`](Close::disconnect_clients).
///
/// Events that nobody read and acks that nobody gave are warnings, unless it is told to be
/// [`strict`](Close::strict).
pub fn close(running: impl Into<Close>) -> Close {
    running.into()
}

impl From<App> for Close {
    fn from(app: App) -> Self {
        let strict = app.is_strict();
        Self::new(Up::App(Box::new(app)), strict)
    }
}

impl From<Cluster> for Close {
    fn from(cluster: Cluster) -> Self {
        let strict = cluster.is_strict();
        Self::new(Up::Cluster(Box::new(cluster)), strict)
    }
}

/// The closing of an app or a cluster; see [`close`]. Options come before the `await`.
#[must_use = "an app is taken down in the background, and nothing is checked, unless this is awaited"]
pub struct Close(State);

enum State {
    Waiting { up: Up, options: Options },
    Running(BoxFuture<'static, CloseReport>),
    Done,
}

/// What is to be taken down.
#[derive(Debug)]
enum Up {
    App(Box<App>),
    Cluster(Box<Cluster>),
}

/// How an app is to be closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) strict: bool,
    pub(crate) disconnects_clients: bool,
    pub(crate) patience: Duration,
}

impl Options {
    /// A node that is stopped leaves its clients to the other nodes.
    pub(crate) fn of_a_node() -> Self {
        Self { strict: false, disconnects_clients: true, patience: scaled(DEFAULT_TIMEOUT) }
    }
}

impl Close {
    fn new(up: Up, strict: bool) -> Self {
        let patience = scaled(DEFAULT_TIMEOUT);
        let options = Options { strict, disconnects_clients: false, patience };
        Self(State::Waiting { up, options })
    }

    /// Fails on events that nobody read and acks that nobody gave, too.
    pub fn strict(self) -> Self {
        self.with(|options| options.strict = true)
    }

    /// Clients may be left connected: for tests of what the end of a server means to them. The
    /// connections of a server that accepts by itself ([`serve`](crate::serve)) end with its
    /// runtime then, as do its handlers, whose ends are not awaited.
    pub fn disconnect_clients(self) -> Self {
        self.with(|options| options.disconnects_clients = true)
    }

    /// How long the server may take to let go of its connections and to end its handlers.
    /// Default: [`DEFAULT_TIMEOUT`].
    pub fn timeout(self, patience: Duration) -> Self {
        self.with(|options| options.patience = patience)
    }

    /// Takes the app down and tells what was left, whatever it was, instead of failing.
    pub async fn report(self) -> CloseReport {
        match self.0 {
            State::Waiting { up, options } => take_down(up, options).await,
            State::Running(running) => running.await,
            State::Done => CloseReport::default(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        if let State::Waiting { options, .. } = &mut self.0 {
            change(options);
        }
        self
    }
}

impl Future for Close {
    type Output = Result;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result> {
        loop {
            match std::mem::replace(&mut self.0, State::Done) {
                State::Waiting { up, options } => {
                    self.0 = State::Running(take_down(up, options).boxed());
                }
                State::Running(mut running) => {
                    let Poll::Ready(report) = running.poll_unpin(cx) else {
                        self.0 = State::Running(running);
                        return Poll::Pending;
                    };
                    // A failure tells of the warnings, too.
                    let outcome = outcome(&report);
                    if outcome.is_ok() {
                        report.warn();
                    }
                    return Poll::Ready(outcome);
                }
                State::Done => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Waiting { up, options } => {
                f.debug_struct("Close").field("up", up).field("options", options).finish()
            }
            State::Running(_) => f.write_str("Close (running)"),
            State::Done => f.write_str("Close (done)"),
        }
    }
}

async fn take_down(mut up: Up, options: Options) -> CloseReport {
    let (trace, registry) = match &mut up {
        Up::App(app) => (app.trace.take(), app.registry().clone()),
        Up::Cluster(cluster) => (cluster.trace.take(), cluster.registry().clone()),
    };
    if let Some(trace) = &trace {
        trace.closing();
    }
    // Asked before the server's end, which would end them all.
    let mut open = registry.clients();
    open.retain(|client| client.fate() == Fate::Open && !options.disconnects_clients);
    let left_open: Vec<_> = open.iter().map(left_open).collect();
    let mut leftovers = match up {
        Up::App(app) => app.stop(options).await,
        Up::Cluster(cluster) => cluster.take_down(options).await,
    };
    leftovers.extend(left_open);
    leftovers.extend(registry.clients().iter().flat_map(of_client));
    let report = CloseReport { leftovers, strict: options.strict };
    if let Some(trace) = trace {
        trace.finish(&report);
    }
    report
}

fn outcome(report: &CloseReport) -> Result {
    match report.failures().next() {
        Some(_) => Err(Error::Leftovers(report.clone())),
        None => Ok(()),
    }
}

fn left_open(client: &RegisteredClient) -> Leftover {
    Leftover::Client { client: client.to_string(), ended: client.disconnected() }
}

fn of_client(client: &RegisteredClient) -> Vec<Leftover> {
    let left = client.leftovers();
    let client = || client.to_string();
    let unanswered = left.unanswered.into_iter();
    let unanswered = unanswered.map(|event| Leftover::Unanswered { client: client(), event });
    let unacked = left.unacked.into_iter();
    let unacked =
        unacked.map(|(event, count)| Leftover::Unacked { client: client(), event, count });
    let unread = left.unread.into_iter();
    let unread = unread.map(|(event, count)| Leftover::Unread { client: client(), event, count });
    unanswered.chain(unacked).chain(unread).collect()
}
