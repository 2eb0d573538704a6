//! The Socket.IO layer: what the application does with namespaces, events and acks.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::main_namespace::MAIN;
use super::{CloseReason, Connection, Event, Output, Role};
use crate::args::EncodedArgs;
use crate::engine::{Frame, Protocol};
use crate::error::Error;
use crate::socket::{Message, Packet, check_event_name};

/// One namespace of the connection. A namespace that has ended is forgotten.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub(super) link: Link,
    /// Client: what the CONNECT says, or is to say if there is to be another.
    auth: Option<Value>,
    /// Client: it was left before the CONNECT reply, and is asked for again with another `auth` when
    /// that has come.
    again: bool,
    next_ack: u64,
    /// Ids of events that the peer has not acked yet.
    pub(super) unacked: FxHashSet<u64>,
    /// Client: what came before the CONNECT reply.
    pub(super) early: Vec<Packet>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Client: the CONNECT reply is awaited.
    #[default]
    Requested,
    /// Client: left before the CONNECT reply. A DISCONNECT now could reach a server that does not
    /// know the socket yet and closes the connection, so it waits for the reply.
    Abandoned,
    Connected,
}

impl Connection {
    /// Client: asks for a namespace, as soon as the session is open.
    ///
    /// Does nothing if the namespace is connected or asked for already. If it was
    /// [left](Self::disconnect) before the reply came, that reply is taken for this one if `auth`
    /// is the same; otherwise it is awaited, and the namespace asked for again.
    ///
    /// In [`Protocol::V3`] the fields of `auth` become the query of the namespace,
    /// `40/admin?token=1,`; a string is the query as it is. The main namespace is joined by the
    /// server on its own, without a CONNECT: what it is to know must stand in the query of the
    /// session's URL.
    pub fn connect(&mut self, namespace: &str, auth: Option<Value>) {
        if self.is_closed() || !self.is_client() {
            return;
        }
        if let Some(state) = self.namespaces.get_mut(namespace) {
            if state.link == Link::Abandoned {
                // Joined without a CONNECT that could carry it.
                let carries_none = self.protocol == Protocol::V3 && namespace == MAIN;
                state.again = !carries_none && state.auth != auth;
                if state.again {
                    state.auth = auth;
                } else {
                    state.link = Link::Requested;
                }
            }
            return;
        }
        if self.joins_unasked(namespace) {
            return;
        }
        let state = Namespace { auth: auth.clone(), ..Namespace::default() };
        self.namespaces.insert(namespace.to_owned(), Box::new(state));
        let packet = self.request(namespace, auth);
        self.send(&packet);
    }

    /// Sends an event.
    ///
    /// Fails on a reserved event name, and on a namespace that is not connected: servers close the
    /// connection when an event overtakes the CONNECT reply.
    pub fn emit(&mut self, namespace: &str, name: &str, args: EncodedArgs) -> Result<(), Error> {
        check_event_name(name)?;
        connected(&mut self.namespaces, namespace)?;
        let message = self.codec.encode_event(namespace, None, name, args)?;
        self.send_message(message);
        Ok(())
    }

    /// Whether an event could be sent if its namespace were connected: fails on a reserved name, and
    /// on arguments that the parser cannot write.
    pub fn check_event(&self, name: &str, args: &EncodedArgs) -> Result<(), Error> {
        check_event_name(name)?;
        self.codec.check_args(args)
    }

    /// Sends an event and asks for an ack, which will be an [`Event::Ack`] with the id returned.
    pub fn emit_with_ack(
        &mut self,
        namespace: &str,
        name: &str,
        args: EncodedArgs,
    ) -> Result<u64, Error> {
        check_event_name(name)?;
        let state = connected(&mut self.namespaces, namespace)?;
        let id = state.next_ack;
        let message = self.codec.encode_event(namespace, Some(id), name, args)?;
        state.next_ack += 1;
        state.unacked.insert(id);
        self.send_message(message);
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
        connected(&mut self.namespaces, namespace)?;
        let message = self.codec.encode_ack(namespace, id, args)?;
        self.send_message(message);
        Ok(())
    }

    /// Leaves a namespace. A client that has left its last one closes the connection, as the
    /// official client does.
    pub fn disconnect(&mut self, namespace: &str) {
        match self.namespaces.get_mut(namespace) {
            Some(state) if state.link == Link::Connected => {
                self.forget(namespace);
                self.send(&Packet::Disconnect { namespace: namespace.to_owned() });
                let reason = match self.role {
                    Role::Client { .. } => CloseReason::ClientDisconnect,
                    Role::Server(_) => CloseReason::ServerDisconnect,
                };
                self.tell(Event::Disconnected { namespace: namespace.to_owned(), reason });
            }
            Some(state) => {
                state.link = Link::Abandoned;
                state.again = false;
                let early = std::mem::take(&mut state.early);
                self.tell_strays(early);
            }
            None => return,
        }
        self.close_if_deserted();
    }

    /// Server: answers [`Event::ConnectRequested`] with the socket's id.
    pub fn accept(&mut self, namespace: &str, sid: &str) {
        if self.is_closed() || self.namespaces.contains_key(namespace) {
            return;
        }
        let Role::Server(state) = &mut self.role else {
            return;
        };
        state.connect_deadline = None;
        let state = Namespace { link: Link::Connected, ..Namespace::default() };
        self.namespaces.insert(namespace.to_owned(), Box::new(state));
        let payload = Some(json!({ "sid": sid }));
        let packet = Packet::Connect { namespace: namespace.to_owned(), query: None, payload };
        self.send(&packet);
    }

    /// Server: answers [`Event::ConnectRequested`] with a CONNECT_ERROR.
    pub fn refuse(&mut self, namespace: &str, payload: Value) {
        if self.is_client() {
            return;
        }
        let packet = Packet::ConnectError { namespace: namespace.to_owned(), payload };
        self.send(&packet);
    }

    /// Namespaces that are connected now.
    pub fn connected_namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces
            .iter()
            .filter(|(_, state)| state.link == Link::Connected)
            .map(|(name, _)| name.as_str())
    }

    /// Drops what is known of a namespace that has ended.
    pub(super) fn forget(&mut self, namespace: &str) -> Option<Namespace> {
        let state = self.namespaces.remove(namespace)?;
        if let Role::Server(server) = &mut self.role {
            server.left.insert(namespace.to_owned());
        }
        Some(*state)
    }

    /// Client: the reply to a CONNECT that was given up has come.
    pub(super) fn abandoned_is_answered(&mut self, namespace: &str) {
        if let Some(Namespace { auth, again: true, .. }) = self.forget(namespace) {
            self.connect(namespace, auth);
        }
    }

    pub(super) fn tell_strays(&mut self, packets: impl IntoIterator<Item = Packet>) {
        self.outputs.extend(packets.into_iter().map(|packet| Output::Event(Event::Stray(packet))));
    }

    pub(super) fn close_if_deserted(&mut self) {
        let unwanted = |state: &Namespace| state.link == Link::Abandoned && !state.again;
        if self.is_client() && self.namespaces.values().all(|state| unwanted(state)) {
            self.finish(CloseReason::ClientDisconnect);
        }
    }

    pub(super) fn leave_all_namespaces(&mut self) {
        let mut names: Vec<_> = self.connected_namespaces().map(str::to_owned).collect();
        names.sort_unstable();
        for namespace in names {
            self.send(&Packet::Disconnect { namespace });
        }
    }

    pub(super) fn lose_all_namespaces(&mut self, reason: &CloseReason) {
        let mut lost: Vec<_> = self.namespaces.drain().collect();
        lost.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (namespace, state) in lost {
            self.tell_strays(state.early);
            if state.link == Link::Connected {
                self.tell(Event::Disconnected { namespace, reason: reason.clone() });
            }
        }
    }

    pub(super) fn send(&mut self, packet: &Packet) {
        let frames = self.codec.encode(packet);
        self.send_all(frames);
    }

    fn send_all(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.send_frame(frame);
        }
    }

    fn send_message(&mut self, Message { head, attachments }: Message) {
        self.send_frame(head);
        for attachment in attachments {
            self.send_frame(Frame::Binary(attachment));
        }
    }
}

fn connected<'a>(
    namespaces: &'a mut FxHashMap<String, Box<Namespace>>,
    namespace: &str,
) -> Result<&'a mut Namespace, Error> {
    namespaces
        .get_mut(namespace)
        .map(|state| &mut **state)
        .filter(|state| state.link == Link::Connected)
        .ok_or_else(|| Error::NotConnected(namespace.to_owned()))
}
