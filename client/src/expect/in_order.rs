use std::fmt::Write as _;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use super::manner::{Expecting, Manner, Panics};
use super::pattern::EventPattern;
use super::search::{Search, candidate};
use super::source::{ClientSource, Observed, Source};
use crate::Result;
use crate::client::SocketIoClient;
use crate::event::Event;

/// Events that should come one after the other; see
/// [`SocketIoClient::expect_in_order`](crate::SocketIoClient::expect_in_order). Awaiting it waits
/// for them.
#[must_use = "an expectation is checked when it is awaited"]
pub struct InOrder<M = Panics> {
    source: ClientSource,
    patterns: Vec<EventPattern>,
    start: usize,
    patience: Duration,
    written_at: &'static Location<'static>,
    manner: PhantomData<M>,
}

impl<M> InOrder<M> {
    #[track_caller]
    pub(super) fn new(client: &SocketIoClient, patterns: Vec<EventPattern>) -> Self {
        Self {
            source: ClientSource::of(client),
            patterns,
            start: 0,
            patience: client.timeout(),
            written_at: Location::caller(),
            manner: PhantomData,
        }
    }

    /// Waits for at most `duration` in all, instead of the client's timeout.
    pub fn within(mut self, duration: Duration) -> Self {
        self.patience = duration;
        self
    }

    /// Looks only at what comes after this call. Without it, everything counts since the first
    /// byte.
    pub fn from_now(mut self) -> Self {
        self.start = self.source.look_on(0, Waker::noop()).0.len();
        self
    }

    async fn wait(self) -> Result<Vec<Event>> {
        let Self { source, patterns, start, patience, written_at, .. } = self;
        patterns.iter().try_for_each(EventPattern::check)?;
        let mut search = Search::begin(Box::new(source), start, patience, written_at);
        let mut found: Vec<Event> = Vec::new();
        while let Some(mut next) = patterns.get(found.len()) {
            match search.next().await {
                Ok(came) => {
                    search.check(&came, &patterns)?;
                    for event in came {
                        if next.fits(&event) {
                            found.push(event);
                            let Some(further) = patterns.get(found.len()) else { break };
                            next = further;
                        }
                    }
                }
                Err(exhausted) => {
                    let phrase = exhausted.phrase(patience);
                    return Err(failure(&mut search, &patterns, &found, &phrase));
                }
            }
        }
        found.iter().for_each(Observed::mark_read);
        let names: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        search.source.met(None, &format_args!("in this order: {}", names.join(", ")));
        Ok(found)
    }
}

fn failure(
    search: &mut Search<Event>,
    patterns: &[EventPattern],
    found: &[Event],
    phrase: &str,
) -> crate::Error {
    let mut expected = format!("{} events in this order{}:", patterns.len(), search.place());
    for (index, pattern) in patterns.iter().enumerate() {
        let fate = match (index + 1).cmp(&(found.len() + 1)) {
            std::cmp::Ordering::Less => "came",
            std::cmp::Ordering::Equal => "missing",
            std::cmp::Ordering::Greater => "not reached",
        };
        // Writing to a string cannot fail.
        let _ = write!(expected, "\n    {}. {pattern}: {fate}", index + 1);
    }
    let Some(missing) = patterns.get(found.len()) else {
        return search.report(None, expected, String::new(), vec![], vec![]);
    };
    let number = found.len() + 1;
    let after =
        if found.is_empty() { String::new() } else { format!(" after number {}", found.len()) };
    let outcome = format!("number {number} did not come{after}{phrase}");
    let all = search.all();
    let since = all.get(search.start.min(all.len())..).unwrap_or_default();
    let last = found.last().map(|event| event.received().order);
    let too_early: Vec<_> = since
        .iter()
        .filter(|event| last.is_some_and(|last| event.received().order < last))
        .filter(|event| missing.fits(event))
        .take(2)
        .map(|event| candidate(&format!("too early for number {number}:"), event, vec![], vec![]))
        .collect();
    if too_early.is_empty() {
        return search.unmet(missing, expected, outcome);
    }
    let hint = format!("number {number} came before number {}: is the order wrong?", number - 1);
    search.report(Some(missing.name()), expected, outcome, too_early, vec![hint])
}

impl<M: Manner> IntoFuture for InOrder<M> {
    type Output = M::Output<Vec<Event>>;
    type IntoFuture = Expecting<Vec<Event>, M>;

    fn into_future(self) -> Self::IntoFuture {
        Expecting::new(self.wait())
    }
}

impl<M> std::fmt::Debug for InOrder<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.patterns).finish()
    }
}
