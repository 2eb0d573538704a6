use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use socketio_proto::connection::CloseReason;
use socketio_proto::{Args, EncodedArgs};
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::expect::wait_hints;
use crate::registry::Fate;
use crate::shared::Shared;
use crate::socket::{Socket, Unanswered};
use crate::wait::Deadline;
use crate::{Error, Result};

/// The server's answer to an event; see
/// [`SocketIoClient::send_with_ack`](crate::SocketIoClient::send_with_ack).
///
/// The event is sent when this is made, not when it is awaited. An answer that comes after the
/// deadline, or after this was dropped, is given to nobody. An event that still waits for a
/// reconnection at the deadline is not sent any more.
#[derive(Debug)]
#[must_use = "the server's answer is lost unless this is awaited"]
pub struct AckFuture {
    state: AckState,
    deadline: Deadline,
}

#[derive(Debug)]
enum AckState {
    Waiting(Pending),
    /// The event could not be sent. Taken when it is reported.
    Failed(Option<Error>),
}

impl AckFuture {
    pub(crate) fn send(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        event: &str,
        args: Result<EncodedArgs, socketio_proto::Error>,
        timeout: Duration,
    ) -> Self {
        let state = match Pending::send(shared, socket, event, args) {
            Ok(pending) => AckState::Waiting(pending),
            Err(error) => AckState::Failed(Some(error)),
        };
        Self { state, deadline: Deadline::new(timeout) }
    }

    /// Waits for at most `duration` from the first poll, instead of the client's timeout.
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.deadline.set(duration);
        self
    }
}

impl Future for AckFuture {
    type Output = Result<Args>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let pending = match &mut this.state {
            AckState::Waiting(pending) => pending,
            AckState::Failed(error) => {
                return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
            }
        };
        if let Poll::Ready(answer) = pending.answer.poll_unpin(cx) {
            pending.told = true;
            // A sender is dropped unused only with the connection's whole state.
            let answer = answer.unwrap_or(Err(Unanswered::Ended(CloseReason::Dropped)));
            return Poll::Ready(match answer {
                Ok(args) => {
                    pending.met();
                    Ok(args)
                }
                Err(why) => Err(pending.failing(pending.unanswered(why))),
            });
        }
        if !this.deadline.is_running() {
            pending.shared.write_early();
        }
        this.deadline.poll(cx).map(|()| {
            pending.told = true;
            pending.withdraw();
            Err(pending.failing(pending.timeout(this.deadline.after())))
        })
    }
}

/// An event that was sent with an ack id.
struct Pending {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    event: String,
    /// `None` until the event has left, for it may wait for a reconnection, and once it is answered.
    id: Option<u64>,
    answer: oneshot::Receiver<Result<Args, Unanswered>>,
    /// Whether the test knows how it ended.
    told: bool,
}

impl Pending {
    fn send(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        event: &str,
        args: Result<EncodedArgs, socketio_proto::Error>,
    ) -> Result<Self> {
        let args = args?;
        let (sender, answer) = oneshot::channel();
        let id = shared.emit(&socket, event, args, Some(sender))?;
        Ok(Self { shared, socket, event: event.to_owned(), id, answer, told: false })
    }

    fn waiting_for(&self) -> String {
        match self.id {
            Some(id) => format!("ack {id} of \"{}\"", self.event),
            None => format!("ack of \"{}\"", self.event),
        }
    }

    fn unanswered(&self, why: Unanswered) -> Error {
        match why {
            Unanswered::Ended(reason) => {
                self.socket.meet(Fate::Ended);
                self.shared.disconnected(self.waiting_for(), reason)
            }
            Unanswered::Unsupported(feature) => {
                Error::Unsupported { engine: self.shared.engine, feature }
            }
        }
    }

    /// Tells who looks on at the connection that the test has got what it waited for.
    fn met(&self) {
        let awaited = format_args!("ack of \"{}\"", self.event);
        self.shared.met(&self.socket.namespace, Some(&self.event), &awaited);
    }

    /// Tells who looks on at the connection that the test will be told of a failure.
    fn failing(&self, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, Some(&self.event), error)
    }

    /// Takes the event back if it still waits for a reconnection.
    fn withdraw(&mut self) {
        if self.id.is_none() {
            self.answer.close();
            self.socket.withdraw();
        }
    }

    fn timeout(&self, after: Duration) -> Error {
        if let Some(Err(refusal)) =
            self.id.map(|id| self.shared.refuse_queued_ack(&self.socket, id))
        {
            return refusal;
        }
        Error::Timeout {
            waiting_for: self.waiting_for(),
            after,
            hint: wait_hints::for_ack(&self.event, self.id, &self.shared, &self.socket),
            transcript: self.shared.transcript(),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let answer = self.answer.try_recv();
        // Once it is settled, by an ack or the end of its connection, another may have its number.
        if let (Some(id), Err(TryRecvError::Empty)) = (self.id, &answer) {
            self.shared.abandon_ack(&self.socket, id);
        }
        if !self.told && !matches!(answer, Ok(Ok(_))) {
            self.answer.close();
            self.socket.send_nevertheless();
            self.socket.left_unanswered(&self.event);
        }
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.waiting_for())
    }
}
