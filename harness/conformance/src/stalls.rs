use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Notices when the machine stands still: when this program could not run for a while, the server
/// beside it could not either, its timers ran out, and a verdict says nothing about it.
#[derive(Debug)]
pub(crate) struct Stalls {
    state: Arc<Mutex<State>>,
    _ticks: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    last_tick: Instant,
    /// When a stall ended.
    ends: Vec<Instant>,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let last_tick = Instant::now();
        let state = Arc::new(Mutex::new(State { last_tick, ends: Vec::new() }));
        let mut ticks = JoinSet::new();
        let watched = Arc::clone(&state);
        ticks.spawn(async move {
            loop {
                sleep_until(Instant::now() + TICK).await;
                watched.lock().unwrap_or_else(PoisonError::into_inner).tick(Instant::now());
            }
        });
        Self { state, _ticks: ticks }
    }

    /// Whether the machine stood still at some time after `since`.
    pub(crate) fn any_since(&self, since: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The tick of a stall that has just ended may be yet to come.
        state.tick(Instant::now());
        state.ends.iter().any(|end| *end > since)
    }
}

impl State {
    fn tick(&mut self, now: Instant) {
        if now - self.last_tick > TICK + LONGEST_PAUSE {
            self.ends.push(now);
        }
        self.last_tick = now;
    }
}

const TICK: Duration = Duration::from_millis(10);
/// A third of the ping timeout that the contract asks for.
const LONGEST_PAUSE: Duration = Duration::from_millis(70);

#[cfg(test)]
mod tests {
    use super::*;

    fn state(last_tick: Instant) -> State {
        State { last_tick, ends: Vec::new() }
    }

    #[test]
    fn a_tick_that_is_somewhat_late_is_no_stall() {
        let began = Instant::now();
        let mut state = state(began);
        state.tick(began + TICK + LONGEST_PAUSE);
        assert!(state.ends.is_empty());
    }

    #[test]
    fn a_stall_counts_for_what_was_under_way_when_it_ended() {
        let began = Instant::now();
        let end = began + Duration::from_secs(1);
        let mut state = state(began);
        state.tick(end);
        state.tick(end + TICK);
        assert_eq!(state.ends, [end]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_keeps_time_does_not_stall() {
        let stalls = Stalls::watch();
        let began = Instant::now();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(!stalls.any_since(began));
    }
}
