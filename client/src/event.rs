use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use socketio_proto::{Args, EncodedArgs};

use crate::inbox::Received;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Error, Result};

/// An event that the server emitted.
#[derive(Clone)]
pub struct Event {
    received: Arc<Received>,
    socket: Arc<Socket>,
    shared: Arc<Shared>,
}

impl Event {
    pub(crate) fn new(received: Arc<Received>, socket: Arc<Socket>, shared: Arc<Shared>) -> Self {
        Self { received, socket, shared }
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        &self.received.name
    }

    /// When it came: time since the connection was begun, as in the transcript.
    pub fn at(&self) -> Duration {
        self.received.at
    }

    pub(crate) fn received(&self) -> &Received {
        &self.received
    }

    /// Fails if the client's engine has not delivered its arguments.
    pub(crate) fn delivered(self) -> Result<Self> {
        self.shared.engine.refuse_if(self.received.marks.is_withheld(), BINARY)?;
        Ok(self)
    }

    /// The arguments as JSON. Binary stands there as its placeholder, see [`Args`].
    pub fn args(&self) -> &[Value] {
        self.received.args.values()
    }

    /// The binary that came with the event.
    pub fn attachments(&self) -> &[Bytes] {
        self.received.args.attachments()
    }

    /// The arguments as a Rust value: a tuple takes several, any other type exactly one.
    ///
    /// See [`Args::parse`].
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.received.args.parse()?)
    }

    /// Whether the server waits for an ack, as far as the client's engine tells.
    pub fn wants_ack(&self) -> bool {
        self.received.ack_id.is_some()
    }

    /// Answers the server: `args` follow the rules of [`EncodedArgs::new`].
    ///
    /// Fails if the server asked for no ack, if it has been answered before, on a closed connection,
    /// on a later one than it came on, and on an engine that cannot answer.
    pub fn ack(&self, args: impl Serialize) -> Result {
        self.shared.engine.refuse(ANSWERING)?;
        let event = || self.name().to_owned();
        let Some(id) = self.received.ack_id else {
            return Err(Error::CannotAck {
                event: event(),
                reason: "the server asked for none; emit it there with an ack",
            });
        };
        let args = EncodedArgs::new(args)?;
        if !self.received.claim_ack() {
            return Err(Error::CannotAck { event: event(), reason: "it has been acked before" });
        }
        let not_connected = || Error::NotConnected {
            what: format!("the ack of \"{}\"", self.name()),
            reason: self.socket.why_disconnected(),
        };
        self.shared.command(|state| {
            if !state.owns(&self.socket) {
                return Err(not_connected());
            }
            // There, another question may have its number.
            if self.received.connection != state.generation {
                let reason = "it came on a connection that has ended since";
                return Err(Error::CannotAck { event: event(), reason });
            }
            state.core.ack(&self.socket.namespace, id, args).map_err(|_| not_connected())
        })
    }

    /// The arguments, binary included.
    pub fn raw_args(&self) -> &Args {
        &self.received.args
    }
}

impl PartialEq for Event {
    /// Events are equal if their names and arguments are.
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.received.args == other.received.args
    }
}

impl fmt::Debug for Event {
    /// The event as the protocol writes it: `["myEventResult",{"result":6}]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = vec![Value::from(self.name())];
        list.extend_from_slice(self.args());
        write!(f, "{}", Value::from(list))
    }
}

/// What an engine must be able to do to deliver attachments.
pub(crate) const BINARY: &str = "binary that the server sends";

/// What an engine must be able to do for [`Event::ack`].
pub(crate) const ANSWERING: &str = "answering the server's acks";
