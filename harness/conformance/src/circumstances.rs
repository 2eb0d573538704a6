use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use crate::{Subject, probe::Probe, raw::Recorder, stalls::Stalls};

/// What a run shows of the machine and of the server, beside the verdicts.
#[derive(Debug)]
pub(crate) struct Circumstances {
    stalls: Stalls,
    probe: Probe,
    /// The server has answered fast: where it is slow, the machine is.
    was_fast: AtomicBool,
}

/// Why a verdict may say nothing about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The machine stood still.
    Stalled,
    /// The server answered slowly, or the case went on slowly. A pong may have been late for it,
    /// which can only fail a case.
    Slow,
}

impl Circumstances {
    pub(crate) fn watch(subject: &Subject) -> Self {
        Self {
            stalls: Stalls::watch(),
            probe: Probe::watch(subject.clone()),
            was_fast: AtomicBool::new(false),
        }
    }

    /// What there is to doubt of a case that began then, and has just ended.
    pub(crate) fn doubt(&self, began: Instant, case: &Recorder) -> Option<Doubt> {
        let heartbeat = case.heartbeat().unwrap_or(HEARTBEAT);
        let harmless = (heartbeat / 3).clamp(SHORTEST_STALL, LONGEST_STALL);
        // Asked before anything is decided, for it is a note on the server, too.
        let is_slow = self.is_slow(case.slowest(), heartbeat / 4);
        if self.stalls.any_since(began, harmless) {
            Some(Doubt::Stalled)
        } else if is_slow
            || case.longest_stall() > harmless
            || self.probe.any_since(began, heartbeat / 4)
        {
            Some(Doubt::Slow)
        } else {
            None
        }
    }

    pub(crate) fn has_been_fast(&self) -> bool {
        self.was_fast.load(Ordering::Relaxed)
    }

    /// Whether the slowest of the answers in a case was slower than it should be.
    fn is_slow(&self, slowest: Duration, most: Duration) -> bool {
        if slowest > Duration::ZERO && slowest <= most {
            self.was_fast.store(true, Ordering::Relaxed);
        }
        slowest > most
    }
}

/// The ping timeout that the contract asks for.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(200);
/// What is shorter happens on every machine.
pub(crate) const SHORTEST_STALL: Duration = Duration::from_millis(70);
/// Heartbeats are not all that a stall upsets.
const LONGEST_STALL: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Transport;

    fn nobody() -> Subject {
        Subject::parse("http://127.0.0.1:9").unwrap()
    }

    #[tokio::test]
    async fn a_case_that_stood_still_alone_is_doubted() {
        let seen = Circumstances::watch(&nobody());
        let (began, case) = (Instant::now(), Recorder::new());
        case.line(Transport::WebSocket).stood_still(SHORTEST_STALL);
        assert_ne!(seen.doubt(began, &case), Some(Doubt::Slow));
        case.line(Transport::WebSocket).stood_still(SHORTEST_STALL * 2);
        assert!(seen.doubt(began, &case).is_some());
    }
}
