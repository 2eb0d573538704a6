//! The Socket.IO layer: what the peer's packets do.

use bytes::Bytes;
use serde_json::Value;

use super::namespaces::{Link, Namespace};
use super::{CloseReason, Connection, Event, Role};
use crate::error::{Error, Excerpt};
use crate::socket::Packet;

impl Connection {
    pub(super) fn message(&mut self, text: &str) -> Result<(), Error> {
        match self.codec.decode_text(text)? {
            Some(packet) => self.packet(packet),
            None => Ok(()),
        }
    }

    pub(super) fn attachment(&mut self, data: Bytes) -> Result<(), Error> {
        match self.codec.decode_binary(data)? {
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
            (packet @ Packet::Connect { .. }, false)
                if self.namespaces.contains_key(packet.namespace()) =>
            {
                Err(unexpected(&packet, "its namespace is connected already"))
            }
            (Packet::Connect { namespace, query, payload: auth }, false) => {
                self.tell(Event::ConnectRequested { namespace, query, auth });
                Ok(())
            }
            (packet @ Packet::ConnectError { .. }, false) => {
                Err(unexpected(&packet, "only servers send it"))
            }
            (Packet::Disconnect { namespace }, _) => {
                self.left_by_peer(namespace);
                Ok(())
            }
            (packet, _) => self.event_or_ack(packet),
        }
    }

    fn event_or_ack(&mut self, packet: Packet) -> Result<(), Error> {
        let event = match (self.namespaces.get_mut(packet.namespace()), &self.role) {
            (Some(state), _) if state.link == Link::Connected => state.deliver(packet),
            (Some(state), _) if state.link == Link::Requested => {
                self.limits.check_early(state.early.len() + 1)?;
                state.early.push(packet);
                return Ok(());
            }
            (None, Role::Server(server)) if !server.left.contains(packet.namespace()) => {
                return Err(unexpected(&packet, "its namespace is not connected"));
            }
            _ => Event::Stray(packet),
        };
        self.tell(event);
        Ok(())
    }

    /// Client: the CONNECT reply. What came before it is delivered right after it.
    fn accepted(&mut self, namespace: String, payload: Option<Value>) -> Result<(), Error> {
        self.heard_of(&namespace, true);
        let sid = self.socket_id(&namespace, payload.as_ref());
        let Some(state) = self.namespaces.get_mut(&namespace) else {
            self.tell(Event::Stray(Packet::Connect { namespace, query: None, payload }));
            return Ok(());
        };
        if state.link != Link::Requested {
            if state.link == Link::Abandoned {
                self.send(&Packet::Disconnect { namespace: namespace.clone() });
                self.abandoned_is_answered(&namespace);
            }
            self.tell(Event::Stray(Packet::Connect { namespace, query: None, payload }));
            return Ok(());
        }
        let Some(sid) = sid else {
            let data = payload.map(|payload| payload.to_string()).unwrap_or_default();
            return Err(Error::InvalidPayload {
                packet: "CONNECT",
                expected: "an object with the socket's sid (servers before Socket.IO 3 send none)"
                    .into(),
                data: Excerpt::of_text(&data),
            });
        };
        state.link = Link::Connected;
        let early: Vec<_> = std::mem::take(&mut state.early);
        let events: Vec<_> = early.into_iter().map(|packet| state.deliver(packet)).collect();
        self.tell(Event::Connected { namespace, sid, payload: payload.unwrap_or_default() });
        for event in events {
            self.tell(event);
        }
        Ok(())
    }

    /// Client: the CONNECT reply is a CONNECT_ERROR.
    fn refused(&mut self, namespace: String, payload: Value) {
        self.heard_of(&namespace, false);
        match self.namespaces.get(&namespace).map(|state| state.link) {
            Some(Link::Requested) => {
                let early = self.forget(&namespace).unwrap_or_default().early;
                self.tell_strays(early);
                self.tell(Event::ConnectError { namespace, payload });
                self.close_if_deserted();
            }
            link => {
                if link == Some(Link::Abandoned) {
                    self.abandoned_is_answered(&namespace);
                }
                self.tell(Event::Stray(Packet::ConnectError { namespace, payload }));
            }
        }
    }

    fn left_by_peer(&mut self, namespace: String) {
        self.heard_of(&namespace, false);
        let reason = match self.role {
            Role::Client { .. } => CloseReason::ServerDisconnect,
            Role::Server(_) => CloseReason::ClientDisconnect,
        };
        if self.namespaces.get(&namespace).is_some_and(|state| state.link == Link::Abandoned) {
            self.abandoned_is_answered(&namespace);
            return self.tell(Event::Stray(Packet::Disconnect { namespace }));
        }
        match self.forget(&namespace) {
            None => self.tell(Event::Stray(Packet::Disconnect { namespace })),
            Some(state) => {
                self.tell_strays(state.early);
                self.tell(Event::Disconnected { namespace, reason });
                self.close_if_deserted();
            }
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

fn unexpected(packet: &Packet, reason: &'static str) -> Error {
    Error::UnexpectedPacket { packet: packet.name(), reason }
}
