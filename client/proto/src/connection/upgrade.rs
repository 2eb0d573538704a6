//! From polling to websocket (Engine.IO protocol v4, "Upgrade"): the client probes, the server
//! releases the pending poll, the client stops polling and says `5`.

use std::time::Instant;

use super::heartbeat::later;
use super::{Connection, Event, Output, Phase, Role, Upgrade};
use crate::engine::{Handshake, Packet, Transport};
use crate::error::Error;

/// How far the upgrade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UpgradeState {
    /// Not begun, given up, or not needed.
    None,
    /// Client: the websocket is being opened.
    Opening { deadline: Instant },
    /// The websocket is open; client: `3probe` is awaited. Server: `2probe`.
    Probing { deadline: Instant },
    /// Client: waiting until no poll is in flight. Server: `5` is awaited.
    Switching { deadline: Instant },
    /// Websocket has taken over.
    Done,
}

impl UpgradeState {
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Opening { deadline }
            | Self::Probing { deadline }
            | Self::Switching { deadline } => Some(deadline),
            Self::None | Self::Done => None,
        }
    }

    /// Client: from the pause of polling until `5`, messages wait for the websocket.
    pub(super) fn holds_messages(self) -> bool {
        matches!(self, Self::Switching { .. })
    }

    /// Server: polls are released at once, so that the client can stop polling.
    pub(super) fn holds_polls(self) -> bool {
        matches!(self, Self::Switching { .. })
    }
}

impl Connection {
    /// Client: begins the upgrade now, if the session is on polling, the server offers it, and the
    /// client was not told [`Upgrade::Never`].
    pub fn upgrade(&mut self, now: Instant) {
        let offered = self.handshake.as_ref().is_some_and(Handshake::offers_websocket);
        if let Role::Client { upgrade_timeout, upgrade, .. } = self.role
            && upgrade != Upgrade::Never
            && self.phase == Phase::Open
            && self.transport == Transport::Polling
            && self.upgrade == UpgradeState::None
            && offered
        {
            self.upgrade = UpgradeState::Opening { deadline: later(now, upgrade_timeout) };
            self.outputs.push(Output::OpenWebsocket);
        }
    }

    pub(super) fn begin_upgrade_if_offered(&mut self, now: Instant) {
        if matches!(self.role, Role::Client { upgrade: Upgrade::Automatic, .. }) {
            self.upgrade(now);
        }
    }

    pub(super) fn websocket_opened(&mut self, now: Instant) {
        match (self.upgrade, &self.role) {
            (UpgradeState::Opening { deadline }, Role::Client { .. }) => {
                self.upgrade = UpgradeState::Probing { deadline };
                self.send_on(Transport::Websocket, &Packet::Ping(PROBE.into()));
            }
            (UpgradeState::None, Role::Server(state)) if self.transport == Transport::Polling => {
                let deadline = later(now, state.upgrade_timeout);
                self.upgrade = UpgradeState::Probing { deadline };
            }
            // The session's own transport, or a websocket that came too late or twice.
            _ if self.transport == Transport::Websocket && self.phase == Phase::Opening => {}
            _ => self.outputs.push(Output::CloseTransport(Transport::Websocket)),
        }
    }

    /// A websocket frame while the session is on polling. What does not belong to the upgrade ends
    /// the upgrade, not the session.
    pub(super) fn frame_before_upgrade(
        &mut self,
        now: Instant,
        packet: Result<Packet<'_>, Error>,
    ) -> Result<(), Error> {
        match (self.upgrade, packet, self.is_client()) {
            // The last frames of a websocket that was given up.
            (UpgradeState::None, ..) => {}
            (UpgradeState::Probing { deadline }, Ok(Packet::Pong(data)), true) if data == PROBE => {
                self.upgrade = UpgradeState::Switching { deadline };
                self.outputs.push(Output::PausePolling);
            }
            (UpgradeState::Switching { .. }, Ok(packet), true) if carries_on(&packet) => {
                self.engine_packet(now, packet)?;
            }
            (
                UpgradeState::Probing { deadline } | UpgradeState::Switching { deadline },
                Ok(Packet::Ping(data)),
                false,
            ) if data == PROBE => self.probed(deadline),
            (UpgradeState::Switching { .. }, Ok(Packet::Upgrade), false) => {
                self.release_poll();
                self.switch_to_websocket();
            }
            (_, packet, _) => {
                self.give_up_upgrade(match packet {
                    Ok(packet) => format!("unexpected {} packet on the websocket", packet.name()),
                    Err(error) => error.to_string(),
                });
                self.outputs.push(Output::CloseTransport(Transport::Websocket));
            }
        }
        Ok(())
    }

    fn probed(&mut self, deadline: Instant) {
        self.send_on(Transport::Websocket, &Packet::Pong(PROBE.into()));
        self.upgrade = UpgradeState::Switching { deadline };
        if self.held.is_empty() {
            self.release_poll();
        }
    }

    /// Client: the last poll has been answered, so nothing can be lost on polling any more.
    pub(super) fn polling_paused(&mut self) {
        if self.is_client() && matches!(self.upgrade, UpgradeState::Switching { .. }) {
            self.send_on(Transport::Websocket, &Packet::Upgrade);
            self.switch_to_websocket();
        }
    }

    fn switch_to_websocket(&mut self) {
        self.upgrade = UpgradeState::Done;
        self.transport = Transport::Websocket;
        self.outputs.push(Output::CloseTransport(Transport::Polling));
        self.release_held();
        self.tell(Event::Upgraded);
    }

    pub(super) fn check_upgrade_deadline(&mut self, now: Instant) {
        if self.upgrade.deadline().is_some_and(|deadline| now >= deadline) {
            self.give_up_upgrade("it took too long".into());
            self.outputs.push(Output::CloseTransport(Transport::Websocket));
        }
    }

    /// Whether the lost transport was only the upgrade's websocket.
    pub(super) fn lost_while_upgrading(&mut self, lost: Transport, error: Option<&str>) -> bool {
        if lost != Transport::Websocket || self.transport != Transport::Polling {
            return false;
        }
        if self.upgrade != UpgradeState::None {
            self.give_up_upgrade(error.unwrap_or("the websocket was closed").to_owned());
        }
        true
    }

    fn give_up_upgrade(&mut self, why: String) {
        let paused = self.is_client() && self.upgrade.holds_messages();
        self.upgrade = UpgradeState::None;
        if paused {
            self.outputs.push(Output::ResumePolling);
            self.release_held();
        }
        self.tell(Event::UpgradeFailed(why));
    }

    /// The transports that a close must end.
    pub(super) fn open_transports(&self) -> Vec<Transport> {
        let mut transports = vec![self.transport];
        if self.transport == Transport::Polling && self.upgrade != UpgradeState::None {
            transports.push(Transport::Websocket);
        }
        transports
    }
}

/// What a server may send on a websocket once it has answered the probe.
fn carries_on(packet: &Packet<'_>) -> bool {
    matches!(packet, Packet::Message(_) | Packet::Binary(_) | Packet::Ping(_) | Packet::Noop)
}

/// The data of the ping and pong that test a new transport ("Upgrade").
const PROBE: &str = "probe";
