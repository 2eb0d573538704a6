use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::slice;
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;

use super::manner::{Expecting, Manner, Panics};
use super::pattern::{EventPattern, event};
use super::search::{Search, candidate};
use super::source::{Observed, Source};
use crate::Result;
use crate::event::Event;

/// An event that should come; see [`SocketIoClient::expect`](crate::SocketIoClient::expect).
/// Awaiting it waits for it.
///
/// It gives the first event that fits; after [`times`](Self::times) or
/// [`at_least`](Self::at_least), all that fit.
#[must_use = "an expectation is checked when it is awaited"]
pub struct Expectation<E = Event, N = First, M = Panics> {
    source: Box<dyn Source<E>>,
    pattern: EventPattern<E>,
    number: Times,
    start: usize,
    patience: Duration,
    written_at: &'static Location<'static>,
    kind: PhantomData<(N, M)>,
}

/// How many events should come.
#[derive(Debug, Clone, Copy)]
enum Times {
    AtLeast(usize),
    Exactly(usize),
}

/// An expectation gives the first event that fits.
#[derive(Debug)]
pub enum First {}

/// An expectation gives all events that fit.
#[derive(Debug)]
pub enum All {}

/// What an expectation gives: [`First`] or [`All`].
pub trait Number: Send + 'static {
    /// What awaiting gives.
    type Output<E>;

    /// Leaves what it gives; whatever else has come so far is left to others.
    fn keep<E>(events: &mut Vec<E>);

    /// Picks it; `None` if there is nothing to pick.
    fn pick<E>(events: Vec<E>) -> Option<Self::Output<E>>;
}

impl Number for First {
    type Output<E> = E;

    fn keep<E>(events: &mut Vec<E>) {
        events.truncate(1);
    }

    fn pick<E>(events: Vec<E>) -> Option<E> {
        events.into_iter().next()
    }
}

impl Number for All {
    type Output<E> = Vec<E>;

    fn keep<E>(_: &mut Vec<E>) {}

    fn pick<E>(events: Vec<E>) -> Option<Vec<E>> {
        Some(events)
    }
}

impl<E: Observed, M> Expectation<E, First, M> {
    /// An expectation about another log than a client's.
    #[track_caller]
    pub fn new(source: impl Source<E>, name: &str, patience: Duration) -> Self {
        Self {
            source: Box::new(source),
            pattern: event(name),
            number: Times::AtLeast(1),
            start: 0,
            patience,
            written_at: Location::caller(),
            kind: PhantomData,
        }
    }

    /// For a pattern that somebody else has written.
    pub(super) fn of_pattern(
        source: impl Source<E>,
        pattern: EventPattern<E>,
        patience: Duration,
        written_at: &'static Location<'static>,
    ) -> Self {
        Self { pattern, written_at, ..Self::new(source, "", patience) }
    }

    /// Exactly so many events that fit. That no more came is proved by a
    /// [`fence`](crate::SocketIoClient::fence).
    pub fn times(self, count: usize) -> Expectation<E, All, M> {
        self.all(Times::Exactly(count))
    }

    /// At least so many events that fit. It does not wait for more.
    pub fn at_least(self, count: usize) -> Expectation<E, All, M> {
        self.all(Times::AtLeast(count))
    }

    fn all(self, number: Times) -> Expectation<E, All, M> {
        let Self { source, pattern, start, patience, written_at, .. } = self;
        Expectation { source, pattern, number, start, patience, written_at, kind: PhantomData }
    }
}

impl<E: Observed, N, M> Expectation<E, N, M> {
    /// With exactly these arguments: a tuple or an array has one element an argument, `()` none,
    /// anything else is the only argument. [`matchers`](crate::matchers) may stand in for values.
    pub fn args(mut self, args: impl Serialize) -> Self {
        self.pattern = self.pattern.args(args);
        self
    }

    /// With arguments that include these: further arguments, elements at the end of an array, and
    /// fields may be there.
    pub fn args_include(mut self, args: impl Serialize) -> Self {
        self.pattern = self.pattern.args_include(args);
        self
    }

    /// For which `condition` holds.
    #[track_caller]
    pub fn matching(mut self, condition: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.pattern = self.pattern.matching(condition);
        self
    }

    /// Waits for at most `duration`, instead of the client's timeout.
    pub fn within(mut self, duration: Duration) -> Self {
        self.patience = duration;
        self
    }

    /// Looks only at what comes after this call. Without it, everything counts since the first
    /// byte.
    pub fn from_now(mut self) -> Self {
        self.start = self.source.look_on(0, Waker::noop()).0.len();
        self.source.begin_here();
        self
    }
}

impl<E: Observed, N: Number, M> Expectation<E, N, M> {
    async fn wait(self) -> Result<N::Output<E>> {
        let Self { source, pattern, number, start, patience, written_at, .. } = self;
        pattern.check()?;
        if let Times::Exactly(_) = number {
            source.can_fence()?;
        }
        let expected = |place: String| format!("{}{pattern}{place}", number.phrase());
        let mut search = Search::begin(source, start, patience, written_at);
        let wanted = match number {
            Times::AtLeast(count) | Times::Exactly(count) => count,
        };
        let (mut found, mut others) = (Vec::new(), 0);
        while found.len() < wanted {
            match search.next().await {
                Ok(came) => {
                    search.check(&came, slice::from_ref(&pattern))?;
                    let named = came.into_iter().filter(|event| event.name() == pattern.name());
                    let (fitting, other): (Vec<_>, Vec<_>) =
                        named.partition(|event| pattern.fits(event));
                    found.extend(fitting);
                    others += other.len();
                }
                Err(exhausted) => {
                    let phrase = exhausted.phrase(patience);
                    let outcome = shortfall(found.len(), wanted, others, &phrase);
                    return Err(search.unmet(&pattern, expected(search.place()), outcome));
                }
            }
        }
        if let Times::Exactly(count) = number {
            let rest = search.rest().await?;
            found.extend(rest.into_iter().filter(|event| pattern.fits(event)));
            if found.len() <= count
                && let Some(gap) = search.source.gap()
            {
                let outcome = format!("{} came, but {gap}", found.len());
                return Err(search.unmet(&pattern, expected(search.place()), outcome));
            }
            if found.len() > count {
                let outcome = format!("{} came", found.len());
                let extra = found.iter().skip(count).take(SHOWN);
                let extra = extra.map(|event| candidate("too many:", event, vec![], vec![]));
                let name = Some(pattern.name());
                let expected = expected(search.place());
                return Err(search.report(name, expected, outcome, extra.collect(), Vec::new()));
            }
        }
        N::keep(&mut found);
        found.iter().for_each(Observed::mark_read);
        search.source.met(Some(pattern.name()), &expected(String::new()));
        let gone = || crate::Error::InvalidOption {
            what: "number of events expected",
            value: "0".into(),
            reason: "at least one must come for there to be a first".into(),
        };
        N::pick(found).ok_or_else(gone)
    }
}

/// How less than what was wanted came; `others` had the name, and did not fit.
fn shortfall(found: usize, wanted: usize, others: usize, phrase: &str) -> String {
    match (found, others) {
        (0, 0) => format!("it did not come{phrase}"),
        (0, 1) => format!("one came{phrase}, but it does not fit"),
        (0, others) => format!("{others} came{phrase}, but none of them fits"),
        (found, 0) => format!("only {found} of {wanted} came{phrase}"),
        (found, others) => {
            format!("only {found} of {wanted} came{phrase}, and {others} more that do not fit")
        }
    }
}

impl Times {
    fn phrase(self) -> String {
        match self {
            Self::AtLeast(1) => String::new(),
            Self::AtLeast(count) => format!("at least {count} × "),
            Self::Exactly(count) => format!("exactly {count} × "),
        }
    }
}

impl<E: Observed, N: Number, M: Manner> IntoFuture for Expectation<E, N, M>
where
    N::Output<E>: Send,
{
    type Output = M::Output<N::Output<E>>;
    type IntoFuture = Expecting<N::Output<E>, M>;

    fn into_future(self) -> Self::IntoFuture {
        // The manner and the number are types, which the future need not carry.
        Expecting::new(self.wait())
    }
}

impl<E, N, M> std::fmt::Debug for Expectation<E, N, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.number.phrase(), self.pattern)
    }
}

const SHOWN: usize = 3;
