use std::fmt;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use futures::future::BoxFuture;
use socketio_proto::Args;

use super::situation::Situation;
use crate::client::SocketIoClient;
use crate::event::Event;
use crate::inbox::Inbox;
use crate::log::ObserverId;
use crate::settle;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Error, Result};

/// Something with a name and arguments that an expectation can look at.
pub trait Observed: Clone + Send + Sync + 'static {
    /// The event's name.
    fn name(&self) -> &str;
    /// Its arguments.
    fn raw_args(&self) -> &Args;
    /// When it came, on the clock of its conversation.
    fn at(&self) -> Duration;
    /// An expectation has been met by it.
    fn mark_read(&self);
    /// Fails if nobody can tell whether it fits: the client's engine has not delivered its arguments.
    fn delivered(&self) -> Result {
        Ok(())
    }
}

/// Where the events come from that an expectation looks at: they only grow, and keep their order.
pub trait Source<E>: Send + 'static {
    /// The events from `position` on, and why no more can come if so. The waker is woken when there
    /// may be more.
    fn look_on(&mut self, position: usize, waker: &Waker) -> (Vec<E>, Option<String>);
    /// Fails if [`fence`](Self::fence) would, before anything is waited for.
    fn can_fence(&self) -> Result {
        Ok(())
    }
    /// Resolves when all that was sent has come.
    fn fence(&self, patience: Duration) -> BoxFuture<'static, Result>;
    /// Why events may have come since the last [`begin_here`](Self::begin_here) that
    /// [`look_on`](Self::look_on) has not given, if so: then nobody knows how many there were.
    fn gap(&self) -> Option<String> {
        None
    }
    /// What came before this call does not matter.
    fn begin_here(&mut self) {}
    /// What a failure tells beside the events.
    fn situation(&self) -> Situation;
    /// The test is about to be told of a failure: who looks on at the connection learns it, too.
    fn failing(&self, event: Option<&str>, error: Error) -> Error {
        let _ = event;
        error
    }
    /// The test goes on: who looks on at the connection learns what was met.
    fn met(&self, event: Option<&str>, expectation: &dyn fmt::Display) {
        let _ = (event, expectation);
    }
}

impl Observed for Event {
    fn name(&self) -> &str {
        self.name()
    }

    fn raw_args(&self) -> &Args {
        self.raw_args()
    }

    fn at(&self) -> Duration {
        self.at()
    }

    fn mark_read(&self) {
        self.received().marks.observed();
    }

    fn delivered(&self) -> Result {
        self.clone().delivered().map(drop)
    }
}

/// The log of a client.
pub(crate) struct ClientSource {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    observer: ObserverId,
}

impl ClientSource {
    pub(crate) fn new(shared: &Arc<Shared>, socket: &Arc<Socket>) -> Self {
        let observer = socket.with_inbox(Inbox::new_observer);
        Self { shared: Arc::clone(shared), socket: Arc::clone(socket), observer }
    }

    pub(crate) fn of(client: &SocketIoClient) -> Self {
        Self::new(client.shared(), client.socket())
    }
}

impl Source<Event> for ClientSource {
    fn look_on(&mut self, position: usize, waker: &Waker) -> (Vec<Event>, Option<String>) {
        let (came, ended) =
            self.socket.with_inbox(|inbox| inbox.look_on(self.observer, position, waker));
        let event =
            |received| Event::new(received, Arc::clone(&self.socket), Arc::clone(&self.shared));
        (came.into_iter().map(event).collect(), ended.map(|reason| reason.to_string()))
    }

    fn can_fence(&self) -> Result {
        settle::check(&self.shared)
    }

    fn fence(&self, patience: Duration) -> BoxFuture<'static, Result> {
        Box::pin(settle::settled(Arc::clone(&self.shared), Arc::clone(&self.socket), patience))
    }

    fn situation(&self) -> Situation {
        Situation::of(&self.shared, &self.socket)
    }

    fn failing(&self, event: Option<&str>, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, event, error)
    }

    fn met(&self, event: Option<&str>, expectation: &dyn fmt::Display) {
        self.shared.met(&self.socket.namespace, event, expectation);
    }
}

impl Drop for ClientSource {
    fn drop(&mut self) {
        self.socket.with_inbox(|inbox| inbox.forget_observer(self.observer));
    }
}
