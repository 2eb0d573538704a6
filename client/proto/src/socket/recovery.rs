use serde_json::{Map, Value};

use crate::args::Args;

/// What a client remembers of a namespace, so that after a reconnection a server with connection
/// state recovery (Socket.IO 4.6, "Connection state recovery") gives it the same socket and the
/// events it missed.
///
/// The rules are those of the official client: a CONNECT reply with a `pid` begins it, the last
/// argument of each event is its offset if it is a string, and both go into the auth object of the
/// next CONNECT. Such a server adds the offset as one more argument to every event that is neither
/// volatile nor asks for an ack; it stays among the arguments.
///
/// ```
/// use serde_json::json;
/// use socketio_proto::{Args, socket::Recovery};
///
/// let mut recovery = Recovery::default();
/// let auth = Some(json!({"token": "t"}));
/// assert_eq!(recovery.auth(auth.clone()), auth);
///
/// assert!(!recovery.connected(&json!({"sid": "s", "pid": "p"})));
/// recovery.received(None, &Args::new((1, "offset"))?);
/// assert_eq!(
///     recovery.auth(auth),
///     Some(json!({"offset": "offset", "pid": "p", "token": "t"})),
/// );
/// assert!(recovery.connected(&json!({"sid": "s", "pid": "p"})), "the same socket again");
/// # Ok::<(), socketio_proto::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    pid: Option<String>,
    offset: Option<String>,
}

impl Recovery {
    /// Takes the payload of [`Event::Connected`](crate::connection::Event::Connected). True if the
    /// server has recovered the socket: its `pid` is the one that was sent. The events missed
    /// follow, even where the server sends them before the reply, as Node does.
    ///
    /// The last offset is kept in any case, as the official client keeps it.
    pub fn connected(&mut self, payload: &Value) -> bool {
        let pid = payload.get("pid").and_then(Value::as_str).map(str::to_owned);
        let recovered = pid.is_some() && pid == self.pid;
        self.pid = pid;
        recovered
    }

    /// Takes an event as it came, with the ack id and the arguments of
    /// [`Event::Event`](crate::connection::Event::Event). One that asks for an ack has no offset.
    ///
    /// A volatile event whose last argument happens to be a string is taken for one with an offset,
    /// as by the official client: the next reconnection is then not recovered. The official client
    /// makes the same of an event without arguments, by its name; this one does not.
    pub fn received(&mut self, id: Option<u64>, args: &Args) {
        if self.pid.is_some()
            && id.is_none()
            && let Some(Value::String(offset)) = args.values().last()
        {
            self.offset = Some(offset.clone());
        }
    }

    /// The auth object for the next CONNECT: `auth` with `pid` and `offset` beside it, once the
    /// server has given a `pid`; before, `auth` as it is. A `pid` or `offset` of `auth` itself
    /// counts more, and an `auth` that is no object is dropped for them.
    pub fn auth(&self, auth: Option<Value>) -> Option<Value> {
        let Some(pid) = &self.pid else { return auth };
        let mut fields = Map::new();
        fields.insert("pid".into(), pid.as_str().into());
        if let Some(offset) = &self.offset {
            fields.insert("offset".into(), offset.as_str().into());
        }
        if let Some(Value::Object(auth)) = auth {
            fields.extend(auth);
        }
        Some(fields.into())
    }

    /// The private id of the socket, if the server offers recovery.
    pub fn pid(&self) -> Option<&str> {
        self.pid.as_deref()
    }

    /// The offset of the event received last.
    pub fn offset(&self) -> Option<&str> {
        self.offset.as_deref()
    }
}
