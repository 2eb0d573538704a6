//! The Engine.IO layer: opening, frames in and out, heartbeat, closing.

use std::borrow::Cow;
use std::time::Instant;

use super::heartbeat::{Beat, Heartbeat};
use super::{CloseReason, Connection, Event, Output, Phase, Role};
use crate::engine::{Handshake, Packet, Protocol, Transport};
use crate::error::Error;

impl Connection {
    /// Both roles: from here on the session is open.
    pub(super) fn open_session(&mut self, now: Instant, handshake: Handshake) {
        self.phase = Phase::Open;
        match self.role {
            Role::Client { .. } => {
                self.heartbeat = Heartbeat::client(now, &handshake, self.protocol);
            }
            Role::Server(_) => {
                self.heartbeat = Heartbeat::server(now, &handshake);
                // A struct of strings and numbers always serialises.
                let data = serde_json::to_string(&handshake).unwrap_or_default();
                self.send_packet(&Packet::Open(data.into()));
            }
        }
        self.tell(Event::Opened(handshake.clone()));
        self.handshake = Some(handshake);
    }

    /// A frame that came over websocket.
    pub(super) fn websocket_frame(
        &mut self,
        now: Instant,
        packet: Result<Packet<'_>, Error>,
    ) -> Result<(), Error> {
        match self.transport {
            Transport::Websocket => self.engine_packet(now, packet?),
            Transport::Polling => self.frame_before_upgrade(now, packet),
        }
    }

    pub(super) fn polling_body(&mut self, now: Instant, body: &[u8]) -> Result<(), Error> {
        if !self.is_client() && self.transport != Transport::Polling {
            return Ok(());
        }
        // What comes before a packet that cannot be read counts, as over websocket.
        let mut frames = Vec::new();
        let whole = self.protocol.decode_payload_into(&mut frames, body, &self.limits);
        for frame in frames {
            self.engine_packet(now, Packet::decode(&frame)?)?;
            if self.phase == Phase::Closed {
                return Ok(());
            }
        }
        whole
    }

    pub(super) fn engine_packet(&mut self, now: Instant, packet: Packet<'_>) -> Result<(), Error> {
        if self.phase == Phase::Opening && !matches!(packet, Packet::Open(_)) {
            return Err(unexpected(&packet, "the first packet of a session is the open packet"));
        }
        self.heartbeat.heard(now);
        match (packet, self.is_client()) {
            (Packet::Open(data), true) if self.phase == Phase::Opening => {
                self.open_session(now, Handshake::parse(&data)?);
                self.release_held();
                self.begin_upgrade_if_offered(now);
                Ok(())
            }
            (Packet::Message(text), _) => self.message(&text),
            (Packet::Binary(data), _) => self.attachment(data),
            (packet @ (Packet::Ping(_) | Packet::Pong(_)), _) => self.beat(now, packet),
            (Packet::Close, _) => {
                self.closed_by_peer();
                Ok(())
            }
            (Packet::Noop, _) => Ok(()),
            (packet @ Packet::Open(_), true) => {
                Err(unexpected(&packet, "the session is open already"))
            }
            (packet @ Packet::Open(_), false) => Err(unexpected(&packet, "only servers send it")),
            (packet @ Packet::Upgrade, true) => Err(unexpected(&packet, "only clients send it")),
            (packet @ Packet::Upgrade, false) => {
                Err(unexpected(&packet, "it must follow a probe on a new websocket"))
            }
        }
    }

    /// A ping or pong on the session's transport.
    fn beat(&mut self, now: Instant, packet: Packet<'_>) -> Result<(), Error> {
        match (packet, self.is_client(), self.protocol) {
            (Packet::Ping(data), true, Protocol::V4) => {
                self.heartbeat.pinged(now);
                if !self.answers_pings {
                    self.withheld_heartbeats += 1;
                    return Ok(());
                }
                if !self.can_send() {
                    self.limits.check_held(self.held.len() + 1)?;
                }
                self.send_packet(&Packet::Pong(data));
                Ok(())
            }
            (Packet::Pong(_), false, _) | (Packet::Pong(_), true, Protocol::V3) => {
                self.heartbeat.ponged(now);
                Ok(())
            }
            (packet, false, _) => {
                Err(unexpected(&packet, "a client sends it only as a probe, on a new websocket"))
            }
            (packet, true, Protocol::V4) => {
                Err(unexpected(&packet, "a server sends it only to answer a probe"))
            }
            (packet, true, Protocol::V3) => {
                Err(unexpected(&packet, "in protocol v3 the client pings"))
            }
        }
    }

    pub(super) fn send_packet(&mut self, packet: &Packet<'_>) {
        self.send_frame(packet.encode());
    }

    /// Sends past the queue, on a transport that is not (or not yet) the session's.
    pub(super) fn send_on(&mut self, transport: Transport, packet: &Packet<'_>) {
        self.outputs.push(Output::Send(transport, packet.encode()));
    }

    /// Whether a frame may leave now rather than wait in `held`.
    pub(super) fn can_send(&self) -> bool {
        let transport_ready = match (&self.role, self.transport) {
            (Role::Client { .. }, _) => !self.upgrade.holds_messages(),
            (Role::Server(_), Transport::Websocket) => true,
            // A poll is answered in one go, by `answer_poll`.
            (Role::Server(_), Transport::Polling) => false,
        };
        self.phase == Phase::Open && transport_ready && self.held.is_empty()
    }

    /// Sends what was held back, on the transport that is now the session's.
    pub(super) fn release_held(&mut self) {
        for frame in self.held.drain(..) {
            self.outputs.push(Output::Send(self.transport, frame));
        }
    }

    pub(super) fn poll_requested(&mut self) -> Result<(), Error> {
        let transport = self.transport;
        match &mut self.role {
            Role::Server(_) if transport != Transport::Polling => Ok(()),
            Role::Server(state) if !state.poll_pending => {
                state.poll_pending = true;
                if self.upgrade.holds_polls() && self.held.is_empty() {
                    self.release_poll();
                }
                Ok(())
            }
            Role::Server(_) => Err(Error::UnexpectedPacket {
                packet: "poll",
                reason: "another poll of this session is pending",
            }),
            Role::Client { .. } => {
                Err(Error::UnexpectedPacket { packet: "poll", reason: "only clients send it" })
            }
        }
    }

    /// Server: everything that was held answers the pending poll.
    pub(super) fn answer_poll(&mut self) {
        if let Role::Server(state) = &mut self.role
            && self.transport == Transport::Polling
            && state.poll_pending
            && !self.held.is_empty()
        {
            state.poll_pending = false;
            self.release_held();
        }
    }

    /// Server: ends a pending poll with a packet that carries nothing.
    pub(super) fn release_poll(&mut self) {
        if let Role::Server(state) = &mut self.role
            && std::mem::take(&mut state.poll_pending)
        {
            self.send_on(Transport::Polling, &Packet::Noop);
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        match self.heartbeat.tick(now) {
            Beat::Nothing => {}
            Beat::SendPing if self.answers_pings => {
                self.send_packet(&Packet::Ping(Cow::Borrowed("")));
            }
            Beat::SendPing => {
                self.withheld_heartbeats += 1;
                self.heartbeat.withheld(now);
            }
            Beat::TimedOut => return self.finish(CloseReason::PingTimeout),
        }
        if let Role::Server(state) = &self.role
            && state.connect_deadline.is_some_and(|deadline| now >= deadline)
        {
            return self.finish(CloseReason::ConnectTimeout);
        }
        self.check_upgrade_deadline(now);
    }

    pub(super) fn transport_lost(&mut self, transport: Transport, error: Option<String>) {
        if self.lost_while_upgrading(transport, error.as_deref()) {
            return;
        }
        if transport == self.transport {
            let others = self.open_transports().into_iter().filter(|other| *other != transport);
            self.outputs.extend(others.map(Output::CloseTransport));
            self.report_closed(match error {
                Some(detail) => CloseReason::TransportError(detail),
                None => CloseReason::TransportClose,
            });
        }
    }

    fn closed_by_peer(&mut self) {
        // A client that closes by polling is told by `6` that its pending poll is over.
        self.release_poll();
        self.close_transports();
        self.report_closed(CloseReason::TransportClose);
    }

    /// Ends the connection from this side: on polling with a close packet, on websocket with the
    /// transport's own close.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        if self.phase == Phase::Open {
            if self.is_client() && self.upgrade.holds_messages() {
                self.outputs.push(Output::ResumePolling);
            }
            if self.transport == Transport::Polling {
                self.held.push_back(Packet::Close.encode());
            }
            // Without a pending poll, a server keeps these frames for the next one.
            self.release_held();
        }
        self.close_transports();
        self.report_closed(reason);
    }

    fn close_transports(&mut self) {
        let transports = self.open_transports();
        self.outputs.extend(transports.into_iter().map(Output::CloseTransport));
    }

    pub(super) fn report_closed(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.phase = Phase::Closed;
        self.held.clear();
        let cut_off = self.codec.give_up();
        self.tell_strays(cut_off);
        self.lose_all_namespaces(&reason);
        self.tell(Event::Closed(reason));
    }
}

fn unexpected(packet: &Packet<'_>, reason: &'static str) -> Error {
    Error::UnexpectedPacket { packet: packet.name(), reason }
}
