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
    /// When a stall ended, and how long it was.
    ended: Vec<(Instant, Duration)>,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let last_tick = Instant::now();
        let state = Arc::new(Mutex::new(State { last_tick, ended: Vec::new() }));
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

    /// Whether the machine stood still for longer than `most` at some time after `since`.
    pub(crate) fn any_since(&self, since: Instant, most: Duration) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The tick of a stall that has just ended may be yet to come.
        state.tick(Instant::now());
        state.ended.iter().any(|(end, length)| *end > since && *length > most)
    }
}

impl State {
    fn tick(&mut self, now: Instant) {
        let late = (now - self.last_tick).saturating_sub(TICK);
        if late > NOTICED {
            self.ended.push((now, late));
        }
        self.last_tick = now;
    }
}

const TICK: Duration = Duration::from_millis(10);
/// Shorter than any stall that matters.
const NOTICED: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn state(last_tick: Instant) -> State {
        State { last_tick, ended: Vec::new() }
    }

    #[test]
    fn a_tick_that_is_somewhat_late_is_no_stall() {
        let began = Instant::now();
        let mut state = state(began);
        state.tick(began + TICK + NOTICED);
        assert!(state.ended.is_empty());
    }

    #[test]
    fn a_stall_counts_for_what_was_under_way_when_it_ended() {
        let began = Instant::now();
        let end = began + Duration::from_secs(1);
        let mut state = state(began);
        state.tick(end);
        state.tick(end + TICK);
        assert_eq!(state.ended, [(end, Duration::from_millis(990))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_keeps_time_does_not_stall() {
        let stalls = Stalls::watch();
        let began = Instant::now();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(!stalls.any_since(began, Duration::ZERO));
    }
}
