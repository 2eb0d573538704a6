//! The Socket.IO layer: namespaces, events and acks.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{CloseReason, Connection, Event, Role};
use crate::args::EncodedArgs;
use crate::engine::Frame;
use crate::error::{Error, Excerpt};
use crate::socket::{Packet, encode_ack, encode_event};

/// One namespace of the connection. A namespace that was left is forgotten.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    connected: bool,
    auth: Option<Value>,
    next_ack: u64,
    /// Ids of events that the peer has not acked yet.
    unacked: HashSet<u64>,
    /// Client: what came before the CONNECT reply.
    early: Vec<Packet>,
}

impl Connection {
    /// Client: asks for a namespace, as soon as the session is open.
    ///
    /// Does nothing if the namespace is connected or asked for already.
    pub fn connect(&mut self, namespace: &str, auth: Option<Value>) {
        if self.is_closed() || self.namespaces.contains_key(namespace) {
            return;
        }
        let state = Namespace { auth, ..Namespace::default() };
        self.namespaces.insert(namespace.to_owned(), state);
        if self.handshake.is_some() {
            self.request_namespace(namespace);
        }
    }

    /// Sends an event.
    ///
    /// Fails on a reserved event name, and on a namespace that is not connected: servers close the
    /// connection when an event overtakes the CONNECT reply.
    pub fn emit(&mut self, namespace: &str, name: &str, args: EncodedArgs) -> Result<(), Error> {
        check_event_name(name)?;
        self.connected_namespace(namespace)?;
        self.send_all(encode_event(namespace, None, name, args));
        Ok(())
    }

    /// Sends an event and asks for an ack, which will be an [`Event::Ack`] with the id returned.
    pub fn emit_with_ack(
        &mut self,
        namespace: &str,
        name: &str,
        args: EncodedArgs,
    ) -> Result<u64, Error> {
        check_event_name(name)?;
        let state = self.connected_namespace(namespace)?;
        let id = state.next_ack;
        state.next_ack += 1;
        state.unacked.insert(id);
        self.send_all(encode_event(namespace, Some(id), name, args));
        Ok(id)
    }

    /// Waits no longer for an ack: if it comes all the same, it is an [`Event::Stray`].
    pub fn abandon_ack(&mut self, namespace: &str, id: u64) {
        if let Some(state) = self.namespaces.get_mut(namespace) {
            state.unacked.remove(&id);
        }
    }

    /// Answers an event of the peer that came with an id.
    pub fn ack(&mut self, namespace: &str, id: u64, args: EncodedArgs) -> Result<(), Error> {
        self.connected_namespace(namespace)?;
        self.send_all(encode_ack(namespace, id, args));
        Ok(())
    }

    /// Leaves a namespace. A client that has left its last one closes the connection, as the
    /// official client does.
    pub fn disconnect(&mut self, namespace: &str) {
        let Some(state) = self.namespaces.remove(namespace) else {
            return;
        };
        self.send_all(Packet::Disconnect { namespace: namespace.to_owned() }.encode());
        let reason = match self.role {
            Role::Client { .. } => CloseReason::ClientDisconnect,
            Role::Server(_) => CloseReason::ServerDisconnect,
        };
        if state.connected {
            self.tell(Event::Disconnected { namespace: namespace.to_owned(), reason });
        }
        self.close_if_deserted();
    }

    /// Server: answers [`Event::ConnectRequested`] with the socket's id.
    pub fn accept(&mut self, namespace: &str, sid: &str) {
        if let Role::Server(state) = &mut self.role {
            state.connect_deadline = None;
        }
        let state = Namespace { connected: true, ..Namespace::default() };
        self.namespaces.insert(namespace.to_owned(), state);
        let payload = Some(json!({ "sid": sid }));
        let packet = Packet::Connect { namespace: namespace.to_owned(), query: None, payload };
        self.send_all(packet.encode());
    }

    /// Server: answers [`Event::ConnectRequested`] with a CONNECT_ERROR.
    pub fn refuse(&mut self, namespace: &str, payload: Value) {
        let packet = Packet::ConnectError { namespace: namespace.to_owned(), payload };
        self.send_all(packet.encode());
    }

    /// Namespaces that are connected now.
    pub fn connected_namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().filter(|(_, state)| state.connected).map(|(name, _)| name.as_str())
    }

    pub(super) fn message(&mut self, text: &str) -> Result<(), Error> {
        match self.decoder.decode_text(text)? {
            Some(packet) => self.packet(packet),
            None => Ok(()),
        }
    }

    pub(super) fn attachment(&mut self, data: Bytes) -> Result<(), Error> {
        match self.decoder.decode_binary(data)? {
            Some(packet) => self.packet(packet),
            None => Ok(()),
        }
    }

    fn packet(&mut self, packet: Packet) -> Result<(), Error> {
        match (packet, self.is_client()) {
            (Packet::Connect { namespace, payload, .. }, true) => self.accepted(namespace, payload),
            (Packet::ConnectError { namespace, payload }, true) => {
                self.refused(namespace, payload);
                Ok(())
            }
            (Packet::Connect { namespace, query, payload: auth }, false) => {
                self.tell(Event::ConnectRequested { namespace, query, auth });
                Ok(())
            }
            (packet @ Packet::ConnectError { .. }, false) => Err(Error::UnexpectedPacket {
                packet: packet.name(),
                reason: "only servers send it",
            }),
            (Packet::Disconnect { namespace }, _) => {
                self.left_by_peer(namespace);
                Ok(())
            }
            (packet, _) => self.event_or_ack(packet),
        }
    }

    fn event_or_ack(&mut self, packet: Packet) -> Result<(), Error> {
        let client = self.is_client();
        match self.namespaces.get_mut(packet.namespace()) {
            Some(state) if state.connected => {
                let event = state.deliver(packet);
                self.tell(event);
            }
            Some(state) => state.early.push(packet),
            None if client => self.tell(Event::Stray(packet)),
            None => {
                return Err(Error::UnexpectedPacket {
                    packet: packet.name(),
                    reason: "its namespace is not connected",
                });
            }
        }
        Ok(())
    }

    /// Client: the CONNECT reply. What came before it is delivered right after it.
    fn accepted(&mut self, namespace: String, payload: Option<Value>) -> Result<(), Error> {
        let payload = payload.unwrap_or_default();
        let Some(state) = self.namespaces.get_mut(&namespace).filter(|state| !state.connected)
        else {
            self.tell(Event::Stray(Packet::Connect {
                namespace,
                query: None,
                payload: Some(payload),
            }));
            return Ok(());
        };
        let Some(sid) = payload.get("sid").and_then(Value::as_str).map(str::to_owned) else {
            return Err(Error::InvalidPayload {
                packet: "CONNECT",
                expected: "an object with the socket's sid (servers before Socket.IO 3 send none)"
                    .into(),
                data: Excerpt::of_text(&payload.to_string()),
            });
        };
        state.connected = true;
        let early: Vec<_> = std::mem::take(&mut state.early);
        let events: Vec<_> = early.into_iter().map(|packet| state.deliver(packet)).collect();
        self.tell(Event::Connected { namespace, sid, payload });
        for event in events {
            self.tell(event);
        }
        Ok(())
    }

    fn refused(&mut self, namespace: String, payload: Value) {
        self.namespaces.remove(&namespace);
        self.tell(Event::ConnectError { namespace, payload });
        self.close_if_deserted();
    }

    fn left_by_peer(&mut self, namespace: String) {
        let reason = match self.role {
            Role::Client { .. } => CloseReason::ServerDisconnect,
            Role::Server(_) => CloseReason::ClientDisconnect,
        };
        match self.namespaces.remove(&namespace) {
            Some(_) => self.tell(Event::Disconnected { namespace, reason }),
            None => self.tell(Event::Stray(Packet::Disconnect { namespace })),
        }
        self.close_if_deserted();
    }

    fn close_if_deserted(&mut self) {
        if self.is_client() && self.namespaces.is_empty() {
            self.finish(CloseReason::ClientDisconnect);
        }
    }

    /// Client: sends the CONNECT packets that waited for the session to open.
    pub(super) fn request_namespaces(&mut self) {
        let mut names: Vec<_> = self.namespaces.keys().cloned().collect();
        names.sort_unstable();
        for name in &names {
            self.request_namespace(name);
        }
    }

    fn request_namespace(&mut self, namespace: &str) {
        let payload = self.namespaces.get(namespace).and_then(|state| state.auth.clone());
        let packet = Packet::Connect { namespace: namespace.to_owned(), query: None, payload };
        self.send_all(packet.encode());
    }

    pub(super) fn leave_all_namespaces(&mut self) {
        let mut names: Vec<_> = self.connected_namespaces().map(str::to_owned).collect();
        names.sort_unstable();
        for namespace in names {
            self.send_all(Packet::Disconnect { namespace }.encode());
        }
    }

    pub(super) fn lose_all_namespaces(&mut self, reason: &CloseReason) {
        let mut lost: Vec<_> = self.namespaces.drain().collect();
        lost.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (namespace, state) in lost {
            if state.connected {
                self.tell(Event::Disconnected { namespace, reason: reason.clone() });
            }
        }
    }

    fn connected_namespace(&mut self, namespace: &str) -> Result<&mut Namespace, Error> {
        self.namespaces
            .get_mut(namespace)
            .filter(|state| state.connected)
            .ok_or_else(|| Error::NotConnected(namespace.to_owned()))
    }

    fn send_all(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.send_frame(frame);
        }
    }
}

impl Namespace {
    fn deliver(&mut self, packet: Packet) -> Event {
        match packet {
            Packet::Event { namespace, id, name, args } => {
                Event::Event { namespace, id, name, args }
            }
            Packet::Ack { namespace, id, args } if self.unacked.remove(&id) => {
                Event::Ack { namespace, id, args }
            }
            packet => Event::Stray(packet),
        }
    }
}

fn check_event_name(name: &str) -> Result<(), Error> {
    if RESERVED_EVENTS.contains(&name) {
        return Err(Error::ReservedEventName(name.to_owned()));
    }
    Ok(())
}

/// Socket.IO protocol v5, "Packet encoding": names the official libraries keep for themselves and
/// refuse on arrival.
const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
