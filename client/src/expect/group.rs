use std::panic::Location;
use std::slice;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures::future::join_all;

use super::absence::Absence;
use super::expectation::{Expectation, First};
use super::manner::{Expecting, Manner, Panics, Tries};
use super::pattern::EventPattern;
use super::search::{Exhausted, Search, candidate};
use super::source::{ClientSource, Source};
use super::unmet::Unmet;
use crate::client::SocketIoClient;
use crate::event::Event;
use crate::redacted::Redacted;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Error, Result};

/// Several clients, for expectations about who gets what, and in which order; made by [`group`].
///
/// ```no_run
/// # use serde_json::json;
/// # use socketio_mock_client::{Result, create_socketio_clients, event, group};
/// # async fn f() -> Result {
/// let clients = create_socketio_clients(3000, 3).await?;
/// let [alice, bob, eve] = &clients[..] else { unreachable!() };
/// let everybody = group(&clients);
///
/// alice.send("say", "hello")?;
/// everybody.expect_all(event("said").args(json!(["hello"]))).await;
/// alice.send("whisper", ("bob", "psst"))?;
/// everybody.expect_only([bob], "whispered").await; // neither alice nor eve
/// everybody.expect_in_order([(alice, "said"), (bob, "whispered")]).await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Group {
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    timeout: Duration,
}

/// Puts clients into a [`Group`]. It does not keep them open.
pub fn group<'a>(clients: impl IntoIterator<Item = &'a SocketIoClient>) -> Group {
    Group { members: clients.into_iter().map(Member::of).collect() }
}

impl Group {
    /// Every client of the group should get such an event. Gives one a client, in the group's order.
    #[track_caller]
    pub fn expect_all(&self, event: impl Into<EventPattern>) -> Expecting<Vec<Event>, Panics> {
        self.split(self.members.clone(), event.into())
    }

    /// [`expect_all`](Self::expect_all) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_all(&self, event: impl Into<EventPattern>) -> Expecting<Vec<Event>, Tries> {
        self.split(self.members.clone(), event.into())
    }

    /// These clients should get such an event, and no other client of the group. That the others do
    /// not is proved by a [fence](SocketIoClient::fence) on each, raised when the receivers have
    /// got theirs.
    #[track_caller]
    pub fn expect_only<'a>(
        &self,
        receivers: impl IntoIterator<Item = &'a SocketIoClient>,
        event: impl Into<EventPattern>,
    ) -> Expecting<Vec<Event>, Panics> {
        self.split(receivers.into_iter().map(Member::of).collect(), event.into())
    }

    /// [`expect_only`](Self::expect_only) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_only<'a>(
        &self,
        receivers: impl IntoIterator<Item = &'a SocketIoClient>,
        event: impl Into<EventPattern>,
    ) -> Expecting<Vec<Event>, Tries> {
        self.split(receivers.into_iter().map(Member::of).collect(), event.into())
    }

    /// No client of the group should have been sent such an event.
    #[track_caller]
    pub fn expect_none(&self, event: impl Into<EventPattern>) -> Expecting<Vec<Event>, Panics> {
        self.split(Vec::new(), event.into())
    }

    /// [`expect_none`](Self::expect_none) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_none(&self, event: impl Into<EventPattern>) -> Expecting<Vec<Event>, Tries> {
        self.split(Vec::new(), event.into())
    }

    /// Each event should come to its client after the one before it came to its own.
    ///
    /// The order is that in which the events were read in this process. It tells the order in which
    /// a server emitted only where one event causes the next, or where both come on one connection.
    #[track_caller]
    pub fn expect_in_order<'a, P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
    ) -> Expecting<Vec<Event>, Panics> {
        in_order(steps(events))
    }

    /// [`expect_in_order`](Self::expect_in_order) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_in_order<'a, P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
    ) -> Expecting<Vec<Event>, Tries> {
        in_order(steps(events))
    }

    /// The conversations of all clients for a snapshot: see
    /// [`Transcript::redacted`](crate::Transcript::redacted). The ids of all clients have names,
    /// also where one client is told of another.
    pub fn redacted(&self) -> Redacted {
        let transcripts = self
            .members
            .iter()
            .map(|member| (member.shared.name.to_string(), *member.shared.transcript()));
        Redacted::of_several(&transcripts.collect::<Vec<_>>())
    }

    #[track_caller]
    fn split<M: Manner>(
        &self,
        receivers: Vec<Member>,
        pattern: EventPattern,
    ) -> Expecting<Vec<Event>, M> {
        let written_at = Location::caller();
        let is_receiver = |member: &&Member| receivers.iter().any(|other| other.is(member));
        let others: Vec<_> =
            self.members.iter().filter(|member| !is_receiver(member)).cloned().collect();
        let size = self.members.len();
        Expecting::new(async move {
            let expected = match (receivers.len(), others.len()) {
                (0, _) => format!("none of {size} clients to get {pattern}"),
                (_, 0) => format!("all of {size} clients to get {pattern}"),
                _ => format!("only {} of {size} clients to get {pattern}", names(&receivers)),
            };
            others.iter().try_for_each(|member| member.source().can_fence())?;
            let got = receivers.iter().map(|member| member.first(&pattern, written_at));
            let events = judge(&expected, "did not get it", &receivers, join_all(got).await)?;
            let spared = others.iter().map(|member| member.none(&pattern, written_at));
            judge(&expected, "got it, too", &others, join_all(spared).await)?;
            Ok(events)
        })
    }
}

impl Member {
    fn of(client: &SocketIoClient) -> Self {
        let (shared, socket) = (client.shared().clone(), client.socket().clone());
        Self { shared, socket, timeout: client.timeout() }
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.socket, &other.socket)
    }

    fn source(&self) -> ClientSource {
        ClientSource::new(&self.shared, &self.socket)
    }

    async fn first(
        &self,
        pattern: &EventPattern,
        written_at: &'static Location<'static>,
    ) -> Result<Event> {
        let (source, pattern) = (self.source(), pattern.clone());
        Expectation::<Event, First, Tries>::of_pattern(source, pattern, self.timeout, written_at)
            .await
    }

    async fn none(
        &self,
        pattern: &EventPattern,
        written_at: &'static Location<'static>,
    ) -> Result<()> {
        let source = self.source();
        Absence::<Tries>::of_pattern(source, pattern.clone(), self.timeout, written_at).await
    }
}

fn names(members: &[Member]) -> String {
    members.iter().map(|member| &*member.shared.name).collect::<Vec<_>>().join(", ")
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
            candidate.label = format!("{}, {}", member.shared.name, candidate.label);
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

fn steps<'a, P: Into<EventPattern>>(
    events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
) -> Vec<(Member, EventPattern)> {
    events.into_iter().map(|(client, pattern)| (Member::of(client), pattern.into())).collect()
}

#[track_caller]
fn in_order<M: Manner>(steps: Vec<(Member, EventPattern)>) -> Expecting<Vec<Event>, M> {
    let written_at = Location::caller();
    Expecting::new(async move {
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
        found.iter().for_each(super::source::Observed::mark_read);
        for (number, (member, pattern)) in steps.iter().enumerate() {
            let place = format_args!("{pattern}, as number {} of {}", number + 1, steps.len());
            member.source().met(Some(pattern.name()), &place);
        }
        Ok(found)
    })
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
        format!("\n    {}. {} gets {pattern}: {fate}", index + 1, member.shared.name)
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
    let early = all.iter().filter(|event| pattern.fits(event)).take(SHOWN);
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

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({})", names(&self.members))
    }
}

/// Of each kind: more would bury what matters.
const SHOWN: usize = 2;
