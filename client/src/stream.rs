use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::Stream;
use socketio_proto::connection::CloseReason;

use crate::event::Event;
use crate::inbox::{Inbox, Wants};
use crate::log::ObserverId;
use crate::once::Claim;
use crate::registry::Fate;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::wait::Deadline;
use crate::{Error, Result};

/// Events as a [`Stream`]; see [`SocketIoClient::on`](crate::SocketIoClient::on) and
/// [`SocketIoClient::on_any`](crate::SocketIoClient::on_any).
///
/// No wait is endless: an item is [`Error::Timeout`] if no event came for the client's timeout
/// (the stream goes on after it, as after an event that the client's engine does not deliver), and [`Error::Disconnected`] if the server or the network ended
/// the connection. After the client's own `close` the stream just ends.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled, but claim the events of their name"]
pub struct EventStream {
    source: Source,
    deadline: Deadline,
    ended: bool,
    /// Whether nobody minds if nothing comes.
    in_background: bool,
}

#[derive(Debug)]
enum Source {
    Named(Claim),
    All(Observation),
}

impl EventStream {
    pub(crate) fn named(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        name: &str,
        timeout: Duration,
    ) -> Self {
        Self::from_source(Source::Named(Claim::new(shared, socket, name, Wants::All)), timeout)
    }

    pub(crate) fn all(shared: Arc<Shared>, socket: Arc<Socket>, timeout: Duration) -> Self {
        let id = socket.with_inbox(Inbox::new_observer);
        Self::from_source(Source::All(Observation { shared, socket, id, position: 0 }), timeout)
    }

    fn from_source(source: Source, timeout: Duration) -> Self {
        Self { source, deadline: Deadline::new(timeout), ended: false, in_background: false }
    }

    /// For a reader that is no wait of the test: its failures are not told to those who look on.
    pub(crate) fn in_background(mut self) -> Self {
        self.in_background = true;
        self
    }

    fn failing(&self, error: Error) -> Error {
        match &self.source {
            _ if self.in_background => error,
            Source::Named(claim) => claim.failing(error),
            Source::All(observation) => observation.failing(error),
        }
    }

    /// Waits for each event for at most `duration`, instead of the client's timeout.
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.deadline.set(duration);
        self
    }

    /// The next event.
    ///
    /// Unlike `StreamExt::next`, which this hides, it is an error too if the stream has ended.
    #[expect(clippy::should_implement_trait, reason = "hides `StreamExt::next` on purpose")]
    pub fn next(&mut self) -> Next<'_> {
        Next(self)
    }

    fn disconnected(&self, reason: CloseReason) -> Error {
        let (shared, waiting_for) = match &self.source {
            Source::Named(claim) => (claim.shared(), claim.waiting_for()),
            Source::All(observation) => (&observation.shared, ANY.to_owned()),
        };
        shared.disconnected(waiting_for, reason)
    }
}

impl Stream for EventStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let polled = match &mut this.source {
            Source::Named(claim) => claim.poll_take(cx),
            Source::All(observation) => observation.poll_take(cx),
        };
        match polled {
            Poll::Ready(Ok(event)) => {
                this.deadline.rewind();
                Poll::Ready(Some(Ok(event)))
            }
            Poll::Ready(Err(error)) => {
                let Error::Disconnected { reason, .. } = &error else {
                    // An event that its engine has not delivered. Others may follow.
                    this.deadline.rewind();
                    return Poll::Ready(Some(Err(this.failing(error))));
                };
                this.ended = true;
                let on_purpose =
                    matches!(reason, CloseReason::ClientDisconnect | CloseReason::Dropped);
                Poll::Ready((!on_purpose).then(|| Err(this.failing(error))))
            }
            Poll::Pending => {
                ready!(this.deadline.poll(cx));
                let after = this.deadline.after();
                this.deadline.rewind();
                let error = match &this.source {
                    Source::Named(claim) => claim.timeout(after),
                    Source::All(observation) => observation.timeout(after),
                };
                Poll::Ready(Some(Err(this.failing(error))))
            }
        }
    }
}

/// The future of [`EventStream::next`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Next<'a>(&'a mut EventStream);

impl Future for Next<'_> {
    type Output = Result<Event>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let item = ready!(Pin::new(&mut *self.0).poll_next(cx));
        Poll::Ready(item.unwrap_or_else(|| Err(self.0.disconnected(CloseReason::ClientDisconnect))))
    }
}

/// A reader of the whole log, from its beginning, that claims nothing.
struct Observation {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    id: ObserverId,
    position: usize,
}

impl Observation {
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let observed =
            ready!(self.socket.with_inbox(|inbox| inbox.poll_observe(self.id, self.position, cx)));
        Poll::Ready(match observed {
            Ok(event) => {
                self.position += 1;
                Event::new(event, Arc::clone(&self.socket), Arc::clone(&self.shared)).delivered()
            }
            Err(reason) => {
                self.socket.meet(Fate::Ended);
                Err(self.shared.disconnected(ANY.into(), reason))
            }
        })
    }

    fn failing(&self, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, None, error)
    }

    fn timeout(&self, after: Duration) -> Error {
        Error::Timeout {
            waiting_for: ANY.into(),
            after,
            hint: String::new(),
            transcript: self.shared.transcript(),
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.socket.with_inbox(|inbox| inbox.forget_observer(self.id));
    }
}

impl std::fmt::Debug for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "any event in namespace \"{}\"", self.socket.namespace)
    }
}

/// What [`SocketIoClient::on_any`](crate::SocketIoClient::on_any) waits for.
const ANY: &str = "another event, of any name,";
