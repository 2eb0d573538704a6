use std::fmt;

use serde_json::Value;

use crate::args::Args;
use crate::engine::Handshake;
use crate::error::Error;
use crate::socket::Packet;

/// Something the application should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The Engine.IO session is open. First event of every connection that gets so far.
    Opened(Handshake),
    /// Packets now travel over websocket.
    Upgraded,
    /// The upgrade was given up; polling goes on.
    UpgradeFailed(String),
    /// Client: the server accepted a namespace.
    Connected {
        /// Namespace.
        namespace: String,
        /// The socket's id in it.
        sid: String,
        /// The whole reply, with `pid` where the server offers recovery; `null` from a server of
        /// the protocol before, which replies with nothing.
        payload: Value,
    },
    /// Client: the server refused a namespace.
    ConnectError {
        /// Namespace.
        namespace: String,
        /// `{"message": …}`, or the bare string some servers send.
        payload: Value,
    },
    /// Server: a client asks for a namespace; to be answered with
    /// [`accept`](super::Connection::accept) or [`refuse`](super::Connection::refuse).
    ConnectRequested {
        /// Namespace.
        namespace: String,
        /// Its query, from old clients.
        query: Option<String>,
        /// The client's auth payload.
        auth: Option<Value>,
    },
    /// An event of the peer.
    Event {
        /// Namespace.
        namespace: String,
        /// Present if the peer wants an ack.
        id: Option<u64>,
        /// Name.
        name: String,
        /// Arguments.
        args: Args,
    },
    /// The answer to an event sent with an ack id.
    Ack {
        /// Namespace.
        namespace: String,
        /// The id that [`emit_with_ack`](super::Connection::emit_with_ack) gave.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// A packet nobody waits for: for a namespace that is not connected or was refused, a second
    /// answer to CONNECT, or an ack whose id was never used, already answered or abandoned. And one
    /// whose attachments had not all come when the connection ended; its placeholders stand in the
    /// place of those.
    Stray(Packet),
    /// A namespace that was connected no longer is, or the server ended it instead of answering
    /// the CONNECT.
    Disconnected {
        /// Namespace.
        namespace: String,
        /// Why.
        reason: CloseReason,
    },
    /// The connection is over. Last event of every connection.
    Closed(CloseReason),
}

/// Why a namespace or a connection ended.
///
/// `Display` gives the names that the official client uses for `disconnect` reasons, with details
/// in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client left.
    ClientDisconnect,
    /// The server ended the namespace.
    ServerDisconnect,
    /// The peer's heartbeat stayed away.
    PingTimeout,
    /// The transport ended, or the peer sent a close packet.
    TransportClose,
    /// The transport failed.
    TransportError(String),
    /// The peer sent something that is not the protocol.
    ParseError(Error),
    /// Server: the client connected to no namespace in time.
    ConnectTimeout,
    /// The connection was dropped on purpose, without telling the peer.
    Dropped,
}

impl CloseReason {
    /// The reason's name, without details.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ClientDisconnect => "io client disconnect",
            Self::ServerDisconnect => "io server disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError(_) => "transport error",
            Self::ParseError(_) => "parse error",
            Self::ConnectTimeout => "connect timeout",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::TransportError(detail) => write!(f, " ({detail})"),
            Self::ParseError(error) => write!(f, " ({error})"),
            _ => Ok(()),
        }
    }
}
