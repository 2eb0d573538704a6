use std::time::{Duration, Instant};

use super::Connection;
use crate::engine::{Handshake, Protocol};

/// Who waits for what until when. Engine.IO protocol v4, "Heartbeat": the server pings, the client
/// answers. Protocol v3, "Timeouts": the client pings, the server answers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Heartbeat {
    /// The session is not open, or its intervals ask for no heartbeat.
    Off,
    /// Client: a ping must come before `deadline`.
    AwaitingPing { deadline: Instant, limit: Duration },
    /// Client of protocol v3: a ping is due at `ping_at`, unless one has not been answered yet, and
    /// something must come before `deadline`.
    Pinging { ping_at: Option<Instant>, deadline: Instant, interval: Duration, timeout: Duration },
    /// Server: the next ping is due at `at`.
    Idle { at: Instant, interval: Duration, timeout: Duration },
    /// Server: the pong must come before `deadline`.
    AwaitingPong { deadline: Instant, interval: Duration, timeout: Duration },
}

/// What a deadline means when it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    Nothing,
    SendPing,
    TimedOut,
}

impl Heartbeat {
    pub(super) fn client(now: Instant, handshake: &Handshake, protocol: Protocol) -> Self {
        // An interval of 0 is what some servers announce for intervals below a second: their true
        // interval is unknown, so their silence proves nothing.
        if handshake.ping_interval == 0 {
            return Self::Off;
        }
        let limit = handshake.silence_limit();
        let deadline = later(now, limit);
        match protocol {
            Protocol::V4 => Self::AwaitingPing { deadline, limit },
            Protocol::V3 => {
                let interval = Duration::from_millis(handshake.ping_interval);
                let timeout = Duration::from_millis(handshake.ping_timeout);
                let ping_at = Some(later(now, interval));
                Self::Pinging { ping_at, deadline, interval, timeout }
            }
        }
    }

    pub(super) fn server(now: Instant, handshake: &Handshake) -> Self {
        // Pings without a pause between them would help nobody.
        if handshake.ping_interval == 0 {
            return Self::Off;
        }
        let interval = Duration::from_millis(handshake.ping_interval);
        let timeout = Duration::from_millis(handshake.ping_timeout);
        Self::Idle { at: later(now, interval), interval, timeout }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Off => None,
            Self::AwaitingPing { deadline, .. } | Self::AwaitingPong { deadline, .. } => {
                Some(deadline)
            }
            Self::Idle { at, .. } => Some(at),
            Self::Pinging { ping_at, deadline, .. } => Some(ping_at.unwrap_or(deadline)),
        }
    }

    /// A packet of any kind came. In protocol v3 each shows the client that the server lives.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Self::Pinging { deadline, interval, timeout, .. } = self {
            *deadline = later(now, interval.saturating_add(*timeout));
        }
    }

    /// Client: a ping came.
    pub(super) fn pinged(&mut self, now: Instant) {
        if let Self::AwaitingPing { deadline, limit } = self {
            *deadline = later(now, *limit);
        }
    }

    /// A pong came. The next ping is one interval away.
    pub(super) fn ponged(&mut self, now: Instant) {
        match self {
            Self::AwaitingPong { interval, timeout, .. } => {
                let (interval, timeout) = (*interval, *timeout);
                *self = Self::Idle { at: later(now, interval), interval, timeout };
            }
            Self::Pinging { ping_at, interval, .. } => *ping_at = Some(later(now, *interval)),
            _ => {}
        }
    }

    /// A ping was due and was not sent, so the lack of a pong proves nothing.
    pub(super) fn withheld(&mut self, now: Instant) {
        match self {
            Self::AwaitingPong { interval, timeout, .. } => {
                let (interval, timeout) = (*interval, *timeout);
                *self = Self::Idle { at: later(now, interval), interval, timeout };
            }
            Self::Pinging { ping_at, deadline, interval, .. } => {
                *ping_at = Some(later(now, *interval));
                *deadline = later(now, Duration::MAX);
            }
            _ => {}
        }
    }

    pub(super) fn tick(&mut self, now: Instant) -> Beat {
        match *self {
            Self::Pinging { ping_at: Some(at), interval, timeout, .. } if now >= at => {
                let deadline = later(now, timeout);
                *self = Self::Pinging { ping_at: None, deadline, interval, timeout };
                Beat::SendPing
            }
            Self::Idle { at, interval, timeout } if now >= at => {
                *self = Self::AwaitingPong { deadline: later(now, timeout), interval, timeout };
                Beat::SendPing
            }
            Self::AwaitingPing { deadline, .. }
            | Self::AwaitingPong { deadline, .. }
            | Self::Pinging { deadline, .. }
                if now >= deadline =>
            {
                Beat::TimedOut
            }
            _ => Beat::Nothing,
        }
    }
}

impl Connection {
    /// Stops answering pings, or answers them again: the server's heartbeat then ends the session
    /// after its ping timeout, while this side goes on as before.
    ///
    /// The side that pings, a server or a client of [`Protocol::V3`], stops sending pings instead,
    /// and then does not take the lack of a pong for the peer's end. What an upgrade's probe asks is
    /// answered in any case.
    pub fn set_answer_pings(&mut self, answer: bool) {
        self.answers_pings = answer;
    }

    /// Pongs, or pings of the side that pings, that were not sent because of
    /// [`set_answer_pings`](Self::set_answer_pings).
    pub fn withheld_heartbeats(&self) -> u64 {
        self.withheld_heartbeats
    }
}

/// `now + delay`, for delays that a peer chose: ten years stand for anything longer.
pub(super) fn later(now: Instant, delay: Duration) -> Instant {
    const TEN_YEARS: Duration = Duration::from_hours(10 * 365 * 24);
    now + delay.min(TEN_YEARS)
}
