use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::report::CloseReport;

/// What the harness's functions return; `Result` alone fits a test function.
///
/// `?` takes the errors of files and of JSON, too. A test that meets those of others returns
/// `Result<(), Box<dyn std::error::Error>>`, or what its own crate has for that.
///
/// ```
/// use socketio_harness::{Error, Result};
///
/// fn expected(file: &str) -> Result<serde_json::Value> {
///     Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
/// }
///
/// assert!(matches!(expected("no/such/file"), Err(Error::Io(_))));
/// assert!(matches!(expected("Cargo.toml"), Err(Error::Json(_))));
/// ```
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in a test: booting the app, talking to it, taking it down.
///
/// `Display` and `Debug` print the same text, because a failing test prints the latter.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client failed.
    #[error(transparent)]
    Client(#[from] socketio_mock_client::Error),

    /// The port asked for is taken.
    #[error(
        "port {} is already in use\n  \
         leave the port out to get a free one, or find who holds it: `ss -tlnp 'sport = :{}'`",
        .addr.port(), .addr.port()
    )]
    PortInUse {
        /// The address that could not be bound.
        addr: SocketAddr,
    },

    /// The app could not listen, for another reason than a taken port.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address that could not be bound.
        addr: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// A server process could not be started.
    #[error(
        "cannot start `{command}`: {source}\n  \
         check that the program is installed, and found on the PATH (a path to it begins where cargo \
         runs the test, at its package)"
    )]
    Spawn {
        /// The command line.
        command: String,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// A server process ended, or stayed silent, before it was ready; or it did not end in time.
    #[error("`{command}` {what}\n{output}")]
    Process {
        /// The command line.
        command: String,
        /// What it did, and what was awaited.
        what: String,
        /// The last lines it printed.
        output: String,
    },

    /// A server process was given one free port after the other, and found each of them in use.
    #[error("`{command}` found {} free ports in use, one after the other: {ports:?}\n{output}", .ports.len())]
    PortsInUse {
        /// The command line.
        command: String,
        /// The ports it was given.
        ports: Vec<u16>,
        /// The last lines it printed, with the last of them.
        output: String,
    },

    /// The app could not be given a runtime of its own.
    #[error("cannot start a runtime for the app: {0}")]
    Start(std::io::Error),

    /// A server that was to be made on a runtime of its own was not.
    #[error("the server was not made: {reason}")]
    NotMade {
        /// Why not.
        reason: Box<str>,
    },

    /// A node of a cluster could not be started or stopped.
    #[error("{node}: {source}")]
    Node {
        /// Its name: `node 1`.
        node: String,
        /// What went wrong with it.
        source: Box<Self>,
    },

    /// A Redis server of the harness could not be started.
    #[error("{0}")]
    Redis(Box<str>),

    /// An option of the app makes no sense for its subject.
    #[error("{option} is not for {subject}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it was asked of.
        subject: &'static str,
        /// Why not, or what to do instead.
        reason: &'static str,
    },

    /// What the server received and emitted cannot be seen.
    #[error("what the server received and emitted cannot be seen: {reason}")]
    NotObserved {
        /// Why not, and what to do.
        reason: &'static str,
    },

    /// The directory for traces cannot be made.
    #[error(
        "cannot make the directory {path:?} for traces: {source}\n  \
         check the variable SOCKETIO_TEST_TRACE"
    )]
    Trace {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// The clock runs where it has to stand still, or the other way round.
    #[error("{what}\n  {remedy}")]
    Clock {
        /// What is wrong.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// Something of the app, or of its clients, was left when it was closed.
    #[error("the app was not left in order:{0}")]
    Leftovers(CloseReport),

    /// Connections to the app were open that were to end.
    #[error("the app still has open connections after {after:?}:{}", listed(.connections))]
    StillConnected {
        /// How long they were given.
        after: Duration,
        /// A sentence for each of them.
        connections: Vec<String>,
    },

    /// A simulation failed.
    #[error(
        "the simulation failed from seed {seed}, {at:?} after its beginning: {reason}\n  {again}"
    )]
    Simulation {
        /// The seed it ran from.
        seed: u64,
        /// When it failed, on the simulated clock.
        at: Duration,
        /// What a client of it returned.
        reason: Box<str>,
        /// How to run it again.
        again: Box<str>,
    },

    /// The variable that names a seed does not name one.
    #[error(
        "SOCKETIO_TEST_SEED is {value:?}; expected a seed as a failed run names it, such as 17"
    )]
    Seed {
        /// What it is.
        value: String,
    },

    /// Typed arguments did not fit what came.
    #[error(transparent)]
    Arguments(#[from] socketio_mock_client::ParseArgsError),

    /// A file of the test could not be read or written, say. The harness itself never fails so.
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// JSON of the test could not be read or written. The harness itself never fails so.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn listed(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |all, line| all + "\n  " + line)
}
