use std::{
    future::pending,
    pin::pin,
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
    stalls: Episodes,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let state = State { last_tick: Instant::now(), stalls: Episodes::default() };
        let state = Arc::new(Mutex::new(state));
        let mut ticks = JoinSet::new();
        let watched = Arc::clone(&state);
        ticks.spawn(noticing(pending(), move |_| {
            watched.lock().unwrap_or_else(PoisonError::into_inner).tick(Instant::now());
        }));
        Self { state, _ticks: ticks }
    }

    /// Whether the machine stood still for longer than `most` at some time after `since`.
    pub(crate) fn any_since(&self, since: Instant, most: Duration) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // The tick of a stall that has just ended may be yet to come.
        state.tick(Instant::now());
        state.stalls.any_since(since, most)
    }
}

impl State {
    fn tick(&mut self, now: Instant) {
        let late = (now - self.last_tick).saturating_sub(TICK);
        if late > NOTICED {
            self.stalls.push(now, late);
        }
        self.last_tick = now;
    }
}

/// Does `work`, and tells how late it could go on whenever that is known: one thread may stand
/// still while others keep time.
pub(crate) async fn noticing<T>(
    work: impl Future<Output = T>,
    mut late: impl FnMut(Duration),
) -> T {
    let mut work = pin!(work);
    loop {
        let tick = Instant::now() + TICK;
        tokio::select! {
            biased; // so that who acts on the work knows how late it was
            () = sleep_until(tick) => late(tick.elapsed()),
            done = &mut work => {
                late(Instant::now().saturating_duration_since(tick));
                return done;
            }
        }
    }
}

/// When something ended, and how long it was.
#[derive(Debug, Default)]
pub(crate) struct Episodes(Vec<(Instant, Duration)>);

impl Episodes {
    pub(crate) fn push(&mut self, end: Instant, length: Duration) {
        self.0.push((end, length));
    }

    pub(crate) fn any_since(&self, since: Instant, most: Duration) -> bool {
        self.0.iter().any(|(end, length)| *end > since && *length > most)
    }
}

const TICK: Duration = Duration::from_millis(10);
/// Shorter than any stall that matters.
const NOTICED: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn state(last_tick: Instant) -> State {
        State { last_tick, stalls: Episodes::default() }
    }

    #[test]
    fn a_tick_that_is_somewhat_late_is_no_stall() {
        let began = Instant::now();
        let mut state = state(began);
        state.tick(began + TICK + NOTICED);
        assert!(state.stalls.0.is_empty());
    }

    #[test]
    fn a_stall_counts_for_what_was_under_way_when_it_ended() {
        let began = Instant::now();
        let end = began + Duration::from_secs(1);
        let mut state = state(began);
        state.tick(end);
        state.tick(end + TICK);
        assert_eq!(state.stalls.0, [(end, Duration::from_millis(990))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_keeps_time_does_not_stall() {
        let stalls = Stalls::watch();
        let began = Instant::now();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(!stalls.any_since(began, Duration::ZERO));
    }

    #[tokio::test]
    async fn work_whose_thread_stands_still_knows_it_when_it_goes_on() {
        let longest = Mutex::new(Duration::ZERO);
        let late = |late: Duration| {
            let mut longest = longest.lock().unwrap();
            *longest = late.max(*longest);
        };
        let stands_still = async {
            tokio::task::yield_now().await;
            std::thread::sleep(NOTICED * 2);
            tokio::task::yield_now().await;
            *longest.lock().unwrap()
        };
        let known = noticing(stands_still, late).await;
        assert!(known >= NOTICED, "{known:?}");
    }
}
