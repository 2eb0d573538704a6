use serde_json::Value;

use crate::args::Args;

/// A Socket.IO packet (protocol v5, "Packet types"), its attachments put in place.
///
/// There is no separate variant for BINARY_EVENT and BINARY_ACK: an event or ack whose arguments
/// have attachments travels as one.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// `0`: a client asks for a namespace; a server's reply carries the socket's `sid`.
    Connect {
        /// Namespace, `/` for the main one.
        namespace: String,
        /// Query of the namespace, which clients before protocol 5 send: `/admin?token=1`.
        query: Option<String>,
        /// The client's auth object, or the server's `{"sid": …}`.
        payload: Option<Value>,
    },
    /// `1`: the sender leaves the namespace.
    Disconnect {
        /// Namespace.
        namespace: String,
    },
    /// `2` and `5`.
    Event {
        /// Namespace.
        namespace: String,
        /// Present if the sender wants an ack.
        id: Option<u64>,
        /// Name of the event.
        name: String,
        /// Its arguments.
        args: Args,
    },
    /// `3` and `6`.
    Ack {
        /// Namespace.
        namespace: String,
        /// The id of the event that is answered.
        id: u64,
        /// The answer.
        args: Args,
    },
    /// `4`: the server refuses a namespace.
    ConnectError {
        /// Namespace.
        namespace: String,
        /// `{"message": …, "data": …}`; some servers send a bare string.
        payload: Value,
    },
}

impl Packet {
    /// The namespace the packet belongs to.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => namespace,
        }
    }

    /// The packet type's name in the specification.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "CONNECT",
            Self::Disconnect { .. } => "DISCONNECT",
            Self::Event { args, .. } if args.attachments().is_empty() => "EVENT",
            Self::Event { .. } => "BINARY_EVENT",
            Self::Ack { args, .. } if args.attachments().is_empty() => "ACK",
            Self::Ack { .. } => "BINARY_ACK",
            Self::ConnectError { .. } => "CONNECT_ERROR",
        }
    }
}
