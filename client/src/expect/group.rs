use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::absence::Absence;
use super::expectation::{Expectation, First};
use super::group_expectation::{GroupExpectation, Plan};
use super::manner::{Panics, Tries};
use super::pattern::EventPattern;
use super::source::ClientSource;
use crate::Result;
use crate::client::SocketIoClient;
use crate::event::Event;
use crate::redacted::Redacted;
use crate::shared::Shared;
use crate::socket::Socket;

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
pub(super) struct Member {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    pub(super) timeout: Duration,
}

/// Puts clients into a [`Group`]. It does not keep them open.
pub fn group<'a>(clients: impl IntoIterator<Item = &'a SocketIoClient>) -> Group {
    Group { members: clients.into_iter().map(Member::of).collect() }
}

impl Group {
    /// Every client of the group should get such an event. Gives one a client, in the group's order.
    #[track_caller]
    pub fn expect_all(&self, event: impl Into<EventPattern>) -> GroupExpectation<Panics> {
        self.split(self.members.clone(), event)
    }

    /// [`expect_all`](Self::expect_all) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_all(&self, event: impl Into<EventPattern>) -> GroupExpectation<Tries> {
        self.split(self.members.clone(), event)
    }

    /// These clients should get such an event, and no other client of the group. That the others do
    /// not is proved by a [fence](SocketIoClient::fence) on each, raised when the receivers have
    /// got theirs.
    #[track_caller]
    pub fn expect_only<'a>(
        &self,
        receivers: impl IntoIterator<Item = &'a SocketIoClient>,
        event: impl Into<EventPattern>,
    ) -> GroupExpectation<Panics> {
        self.split(receivers.into_iter().map(Member::of).collect(), event)
    }

    /// [`expect_only`](Self::expect_only) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_only<'a>(
        &self,
        receivers: impl IntoIterator<Item = &'a SocketIoClient>,
        event: impl Into<EventPattern>,
    ) -> GroupExpectation<Tries> {
        self.split(receivers.into_iter().map(Member::of).collect(), event)
    }

    /// No client of the group should have been sent such an event.
    #[track_caller]
    pub fn expect_none(&self, event: impl Into<EventPattern>) -> GroupExpectation<Panics> {
        self.split(Vec::new(), event)
    }

    /// [`expect_none`](Self::expect_none) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_none(&self, event: impl Into<EventPattern>) -> GroupExpectation<Tries> {
        self.split(Vec::new(), event)
    }

    /// Each event should come to its client after the one before it came to its own.
    ///
    /// The order is that in which the events were read in this process. It tells the order in which
    /// a server emitted only where one event causes the next, or where both come on one connection.
    #[track_caller]
    pub fn expect_in_order<'a, P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
    ) -> GroupExpectation<Panics> {
        GroupExpectation::new(Plan::in_order(events))
    }

    /// [`expect_in_order`](Self::expect_in_order) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_in_order<'a, P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = (&'a SocketIoClient, P)>,
    ) -> GroupExpectation<Tries> {
        GroupExpectation::new(Plan::in_order(events))
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
    fn split<M>(
        &self,
        receivers: Vec<Member>,
        event: impl Into<EventPattern>,
    ) -> GroupExpectation<M> {
        let is_receiver = |member: &&Member| receivers.iter().any(|other| other.is(member));
        let others: Vec<_> =
            self.members.iter().filter(|member| !is_receiver(member)).cloned().collect();
        let (size, pattern) = (self.members.len(), event.into());
        GroupExpectation::new(Plan::Split { size, receivers, others, pattern })
    }
}

impl Member {
    pub(super) fn of(client: &SocketIoClient) -> Self {
        let (shared, socket) = (client.shared().clone(), client.socket().clone());
        Self { shared, socket, timeout: client.timeout() }
    }

    pub(super) fn name(&self) -> &str {
        &self.shared.name
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.socket, &other.socket)
    }

    pub(super) fn source(&self) -> ClientSource {
        ClientSource::new(&self.shared, &self.socket)
    }

    pub(super) async fn first(
        &self,
        pattern: &EventPattern,
        written_at: &'static Location<'static>,
    ) -> Result<Event> {
        let (source, pattern) = (self.source(), pattern.clone());
        Expectation::<Event, First, Tries>::of_pattern(source, pattern, self.timeout, written_at)
            .await
    }

    pub(super) async fn none(
        &self,
        pattern: &EventPattern,
        written_at: &'static Location<'static>,
    ) -> Result<()> {
        let source = self.source();
        Absence::<Tries>::of_pattern(source, pattern.clone(), self.timeout, written_at).await
    }
}

pub(super) fn names(members: &[Member]) -> String {
    members.iter().map(Member::name).collect::<Vec<_>>().join(", ")
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({})", names(&self.members))
    }
}
