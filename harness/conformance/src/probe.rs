use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    Context, Subject,
    raw::{self, Method},
    stalls::Episodes,
};

/// Asks the server something trivial, again and again: while it does not answer that, it does not
/// read its clients' pongs either, and its own timers run out.
#[derive(Debug)]
pub(crate) struct Probe {
    state: Arc<Mutex<State>>,
    _questions: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the question that is open.
    asked_at: Option<Instant>,
    fastest: Option<Duration>,
    answers: Episodes,
}

impl Probe {
    pub(crate) fn watch(subject: Subject) -> Self {
        let state = Arc::default();
        let mut questions = JoinSet::new();
        questions.spawn(ask(subject, Arc::clone(&state)));
        Self { state, _questions: questions }
    }

    /// Whether a server that can answer faster took longer than `most`, at some time after `since`.
    pub(crate) fn any_since(&self, since: Instant, most: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fastest.is_some_and(|fastest| fastest <= most)
            && (state.answers.any_since(since, most)
                || state.asked_at.is_some_and(|asked_at| asked_at.elapsed() > most))
    }
}

async fn ask(subject: Subject, state: Arc<Mutex<State>>) {
    let with = |change: &dyn Fn(&mut State)| {
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
    };
    loop {
        let asked_at = Instant::now();
        with(&|state| state.asked_at = Some(asked_at));
        let ctx = Context::new(subject.clone(), PATIENCE);
        let reply = raw::request(&ctx, Method::GET, NO_SESSION, "").await;
        let took = asked_at.elapsed();
        with(&|state| {
            state.asked_at = None;
            if reply.is_ok() {
                state.fastest = Some(state.fastest.map_or(took, |fastest| fastest.min(took)));
                state.answers.push(asked_at + took, took);
            }
        });
        sleep_until(asked_at + PAUSE).await;
    }
}

/// What a poll is answered at once of a session that there never was.
const NO_SESSION: &str = "EIO=4&transport=polling&sid=none";
const PAUSE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(answers: &[(Instant, Duration)], asked_at: Option<Instant>) -> Probe {
        let mut state = State { asked_at, ..State::default() };
        state.fastest = answers.iter().map(|(_, took)| *took).min();
        for (at, took) in answers {
            state.answers.push(*at, *took);
        }
        Probe { state: Arc::new(Mutex::new(state)), _questions: JoinSet::new() }
    }

    const FAST: Duration = Duration::from_millis(1);
    const MOST: Duration = Duration::from_millis(50);
    const SLOW: Duration = Duration::from_millis(51);

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_came_late_counts_for_what_was_under_way() {
        let (began, later) = (Instant::now(), Instant::now() + SLOW);
        let slow_once = probe(&[(began, FAST), (later, SLOW)], None);
        assert!(slow_once.any_since(began, MOST));
        assert!(!slow_once.any_since(later, MOST));
        assert!(!probe(&[(later, MOST)], None).any_since(began, MOST));
        let always_slow = probe(&[(later, SLOW)], None);
        assert!(!always_slow.any_since(began, MOST), "that is how the server is");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_yet_to_come_counts_from_when_it_is_late() {
        let began = Instant::now();
        let waiting = probe(&[(began, FAST)], Some(began));
        assert!(!waiting.any_since(began, MOST));
        tokio::time::advance(SLOW).await;
        assert!(waiting.any_since(began, MOST));
    }
}
