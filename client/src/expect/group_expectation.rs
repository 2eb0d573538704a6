use std::marker::PhantomData;
use std::panic::Location;
use std::slice;
use std::task::Waker;
use std::time::Duration;

use futures::future::join_all;

use super::group::{Member, names};
use super::manner::{Expecting, Manner};
use super::pattern::EventPattern;
use super::search::{Exhausted, Search, candidate};
use super::source::{Observed, Source};
use super::unmet::Unmet;
use crate::client::SocketIoClient;
use crate::event::Event;
use crate::{Error, Result};

/// What the clients of a [`Group`](crate::Group) are expected to get, to be awaited.
#[must_use = "expectations do nothing unless awaited"]
pub struct GroupExpectation<M> {
    plan: Plan,
    written_at: &'static Location<'static>,
    manner: PhantomData<fn() -> M>,
}

pub(super) enum Plan {
    /// These get it, and the others do not.
    Split {
        size: usize,
        receivers: Vec<Member>,
        others: Vec<Member>,
        pattern: EventPattern,
    },
    InOrder(Vec<(Member, EventPattern)>),
}

impl<M> GroupExpectation<M> {
    #[track_caller]
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, written_at: Location::caller(), manner: PhantomData }
    }

    /// Waits for at most `duration` for each event, and for each proof that none came, instead of
    /// the clients' own timeouts.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use socketio_mock_client::{Result, create_socketio_clients, group};
    /// # async fn f() -> Result {
    /// let clients = create_socketio_clients(3000, 3).await?;
    /// group(&clients).expect_all("news").within(Duration::from_millis(500)).await;
    /// # Ok(()) }
    /// ```
    pub fn within(mut self, duration: Duration) -> Self {
        match &mut self.plan {
            Plan::Split { receivers, others, .. } => {
                receivers.iter_mut().chain(others).for_each(|member| member.timeout = duration);
            }
            Plan::InOrder(steps) => {
                for (member, _) in steps {
                    member.timeout = duration;
                }
            }
        }
        self
    }
}

impl<M: Manner> IntoFuture for GroupExpectation<M> {
    type Output = M::Output<Vec<Event>>;
    type IntoFuture = Expecting<Vec<Event>, M>;

    fn into_future(self) -> Self::IntoFuture {
        let written_at = self.written_at;
        match self.plan {
            Plan::Split { size, receivers, others, pattern } => {
                Expecting::new(split(size, receivers, others, pattern, written_at))
            }
            Plan::InOrder(steps) => Expecting::new(in_order(steps, written_at)),
        }
    }
}

impl<M> std::fmt::Debug for GroupExpectation<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.plan {
            Plan::Split { size, receivers, others, pattern } => {
                f.write_str(&expected(*size, receivers, others, pattern))
            }
            Plan::InOrder(steps) => write!(f, "{} events in this order", steps.len()),
        }
    }
}

impl Plan {
    pub(super) fn in_order<'a, P: Into<EventPattern>>(
        events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
    ) -> Self {
        let step =
            |(client, pattern): (&'a SocketIoClient, P)| (Member::of(client), pattern.into());
        Self::InOrder(events.into_iter().map(step).collect())
    }
}

fn expected(
    size: usize,
    receivers: &[Member],
    others: &[Member],
    pattern: &EventPattern,
) -> String {
    match (receivers.len(), others.len()) {
        (0, _) => format!("none of {size} clients to get {pattern}"),
        (_, 0) => format!("all of {size} clients to get {pattern}"),
        _ => format!("only {} of {size} clients to get {pattern}", names(receivers)),
    }
}

async fn split(
    size: usize,
    receivers: Vec<Member>,
    others: Vec<Member>,
    pattern: EventPattern,
    written_at: &'static Location<'static>,
) -> Result<Vec<Event>> {
    let expected = expected(size, &receivers, &others, &pattern);
    others.iter().try_for_each(|member| member.source().can_fence())?;
    let got = receivers.iter().map(|member| member.first(&pattern, written_at));
    let events = judge(&expected, "did not get it", &receivers, join_all(got).await)?;
    let spared = others.iter().map(|member| member.none(&pattern, written_at));
    judge(&expected, "got it, too", &others, join_all(spared).await)?;
    Ok(events)
}

async fn in_order(
    steps: Vec<(Member, EventPattern)>,
    written_at: &'static Location<'static>,
) -> Result<Vec<Event>> {
    steps.iter().try_for_each(|(_, pattern)| pattern.check())?;
    let mut found: Vec<Event> = Vec::new();
    for (member, pattern) in &steps {
        let last = found.last().map(|event| event.received().order);
        let later = |event: &Event| last.is_none_or(|last| event.received().order > last);
        let source = Box::new(member.source());
        let mut search = Search::begin(source, 0, member.timeout, written_at);
        let next = loop {
            match search.next().await {
                Ok(came) => {
                    search.check(&came, slice::from_ref(pattern))?;
                    let fits = |event: &Event| later(event) && pattern.fits(event);
                    if let Some(event) = came.into_iter().find(fits) {
                        break Ok(event);
                    }
                }
                Err(exhausted) => break Err(exhausted),
            }
        };
        match next {
            Ok(event) => found.push(event),
            Err(exhausted) => return Err(out_of_order(&steps, &found, &exhausted, written_at)),
        }
    }
    found.iter().for_each(Observed::mark_read);
    for (number, (member, pattern)) in steps.iter().enumerate() {
        let place = format_args!("{pattern}, as number {} of {}", number + 1, steps.len());
        member.source().met(Some(pattern.name()), &place);
    }
    Ok(found)
}

/// All that went well, or one error for all that went wrong.
fn judge<T>(
    expected: &str,
    what: &str,
    members: &[Member],
    results: Vec<Result<T>>,
) -> Result<Vec<T>> {
    let mut well = Vec::new();
    let mut failing = Vec::new();
    let mut whole: Option<Box<Unmet>> = None;
    for (result, member) in results.into_iter().zip(members) {
        let mut unmet = match result {
            Ok(value) => {
                well.push(value);
                continue;
            }
            Err(Error::Unmet(unmet)) => unmet,
            Err(error) => return Err(error),
        };
        failing.push(member.clone());
        for candidate in &mut unmet.candidates {
            candidate.label = format!("{}, {}", member.name(), candidate.label);
        }
        match &mut whole {
            None => whole = Some(unmet),
            Some(whole) => {
                whole.candidates.append(&mut unmet.candidates);
                whole.hints.append(&mut unmet.hints);
                if whole.situations.len() < SHOWN {
                    whole.situations.append(&mut unmet.situations);
                }
            }
        }
    }
    let Some(mut unmet) = whole else { return Ok(well) };
    unmet.hints.dedup();
    expected.clone_into(&mut unmet.expected);
    let others = if well.is_empty() { "" } else { "; the others are as expected" };
    unmet.outcome = format!("{} {what}{others}", names(&failing));
    Err(Error::Unmet(unmet))
}

fn out_of_order(
    steps: &[(Member, EventPattern)],
    found: &[Event],
    exhausted: &Exhausted,
    written_at: &'static Location<'static>,
) -> Error {
    let step = |(index, (member, pattern)): (usize, &(Member, EventPattern))| {
        let fate = match index.cmp(&found.len()) {
            std::cmp::Ordering::Less => "came",
            std::cmp::Ordering::Equal => "missing",
            std::cmp::Ordering::Greater => "not reached",
        };
        format!("\n    {}. {} gets {pattern}: {fate}", index + 1, member.name())
    };
    let listed: String = steps.iter().enumerate().map(step).collect();
    let expected = format!("{} events of several clients in this order:{listed}", steps.len());
    let number = found.len() + 1;
    let Some((member, pattern)) = steps.get(found.len()) else {
        return Error::NotConnected {
            what: "nothing".into(),
            reason: socketio_proto::connection::CloseReason::Dropped,
        };
    };
    let (all, _) = member.source().look_on(0, Waker::noop());
    let last = found.last().map(|event| event.received().order);
    let before = |event: &&Event| last.is_some_and(|last| event.received().order < last);
    let early = all.iter().filter(|event| pattern.fits(event)).filter(before).take(SHOWN);
    let label = format!("too early for number {number}:");
    let candidates: Vec<_> =
        early.map(|event| candidate(&label, event, Vec::new(), Vec::new())).collect();
    let phrase = exhausted.phrase(member.timeout);
    let outcome = if candidates.is_empty() {
        format!("number {number} did not come{phrase}")
    } else {
        format!("number {number} came before number {}", number - 1)
    };
    let involved = steps.get(found.len().saturating_sub(1)..=found.len()).unwrap_or_default();
    let situations = involved.iter().map(|(member, _)| member.source().situation()).collect();
    let unmet = Unmet { expected, outcome, candidates, hints: Vec::new(), situations, written_at };
    member.source().failing(Some(pattern.name()), unmet.into())
}

/// Of each kind: more would bury what matters.
const SHOWN: usize = 2;
