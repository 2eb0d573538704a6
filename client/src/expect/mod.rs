//! Expectations about what came: waits that fail with what came instead.

mod absence;
mod difference;
mod endings;
mod expectation;
mod expected;
mod group;
mod group_expectation;
mod hints;
mod in_order;
mod manner;
mod matcher;
pub mod matchers;
mod paint;
mod pattern;
mod search;
pub(crate) mod short;
mod situation;
mod source;
mod unmet;
pub(crate) mod wait_hints;

use serde_json::Value;
use socketio_proto::Args;

pub use absence::Absence;
pub use difference::Difference;
pub use endings::ReasonName;
pub use expectation::{All, Expectation, First, Number};
pub use group::{Group, group};
pub use group_expectation::GroupExpectation;
pub use in_order::InOrder;
pub use manner::{Expecting, Manner, Panics, Tries};
pub use pattern::{EventPattern, event};
pub use situation::Situation;
pub use source::{Observed, Source};
pub use unmet::{Candidate, Unmet};

pub(crate) use expected::readable;
pub(crate) use short::is_full;
pub(crate) use source::ClientSource;

use crate::client::SocketIoClient;

/// # Expectations
///
/// An expectation waits until it is met, or fails with a panic that tells what came instead, points
/// at the line of the test, and prints the conversation. Each has a twin that begins with `try_`
/// and gives an error.
///
/// Expectations look at the log without claiming: an event can meet several, and `once` and `on`
/// still get it. The events that met one count as read.
impl SocketIoClient {
    /// An event of this name should come, or have come since the first byte. Gives it.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send("myEvent", (1, 2, 3))?;
    /// client.expect("myEventResult").args(json!([{"name": "harry", "result": 6}])).await;
    /// client.expect("tick").times(3).await;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn expect(&self, event: &str) -> Expectation {
        Expectation::new(ClientSource::of(self), event, self.timeout())
    }

    /// [`expect`](Self::expect) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect(&self, event: &str) -> Expectation<crate::Event, First, Tries> {
        Expectation::new(ClientSource::of(self), event, self.timeout())
    }

    /// Events should come one after the other, others between them or not. Gives them.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use socketio_mock_client::{SocketIoClient, event};
    /// # async fn f(client: &SocketIoClient) {
    /// client.expect_in_order(["joined", "message", "left"]).await;
    /// client.expect_in_order([event("move").args(json!([1])), event("move").args(json!([2]))]).await;
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_in_order<P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = P>,
    ) -> InOrder {
        InOrder::new(self, events.into_iter().map(Into::into).collect())
    }

    /// [`expect_in_order`](Self::expect_in_order) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_in_order<P: Into<EventPattern>>(
        &self,
        events: impl IntoIterator<Item = P>,
    ) -> InOrder<Tries> {
        InOrder::new(self, events.into_iter().map(Into::into).collect())
    }

    /// No such event should have been sent. Proved by a [`fence`](Self::fence), not by waiting: see
    /// there for what it covers.
    ///
    /// ```no_run
    /// # async fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send_with_ack("message", "hello").await?;
    /// client.expect_none("message").await; // a broadcast spares its sender
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn expect_none(&self, event: impl Into<EventPattern>) -> Absence {
        Absence::new(self, event.into())
    }

    /// [`expect_none`](Self::expect_none) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_none(&self, event: impl Into<EventPattern>) -> Absence<Tries> {
        Absence::new(self, event.into())
    }
}

/// An event as the protocol writes it, binary written out.
pub(crate) fn event_json(name: &str, args: &Args) -> String {
    let mut list = vec![Value::from(name)];
    list.extend(readable(args));
    Value::from(list).to_string()
}
