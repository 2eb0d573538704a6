use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use socketio_mock_client::{Args, ParseArgsError, Transport};

/// What the server under test received and emitted, in the order it did; see
/// [`App::log`](crate::App::log).
///
/// `Display` prints it, one line a packet.
#[derive(Clone, Default)]
pub struct ServerLog {
    pub(super) packets: Vec<Arc<ServerPacket>>,
    pub(super) dropped: u64,
    pub(super) problems: Vec<String>,
}

/// One packet of a [`ServerLog`].
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerPacket {
    /// When it passed the server's connection: time since the app was booted.
    pub at: Duration,
    /// Which way it went.
    pub flow: Flow,
    /// What carried it.
    pub transport: Transport,
    /// The Engine.IO session's `sid`: one a client, whatever its transports.
    pub session: Arc<str>,
    /// The namespace; `None` for a packet of Engine.IO itself.
    pub namespace: Option<String>,
    /// The id of the client's socket in the namespace (`socket.id`), once the server has told it.
    pub socket_id: Option<Arc<str>>,
    /// What it is.
    pub kind: ServerPacketKind,
}

/// Which way a packet went, as the server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// From a client to the server.
    Received,
    /// From the server to a client. A broadcast is one packet for each client it reaches.
    Emitted,
}

/// What a packet of a [`ServerLog`] is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerPacketKind {
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Args,
        /// Present if whoever emitted it wants an ack.
        ack_id: Option<u64>,
    },
    /// The answer to an event.
    Ack {
        /// The ack id of the event.
        id: u64,
        /// The name of the event, if the log still knew it.
        event: Option<String>,
        /// The answer.
        args: Args,
    },
    /// Received: a client asks for a namespace, with its auth payload. Emitted: it may come in.
    Connect {
        /// `null` if there is none.
        payload: Value,
    },
    /// The server refuses a namespace.
    ConnectError {
        /// `{"message": …, "data": …}`.
        payload: Value,
    },
    /// The sender leaves the namespace, or throws the other out of it.
    Disconnect,
    /// A packet of Engine.IO: `open`, `ping`, `pong`, `upgrade`, `close`, `noop`, or the close
    /// frame of a websocket.
    Engine {
        /// Its name.
        name: &'static str,
        /// What it carries.
        data: String,
    },
    /// Bytes that are no packet.
    Undecodable {
        /// Why not.
        reason: String,
    },
}

impl ServerLog {
    /// All packets, oldest first.
    pub fn packets(&self) -> impl DoubleEndedIterator<Item = &ServerPacket> + ExactSizeIterator {
        self.packets.iter().map(|packet| &**packet)
    }

    /// The events that clients sent, oldest first.
    pub fn received(&self) -> impl DoubleEndedIterator<Item = &ServerPacket> {
        self.events(Flow::Received)
    }

    /// The events that the server emitted, oldest first: one for each client that was sent it.
    pub fn emitted(&self) -> impl DoubleEndedIterator<Item = &ServerPacket> {
        self.events(Flow::Emitted)
    }

    /// How much was forgotten before the oldest packet that is left: websocket messages and
    /// polling bodies. See [`AppBuilder::log_limit`](crate::AppBuilder::log_limit).
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What passed but could not be read, a sentence each: a compressed websocket, for example.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn events(&self, flow: Flow) -> impl DoubleEndedIterator<Item = &ServerPacket> {
        self.packets().filter(move |packet| packet.flow == flow && packet.event().is_some())
    }
}

impl ServerPacket {
    /// The event's name, if this is an event.
    pub fn event(&self) -> Option<&str> {
        match &self.kind {
            ServerPacketKind::Event { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The arguments of an event or ack as JSON, binary as placeholders; none for other packets.
    pub fn args(&self) -> &[Value] {
        self.raw_args().map(Args::values).unwrap_or_default()
    }

    /// The binary in the arguments.
    pub fn attachments(&self) -> &[Bytes] {
        self.raw_args().map(Args::attachments).unwrap_or_default()
    }

    /// The arguments as a Rust value: a tuple takes several, any other type exactly one.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ParseArgsError> {
        self.raw_args().unwrap_or(&Args::default()).parse()
    }

    /// About the memory it holds beside itself.
    pub(super) fn size(&self) -> usize {
        let args = self.raw_args().map_or(0, |args| {
            let attached: usize = args.attachments().iter().map(Bytes::len).sum();
            attached + args.values().iter().map(value_size).sum::<usize>()
        });
        args + match &self.kind {
            ServerPacketKind::Connect { payload } | ServerPacketKind::ConnectError { payload } => {
                value_size(payload)
            }
            ServerPacketKind::Engine { data: text, .. }
            | ServerPacketKind::Undecodable { reason: text } => text.len(),
            _ => 0,
        }
    }

    /// The arguments of an event or ack, binary included.
    pub fn raw_args(&self) -> Option<&Args> {
        match &self.kind {
            ServerPacketKind::Event { args, .. } | ServerPacketKind::Ack { args, .. } => Some(args),
            _ => None,
        }
    }
}

/// About the memory a value holds, itself included.
fn value_size(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(value_size).sum(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| FIELD_COST + key.len() + value_size(value)).sum()
            }
            _ => 0,
        }
}

/// A key's string, and its share of the map's nodes.
const FIELD_COST: usize = 48;

impl Flow {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Received => Self::Emitted,
            Self::Emitted => Self::Received,
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Emitted => "emitted",
        })
    }
}

impl fmt::Display for ServerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.dropped > 0 {
            write!(f, "… {} earlier messages were dropped", self.dropped)?;
            separator = "\n";
        }
        for problem in &self.problems {
            write!(f, "{separator}({problem})")?;
            separator = "\n";
        }
        for packet in self.packets() {
            write!(f, "{separator}{packet}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl fmt::Debug for ServerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ServerPacket {
    /// `12.5 ms emitted  to 5l8u…  ["tick",1]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.as_secs_f64() * 1000.0;
        let way = match self.flow {
            Flow::Received => "received from",
            Flow::Emitted => "emitted to    ",
        };
        let client = self.socket_id.as_ref().unwrap_or(&self.session);
        write!(f, "{ms:>9.1} ms {way:<13} {client} ")?;
        if let Some(namespace) = self.namespace.as_deref().filter(|namespace| *namespace != "/") {
            write!(f, "{namespace} ")?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Debug for ServerPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ServerPacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |args: &Args| Value::from(args.values().to_vec());
        match self {
            Self::Event { name, args, ack_id } => {
                let mut event = vec![Value::from(name.as_str())];
                event.extend_from_slice(args.values());
                write!(f, "{}", Value::from(event))?;
                if let Some(id) = ack_id {
                    write!(f, " (wants ack {id})")?;
                }
            }
            Self::Ack { id, event: Some(event), args } => {
                write!(f, "ack {id} of \"{event}\": {}", list(args))?;
            }
            Self::Ack { id, event: None, args } => write!(f, "ack {id}: {}", list(args))?,
            Self::Connect { payload } => write!(f, "CONNECT {payload}")?,
            Self::ConnectError { payload } => write!(f, "CONNECT_ERROR {payload}")?,
            Self::Disconnect => f.write_str("DISCONNECT")?,
            Self::Engine { name, data } if data.is_empty() => f.write_str(name)?,
            Self::Engine { name, data } => write!(f, "{name} {data}")?,
            Self::Undecodable { reason } => write!(f, "undecodable: {reason}")?,
        }
        Ok(())
    }
}
