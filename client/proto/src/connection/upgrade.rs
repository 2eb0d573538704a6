//! From polling to websocket (Engine.IO protocol v4, "Upgrade"): the client probes, the server
//! releases the pending poll, the client stops polling and says `5`.

use std::time::Instant;

use super::engine::PROBE;
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
    Opening { deadline: Option<Instant> },
    /// The websocket is open; client: `3probe` is awaited. Server: `2probe`.
    Probing { deadline: Option<Instant> },
    /// Client: waiting until no poll is in flight. Server: `5` is awaited.
    Switching { deadline: Option<Instant> },
    /// Websocket has taken over.
    Done,
}

impl UpgradeState {
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Opening { deadline }
            | Self::Probing { deadline }
            | Self::Switching { deadline } => deadline,
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
    /// Client: begins the upgrade now, if the session is on polling and the server offers it.
    pub fn upgrade(&mut self, now: Instant) {
        let offered = self.handshake.as_ref().is_some_and(Handshake::offers_websocket);
        if let Role::Client { upgrade_timeout, .. } = self.role
            && self.phase == Phase::Open
            && self.transport == Transport::Polling
            && self.upgrade == UpgradeState::None
            && offered
        {
            self.upgrade = UpgradeState::Opening { deadline: Some(later(now, upgrade_timeout)) };
            self.outputs.push_back(Output::OpenWebsocket);
        }
    }

    pub(super) fn begin_upgrade_if_offered(&mut self, now: Instant) {
        if matches!(self.role, Role::Client { upgrade: Upgrade::Automatic, .. }) {
            self.upgrade(now);
        }
    }

    pub(super) fn websocket_opened(&mut self) {
        match (self.upgrade, self.is_client()) {
            (UpgradeState::Opening { deadline }, true) => {
                self.upgrade = UpgradeState::Probing { deadline };
                self.send_on(Transport::Websocket, &Packet::Ping(PROBE.into()));
            }
            (UpgradeState::None, false) if self.transport == Transport::Polling => {
                self.upgrade = UpgradeState::Probing { deadline: None };
            }
            // The session's own transport, or a websocket that came too late or twice.
            _ if self.transport == Transport::Websocket && self.phase == Phase::Opening => {}
            _ => self.outputs.push_back(Output::CloseTransport(Transport::Websocket)),
        }
    }

    /// Server: `2probe`.
    pub(super) fn probed(&mut self, via: Transport) {
        self.send_on(via, &Packet::Pong(PROBE.into()));
        if let UpgradeState::Probing { deadline } = self.upgrade {
            self.upgrade = UpgradeState::Switching { deadline };
            if self.held.is_empty() {
                self.release_poll(&Packet::Noop);
            }
        }
    }

    /// Client: `3probe`.
    pub(super) fn probe_answered(&mut self, via: Transport) {
        if let (UpgradeState::Probing { deadline }, Transport::Websocket) = (self.upgrade, via) {
            self.upgrade = UpgradeState::Switching { deadline };
            self.outputs.push_back(Output::PausePolling);
        }
    }

    /// Client: the last poll has been answered, so nothing can be lost on polling any more.
    pub(super) fn polling_paused(&mut self) {
        if matches!(self.upgrade, UpgradeState::Switching { .. }) {
            self.send_on(Transport::Websocket, &Packet::Upgrade);
            self.switch_to_websocket();
        }
    }

    /// Server: `5`.
    pub(super) fn upgraded_by_client(&mut self, via: Transport) -> Result<(), Error> {
        match (self.upgrade, via) {
            (UpgradeState::Switching { .. }, Transport::Websocket) => {
                self.release_poll(&Packet::Noop);
                self.switch_to_websocket();
                Ok(())
            }
            _ => Err(Error::UnexpectedPacket {
                packet: "upgrade",
                reason: "it must follow a probe on the same websocket",
            }),
        }
    }

    fn switch_to_websocket(&mut self) {
        self.upgrade = UpgradeState::Done;
        self.transport = Transport::Websocket;
        self.outputs.push_back(Output::CloseTransport(Transport::Polling));
        self.release_held();
        self.tell(Event::Upgraded);
    }

    pub(super) fn check_upgrade_deadline(&mut self, now: Instant) {
        if self.upgrade.deadline().is_some_and(|deadline| now >= deadline) {
            self.give_up_upgrade("it took too long".into());
            self.outputs.push_back(Output::CloseTransport(Transport::Websocket));
        }
    }

    /// Whether the lost transport was only the upgrade's websocket.
    pub(super) fn lost_while_upgrading(&mut self, lost: Transport, error: Option<&str>) -> bool {
        let upgrading = self.upgrade.deadline().is_some()
            || matches!(
                self.upgrade,
                UpgradeState::Probing { .. } | UpgradeState::Switching { .. }
            );
        if lost != Transport::Websocket || self.transport != Transport::Polling {
            return false;
        }
        if upgrading {
            self.give_up_upgrade(error.unwrap_or("the websocket was closed").to_owned());
        }
        true
    }

    fn give_up_upgrade(&mut self, why: String) {
        let paused = self.is_client() && self.upgrade.holds_messages();
        self.upgrade = UpgradeState::None;
        if paused {
            self.outputs.push_back(Output::ResumePolling);
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
