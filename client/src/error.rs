use std::fmt;
use std::time::Duration;

use serde_json::Value;
use socketio_proto::ParseArgsError;
use socketio_proto::connection::CloseReason;

use crate::{Engine, Transcript, Unmet};

/// What the client's functions return; `Result` alone fits a test function.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a test and its server.
///
/// `Display` and `Debug` print the same text, because a failing test prints the latter: what was
/// attempted, what came instead, what to check, and the conversation so far where there was one.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target or an option of the builder makes no sense.
    #[error("invalid {what} {value:?}: {reason}")]
    InvalidOption {
        /// Which option.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is expected instead.
        reason: String,
    },

    /// No connection to the port could be made.
    #[error(
        "cannot connect to {url}: {reason}\n  \
         check that the server runs and listens on this port"
    )]
    Unreachable {
        /// Where to.
        url: String,
        /// What the operating system said.
        reason: String,
    },

    /// The port is open, but no answer came.
    #[error(
        "{url} accepted the connection, but {waiting_for} did not come within {after:?}\n  \
         check that a Socket.IO server listens on this port, and that the path agrees on both sides"
    )]
    Silent {
        /// Where to.
        url: String,
        /// The part of the handshake that stayed away.
        waiting_for: &'static str,
        /// For how long it was awaited.
        after: Duration,
    },

    /// The port answers, but not as a Socket.IO server does.
    #[error(
        "{url} did not answer like a Socket.IO server: {answer}\n  \
         check that port and path agree on both sides (the path is \"/socket.io\" unless the server \
         sets another)"
    )]
    NotSocketIo {
        /// Where to.
        url: String,
        /// What came, cut short.
        answer: String,
    },

    /// A Socket.IO server refused to open a session, and said why.
    #[error("{url} refused the session: {message} (HTTP status {status}, code {code})\n  {hint}")]
    SessionRefused {
        /// Where to.
        url: String,
        /// HTTP status.
        status: u16,
        /// Engine.IO's error code, 0 to 5.
        code: i64,
        /// The server's words.
        message: String,
        /// What to check.
        hint: &'static str,
    },

    /// The server has no such namespace.
    #[error(
        "the server has no namespace \"{namespace}\"\n  \
         check that the namespace agrees on both sides; it begins with a slash, and is not the path"
    )]
    InvalidNamespace {
        /// The namespace asked for.
        namespace: String,
    },

    /// The server refused the connection to a namespace, for example in a middleware.
    #[error("connect_error on namespace \"{namespace}\": {message}{}", with_data(.data.as_ref()))]
    ConnectError {
        /// The namespace asked for.
        namespace: String,
        /// The server's message.
        message: String,
        /// The server's `data`, if any.
        data: Option<Value>,
    },

    /// What was awaited did not come in time.
    #[error("{waiting_for} did not come within {after:?}{hint}{transcript}")]
    Timeout {
        /// What was awaited.
        waiting_for: String,
        /// For how long.
        after: Duration,
        /// What may have gone wrong, as a sentence that follows; or nothing.
        hint: String,
        /// The conversation so far.
        transcript: Box<Transcript>,
    },

    /// The connection, or the namespace, ended before what was awaited came.
    #[error("disconnected ({reason}) while waiting for {waiting_for}{hint}{transcript}")]
    Disconnected {
        /// What was awaited.
        waiting_for: String,
        /// Why the connection ended.
        reason: CloseReason,
        /// What is known of the cause, as lines that follow; or nothing.
        hint: Box<str>,
        /// The conversation so far.
        transcript: Box<Transcript>,
    },

    /// The connection stays on polling.
    #[error(
        "the upgrade to websocket was given up, and polling goes on: {reason}\n  \
         check that websockets reach the server: proxies and load balancers must let \
         \"Upgrade\" through{transcript}"
    )]
    UpgradeFailed {
        /// Why it was given up.
        reason: String,
        /// The conversation so far.
        transcript: Box<Transcript>,
    },

    /// Something was to be sent on a connection that has ended.
    #[error("cannot send {what}: the client is disconnected ({reason})")]
    NotConnected {
        /// What was to be sent.
        what: String,
        /// Why the connection ended.
        reason: CloseReason,
    },

    /// A namespace was asked for that this connection has already.
    #[error(
        "namespace \"{namespace}\" is connected already on this connection\n  \
         close the client that holds it, or make another connection with create_socketio_client"
    )]
    AlreadyConnected {
        /// The namespace.
        namespace: String,
    },

    /// An event was acked that asked for no ack, or was acked before.
    #[error("cannot ack event \"{event}\": {reason}")]
    CannotAck {
        /// The event's name.
        event: String,
        /// Why not.
        reason: &'static str,
    },

    /// Something was asked of an engine that it does not do, or does wrong. Nothing was sent.
    #[error(
        "the engine {engine} does not support {feature}\n  \
         leave it out, or take Engine::Native, which does"
    )]
    Unsupported {
        /// The client's engine.
        engine: Engine,
        /// What was asked for.
        feature: &'static str,
    },

    /// Arguments that do not serialise, or a reserved event name.
    #[error(transparent)]
    Protocol(#[from] socketio_proto::Error),

    /// An expectation was not met.
    #[error(transparent)]
    Unmet(Box<Unmet>),

    /// Typed arguments did not fit what came.
    #[error(transparent)]
    Arguments(#[from] ParseArgsError),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // In colour, if a terminal shows it.
            Self::Unmet(unmet) => fmt::Debug::fmt(unmet, f),
            error => fmt::Display::fmt(error, f),
        }
    }
}

impl From<Unmet> for Error {
    fn from(unmet: Unmet) -> Self {
        Self::Unmet(Box::new(unmet))
    }
}

impl Error {
    /// The error for a CONNECT_ERROR packet.
    pub(crate) fn from_connect_error(namespace: &str, payload: &Value) -> Self {
        let namespace = namespace.to_owned();
        // Some servers send the message as a bare string.
        let message = payload.as_str().or_else(|| payload.get("message")?.as_str());
        match message {
            Some("Invalid namespace") => Self::InvalidNamespace { namespace },
            Some(message) => Self::ConnectError {
                namespace,
                message: message.to_owned(),
                data: payload.get("data").cloned(),
            },
            None => Self::ConnectError { namespace, message: payload.to_string(), data: None },
        }
    }
}

fn with_data(data: Option<&Value>) -> String {
    data.map(|data| format!(" {data}")).unwrap_or_default()
}
