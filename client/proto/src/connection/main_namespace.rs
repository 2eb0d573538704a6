//! Socket.IO protocol v4 ("Connection to a namespace"): a server joins every client to the main
//! namespace without being asked, and other namespaces are asked for with a query.

use serde_json::Value;

use super::namespaces::{Link, Namespace};
use super::{Connection, Event};
use crate::engine::{Handshake, Protocol};
use crate::socket::Packet;

/// The server's CONNECT for the main namespace that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcome {
    /// It will come.
    Expected,
    /// It came before the application wanted the namespace.
    Early,
    /// There is none to come: it was used, or this protocol has none.
    Over,
}

impl Welcome {
    pub(super) fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::V4 => Self::Over,
            Protocol::V3 => Self::Expected,
        }
    }
}

impl Connection {
    /// Whether the main namespace is connected, or will be, without a CONNECT from this side.
    pub(super) fn joins_unasked(&mut self, namespace: &str) -> bool {
        if namespace != MAIN || self.welcome == Welcome::Over {
            return false;
        }
        let mut state = Namespace::default();
        if self.welcome == Welcome::Early {
            self.welcome = Welcome::Over;
            state.link = Link::Connected;
            let sid = self.session_id(MAIN);
            self.tell(Event::Connected { namespace: MAIN.into(), sid, payload: Value::Null });
        }
        self.namespaces.insert(MAIN.to_owned(), Box::new(state));
        true
    }

    /// The server has spoken of the main namespace: it `joined` the client to it, or ended that.
    pub(super) fn heard_of(&mut self, namespace: &str, joined: bool) {
        if namespace == MAIN && self.welcome != Welcome::Over {
            let unwanted = joined && !self.namespaces.contains_key(MAIN);
            self.welcome = if unwanted { Welcome::Early } else { Welcome::Over };
        }
    }

    /// The CONNECT that asks for a namespace.
    pub(super) fn request(&self, namespace: &str, auth: Option<Value>) -> Packet {
        let namespace = namespace.to_owned();
        match self.protocol {
            Protocol::V4 => Packet::Connect { namespace, query: None, payload: auth },
            Protocol::V3 => {
                Packet::Connect { namespace, query: auth.and_then(query), payload: None }
            }
        }
    }

    /// The socket's id, from the reply to CONNECT.
    pub(super) fn socket_id(&self, namespace: &str, payload: Option<&Value>) -> Option<String> {
        let told = payload.and_then(|payload| payload.get("sid")).and_then(Value::as_str);
        match (self.protocol, told) {
            (_, Some(sid)) => Some(sid.to_owned()),
            (Protocol::V4, None) => None,
            (Protocol::V3, None) => Some(self.session_id(namespace)),
        }
    }

    /// The id that both sides give a socket without being told.
    fn session_id(&self, namespace: &str) -> String {
        let sid = self.handshake.as_ref().map_or("", |Handshake { sid, .. }| sid);
        if namespace == MAIN { sid.to_owned() } else { format!("{namespace}#{sid}") }
    }
}

/// An auth object as the query of a namespace.
fn query(auth: Value) -> Option<String> {
    match auth {
        Value::String(query) => Some(query),
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(key, value)| match value {
                Value::String(text) => format!("{}={}", escape(key), escape(text)),
                other => format!("{}={}", escape(key), escape(&other.to_string())),
            });
            Some(pairs.collect::<Vec<_>>().join("&"))
        }
        _ => None,
    }
    .filter(|query| !query.is_empty())
}

/// JavaScript's `encodeURIComponent`, with which the official client writes queries.
fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ESCAPED).to_string()
}

const ESCAPED: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The main namespace.
pub(super) const MAIN: &str = "/";
