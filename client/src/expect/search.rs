use std::future::poll_fn;
use std::panic::Location;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::difference::Difference;
use super::event_json;
use super::hints;
use super::pattern::EventPattern;
use super::source::{Observed, Source};
use super::unmet::{Candidate, Unmet};
use crate::{DEFAULT_TIMEOUT, Error, Result, scaled};

/// A walk along a log, from a position on, as long as a deadline allows.
pub(crate) struct Search<E> {
    pub(crate) source: Box<dyn Source<E>>,
    pub(crate) start: usize,
    pub(crate) written_at: &'static Location<'static>,
    position: usize,
    until: Instant,
}

/// Why a search found nothing more.
pub(crate) enum Exhausted {
    TimedOut,
    Ended(String),
}

impl<E: Observed> Search<E> {
    /// The time runs from here on.
    pub(crate) fn begin(
        source: Box<dyn Source<E>>,
        start: usize,
        patience: Duration,
        written_at: &'static Location<'static>,
    ) -> Self {
        let now = Instant::now();
        let until = now.checked_add(patience).unwrap_or(now + A_LONG_TIME);
        Self { source, start, written_at, position: start, until }
    }

    /// The next events, at least one.
    pub(crate) async fn next(&mut self) -> Result<Vec<E>, Exhausted> {
        let (source, position) = (&mut self.source, &mut self.position);
        let came = poll_fn(|cx| match source.look_on(*position, cx.waker()) {
            (came, None) if came.is_empty() => Poll::Pending,
            (came, Some(reason)) if came.is_empty() => Poll::Ready(Err(Exhausted::Ended(reason))),
            (came, _) => Poll::Ready(Ok(came)),
        });
        let came = timeout_at(self.until, came).await.unwrap_or(Err(Exhausted::TimedOut))?;
        *position += came.len();
        Ok(came)
    }

    /// Fails if one of these events may be what is looked for, and nobody can tell.
    pub(crate) fn check(&self, came: &[E], patterns: &[EventPattern<E>]) -> Result {
        let named = |event: &&E| patterns.iter().any(|pattern| pattern.name() == event.name());
        came.iter().filter(named).try_for_each(|event| {
            event.delivered().map_err(|error| self.source.failing(Some(event.name()), error))
        })
    }

    /// Everything that the server has sent by now. The fence gets time for its round trip, however
    /// late the events came.
    pub(crate) async fn rest(&mut self) -> Result<Vec<E>> {
        let left = self.until.saturating_duration_since(Instant::now());
        self.source.fence(left.max(scaled(DEFAULT_TIMEOUT))).await?;
        let (came, _) = self.source.look_on(self.position, Waker::noop());
        self.position += came.len();
        Ok(came)
    }

    /// Everything that came, before the start, too.
    pub(crate) fn all(&mut self) -> Vec<E> {
        self.source.look_on(0, Waker::noop()).0
    }

    /// The error for a pattern that nothing, or not enough, fitted.
    pub(crate) fn unmet(
        &mut self,
        pattern: &EventPattern<E>,
        expected: String,
        outcome: String,
    ) -> Error {
        let all = self.all();
        let since = all.get(self.start.min(all.len())..).unwrap_or_default();
        let situation = self.source.situation();
        let candidates = nearest(pattern, since);
        let hints = hints::find(pattern, &all, self.start, &situation);
        self.report(Some(pattern.name()), expected, outcome, candidates, hints)
    }

    pub(crate) fn report(
        &mut self,
        event: Option<&str>,
        expected: String,
        outcome: String,
        candidates: Vec<Candidate>,
        hints: Vec<String>,
    ) -> Error {
        let situations = vec![self.source.situation()];
        let written_at = self.written_at;
        let unmet = Unmet { expected, outcome, candidates, hints, situations, written_at };
        self.source.failing(event, unmet.into())
    }

    /// Where the events are looked for, as a phrase that follows: ` on /chat`.
    pub(crate) fn place(&self) -> String {
        match self.source.situation().namespace.as_str() {
            "/" | "" => String::new(),
            namespace => format!(" on namespace {namespace}"),
        }
    }
}

impl Exhausted {
    /// As a phrase that follows "but it did not come".
    pub(crate) fn phrase(&self, patience: Duration) -> String {
        match self {
            Self::TimedOut if patience.is_zero() => " so far".to_owned(),
            Self::TimedOut => format!(" within {patience:?}"),
            Self::Ended(reason) => format!(" before the connection ended ({reason})"),
        }
    }
}

/// The events of the name that fit worst in the fewest places.
fn nearest<E: Observed>(pattern: &EventPattern<E>, events: &[E]) -> Vec<Candidate> {
    let named: Vec<&E> = events.iter().filter(|event| event.name() == pattern.name()).collect();
    let recent = named.get(named.len().saturating_sub(COMPARED)..).unwrap_or_default();
    let mut candidates: Vec<_> = recent
        .iter()
        .filter(|event| !pattern.fits(**event))
        .map(|event| {
            let differences = pattern
                .expected()
                .map_or_else(Vec::new, |expected| expected.differences(event.raw_args()));
            (differences, *event)
        })
        .collect();
    candidates.sort_by_key(|(differences, _)| differences.len());
    candidates.truncate(SHOWN);
    // One that is much further off tells nothing.
    let nearest = candidates.first().map_or(0, |(differences, _)| differences.len());
    candidates.retain(|(differences, _)| differences.len() <= nearest + MUCH_FURTHER);
    let label = |index| if index == 0 { "nearest:" } else { "also:   " };
    (candidates.into_iter().enumerate())
        .map(|(index, (differences, event))| {
            candidate(label(index), event, differences, pattern.failing_conditions(event))
        })
        .collect()
}

/// An event as a failure shows it.
pub(crate) fn candidate<E: Observed>(
    label: &str,
    event: &E,
    differences: Vec<Difference>,
    conditions: Vec<String>,
) -> Candidate {
    Candidate {
        event: event_json(event.name(), event.raw_args()),
        label: label.to_owned(),
        differences,
        conditions,
    }
}

/// A comparison of every event of a long log would tell no more.
const COMPARED: usize = 1_000;
const SHOWN: usize = 2;
const MUCH_FURTHER: usize = 2;
const A_LONG_TIME: Duration = Duration::from_secs(1 << 30);
