use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use socketio_mock_client::{DEFAULT_TIMEOUT, Fate, RegisteredClient, scaled};

use crate::app::App;
use crate::report::{CloseReport, Leftover};
use crate::{Error, Result};

/// Takes an app down; the same as [`App::close`].
///
/// Awaiting it stops listening, ends the connections that are left (both sides are told "transport
/// close"), and resolves when the port can be bound again and no task of the server is left. It
/// fails with [`Error::Leftovers`] and a list if something is not in order:
///
/// - connections or handlers of the server that do not end,
/// - a panic in a handler,
/// - clients that were neither closed nor dropped, and whose end the test was not told; a client
///   that outlives its app is fine with [`disconnect_clients`](Close::disconnect_clients).
///
/// Events that nobody read and acks that nobody gave are warnings, unless it is told to be
/// [`strict`](Close::strict).
pub fn close(app: App) -> Close {
    Close::new(app)
}

/// The closing of an app; see [`close`]. Options come before the `await`.
#[must_use = "an app is taken down in the background, and nothing is checked, unless this is awaited"]
pub struct Close(State);

enum State {
    Waiting { app: Box<App>, options: Options },
    Running(BoxFuture<'static, CloseReport>),
    Done,
}

/// How an app is to be closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) strict: bool,
    pub(crate) disconnects_clients: bool,
    pub(crate) patience: Duration,
}

impl Close {
    pub(crate) fn new(app: App) -> Self {
        let strict = app.is_strict();
        let patience = scaled(DEFAULT_TIMEOUT);
        let options = Options { strict, disconnects_clients: false, patience };
        Self(State::Waiting { app: Box::new(app), options })
    }

    /// Fails on events that nobody read and acks that nobody gave, too.
    pub fn strict(self) -> Self {
        self.with(|options| options.strict = true)
    }

    /// Clients may be left connected: for tests of what the end of a server means to them.
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
            State::Waiting { app, options } => take_down(*app, options).await,
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
                State::Waiting { app, options } => {
                    self.0 = State::Running(take_down(*app, options).boxed());
                }
                State::Running(mut running) => {
                    let Poll::Ready(report) = running.poll_unpin(cx) else {
                        self.0 = State::Running(running);
                        return Poll::Pending;
                    };
                    report.warn();
                    return Poll::Ready(outcome(&report));
                }
                State::Done => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Waiting { app, options } => {
                f.debug_struct("Close").field("app", app).field("options", options).finish()
            }
            State::Running(_) => f.write_str("Close (running)"),
            State::Done => f.write_str("Close (done)"),
        }
    }
}

async fn take_down(mut app: App, options: Options) -> CloseReport {
    let trace = app.trace.take();
    if let Some(trace) = &trace {
        trace.closing();
    }
    let registry = app.registry().clone();
    let panics = app.panics();
    // Asked before the server's end, which would end them all.
    let open = registry.clients().into_iter().filter(|client| client.fate() == Fate::Open);
    let left_open: Vec<_> = if options.disconnects_clients { Vec::new() } else { open.collect() };
    let mut leftovers = app.stop(options).await;
    leftovers.extend(panics.take().into_iter().map(Leftover::Panic));
    leftovers.extend(left_open.iter().map(|c| Leftover::Client { client: c.to_string() }));
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
