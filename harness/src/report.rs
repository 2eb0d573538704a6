use std::fmt;
use std::time::Duration;

use socketio_mock_client::CloseReason;

use crate::panics::HandlerPanic;

/// What [`close`](crate::close) found when it took an app down.
///
/// `close` fails with it if anything [grave](Leftover::is_grave) is left, or, if it was told to be
/// [`strict`](crate::Close::strict), anything at all. What is not worth failing goes to `tracing`
/// as a warning, or to standard error if no subscriber was set: test runners show it with a failing
/// test.
#[derive(Clone, Default)]
pub struct CloseReport {
    pub(crate) leftovers: Vec<Leftover>,
    pub(crate) strict: bool,
}

/// Something that is left of a test when its app is taken down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leftover {
    /// A connection that the server does not let go of, although the client's side has ended.
    Connection {
        /// Where from, and what was last asked on it.
        connection: String,
        /// For how long its end was awaited.
        after: Duration,
    },
    /// Tasks of the server that still ran when all its connections were gone: handlers that do not
    /// return, or background tasks.
    Tasks {
        /// How many.
        count: usize,
        /// For how long their ends were awaited; in virtual time if that proves it.
        after: Duration,
        /// Whether they would not have ended by themselves: time was let fly, and none of their
        /// timers ended them; nor did anything else, such as the answer of a database, before
        /// [`timeout`](crate::Close::timeout) was over in real time. Not to be had on a runtime of
        /// several threads; so there it is a warning.
        proven: bool,
    },
    /// The app does not answer: a handler blocks its thread, or nobody runs its runtime.
    Blocked {
        /// For how long an answer was awaited.
        after: Duration,
    },
    /// Something of the server still blocked a thread when all its connections were gone: work of
    /// `spawn_blocking`, or, on a runtime of several threads, a handler that does not await. It goes
    /// on.
    BlockedThread {
        /// For how long its end was awaited.
        after: Duration,
    },
    /// A task of the server panicked.
    Panic(HandlerPanic),
    /// The server ended before it was closed.
    ServerEnded {
        /// What it ended with.
        outcome: String,
    },
    /// A server process did not end when it was asked to, and was killed.
    Process {
        /// The command line.
        command: String,
        /// Its process id.
        id: u32,
        /// For how long its end was awaited.
        after: Duration,
    },
    /// A process that a server process had started still ran when that had ended, and was killed.
    Orphan {
        /// Its command line.
        command: String,
        /// Its process id.
        id: u32,
        /// The command line of the server.
        server: String,
    },
    /// Something of a node of a cluster.
    Node {
        /// The node's name: `node 1`.
        node: String,
        /// What it has left.
        leftover: Box<Self>,
    },
    /// A Redis server of the harness did not end, or left its directory behind.
    Redis {
        /// What it did.
        what: String,
    },
    /// A client was neither closed nor dropped, and the test was not told that it had ended.
    Client {
        /// Its name.
        client: String,
        /// Why it was disconnected, if it was.
        ended: Option<CloseReason>,
    },
    /// An event was sent with an ack, and the test stopped waiting before one came.
    Unanswered {
        /// The client's name.
        client: String,
        /// The event.
        event: String,
    },
    /// The server asked for an ack, and the test gave none.
    Unacked {
        /// The client's name.
        client: String,
        /// The event.
        event: String,
        /// How many of it.
        count: usize,
    },
    /// Events came that the test never read.
    Unread {
        /// The client's name.
        client: String,
        /// The event.
        event: String,
        /// How many of it.
        count: usize,
    },
}

impl Leftover {
    /// Whether a test that leaves this behind has failed in any case. Acks that nobody gave or
    /// awaited and events that nobody read are not.
    pub fn is_grave(&self) -> bool {
        match self {
            Self::Node { leftover, .. } => leftover.is_grave(),
            Self::Unanswered { .. }
            | Self::Unacked { .. }
            | Self::Unread { .. }
            | Self::Tasks { proven: false, .. } => false,
            _ => true,
        }
    }
}

impl CloseReport {
    /// Everything that is left.
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }

    /// What makes `close` fail.
    pub fn failures(&self) -> impl Iterator<Item = &Leftover> {
        self.leftovers.iter().filter(|leftover| self.strict || leftover.is_grave())
    }

    /// What does not.
    pub fn warnings(&self) -> impl Iterator<Item = &Leftover> {
        self.leftovers.iter().filter(|leftover| !self.strict && !leftover.is_grave())
    }

    /// Where warnings go.
    pub(crate) fn warn(&self) {
        for warning in self.warnings() {
            if tracing::dispatcher::has_been_set() {
                tracing::warn!(target: "socketio", "left over when the app was closed: {warning}");
            } else {
                // Standard error is not buffered: in one piece, lest it mix with another test's.
                let line = format!("warning: left over when the app was closed: {warning}");
                eprintln!("{line}");
            }
        }
    }
}

impl fmt::Display for CloseReport {
    /// A line for each leftover, the failures first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failures().try_for_each(|failure| write!(f, "\n  {failure}"))?;
        self.warnings().try_for_each(|warning| write!(f, "\n  (warning) {warning}"))
    }
}

impl fmt::Debug for CloseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { connection, after } => {
                write!(f, "the server still held, after {after:?}, a {connection}")
            }
            Self::Tasks { count, after, proven } => write!(
                f,
                "{} of the server still ran {after:?}{} after its last connection: a handler that \
                 does not return, or a background task (if they should go on, \
                 `create_app(..).background_tasks()` stops them)",
                counted(*count, "task"),
                if *proven { " (in virtual time)" } else { "" }
            ),
            Self::Blocked { after } => write!(
                f,
                "the app did not answer within {after:?}: a handler blocks its thread, without an \
                 await, or nobody runs its runtime"
            ),
            Self::BlockedThread { after } => write!(
                f,
                "the server still blocked a thread {after:?} after its end: work of \
                 `spawn_blocking`, or a handler without an await (if it should go on, \
                 `create_app(..).background_tasks()` does not wait for it)"
            ),
            Self::Panic(panic) => panic.fmt(f),
            Self::ServerEnded { outcome } => {
                write!(f, "the server ended before it was closed, with {outcome}")
            }
            Self::Process { command, id, after } => write!(
                f,
                "`{command}` (process {id}) did not end within {after:?} of SIGTERM, and was killed \
                 (if it has nothing to tidy up, `.killed_on_close()` does not ask)"
            ),
            Self::Orphan { command, id, server } => write!(
                f,
                "`{server}` left process {id} (`{command}`) behind, which was killed: a server that \
                 gets SIGTERM ends what it has started (in a shell script, `exec` its last command)"
            ),
            Self::Node { node, leftover } => write!(f, "{node}: {leftover}"),
            Self::Redis { what } => write!(f, "Redis {what}"),
            Self::Client { client, ended: None } => write!(
                f,
                "{client} was never closed: `client.close().await?` before the app, or \
                 `close(app).disconnect_clients()`"
            ),
            Self::Client { client, ended: Some(reason) } => write!(
                f,
                "{client} was disconnected ({reason}), and the test did not look: await \
                 `client.disconnected()` or `client.expect_disconnect(..)`, or close it"
            ),
            Self::Unanswered { client, event } => {
                write!(f, "{client} was given no ack of its \"{event}\", and did not wait for it")
            }
            Self::Unacked { client, event, count } => {
                write!(f, "{client} never acked \"{event}\"{}", times(*count))
            }
            Self::Unread { client, event, count } => {
                write!(f, "{client} never read \"{event}\"{}", times(*count))
            }
        }
    }
}

fn times(count: usize) -> String {
    if count == 1 { String::new() } else { format!(" ({count} of them)") }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
