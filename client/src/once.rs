use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::event::Event;
use crate::expect::wait_hints;
use crate::inbox::{ConsumerId, Wants};
use crate::registry::Fate;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::wait::Deadline;
use crate::{Error, Result};

/// The next event of a name; see [`SocketIoClient::once`](crate::SocketIoClient::once).
///
/// Registered when it is made, not when it is awaited. Dropping it gives the event, if one has
/// come, to whoever asks next.
#[derive(Debug)]
#[must_use = "the event stays unclaimed unless this is awaited"]
pub struct Once {
    claim: Claim,
    deadline: Deadline,
}

impl Once {
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        name: &str,
        timeout: Duration,
    ) -> Self {
        let claim = Claim::new(shared, socket, name, Wants::One);
        Self { claim, deadline: Deadline::new(timeout) }
    }

    /// Waits for at most `duration` from the first poll, instead of the client's timeout.
    pub fn timeout(mut self, duration: Duration) -> Self {
        self.deadline.set(duration);
        self
    }
}

impl Future for Once {
    type Output = Result<Event>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(result) = this.claim.poll_take(cx) {
            return Poll::Ready(match result {
                Ok(event) => {
                    this.claim.met();
                    Ok(event)
                }
                Err(error) => Err(this.claim.failing(error)),
            });
        }
        this.deadline
            .poll(cx)
            .map(|()| Err(this.claim.failing(this.claim.timeout(this.deadline.after()))))
    }
}

/// A consumer's place in line at an inbox, left when it is dropped.
pub(crate) struct Claim {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    name: String,
    id: ConsumerId,
    /// How many events it has taken.
    taken: usize,
}

impl Claim {
    pub(crate) fn new(shared: Arc<Shared>, socket: Arc<Socket>, name: &str, wants: Wants) -> Self {
        let id = socket.with_inbox(|inbox| inbox.register(name, wants));
        Self { shared, socket, name: name.to_owned(), id, taken: 0 }
    }

    pub(crate) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let taken = self.socket.with_inbox(|inbox| inbox.poll_take(self.id, cx));
        taken.map(|taken| match taken {
            Ok(event) => {
                self.taken += 1;
                Event::new(event, Arc::clone(&self.socket), Arc::clone(&self.shared)).delivered()
            }
            Err(reason) => {
                self.socket.meet(Fate::Ended);
                Err(self.shared.disconnected(self.waiting_for(), reason))
            }
        })
    }

    pub(crate) fn timeout(&self, after: Duration) -> Error {
        let names: Vec<_> = self.socket.with_inbox(|inbox| {
            let unclaimed = inbox.unclaimed_names();
            unclaimed.iter().map(|(name, count)| format!("\"{name}\" ({count})")).collect()
        });
        let mut hint = match names.as_slice() {
            [] => String::new(),
            names => format!("\n  received, but awaited by nobody: {}", names.join(", ")),
        };
        hint += &wait_hints::for_event(&self.name, self.taken, &self.shared, &self.socket);
        let transcript = self.shared.transcript();
        Error::Timeout { waiting_for: self.waiting_for(), after, hint, transcript }
    }

    /// Tells who looks on at the connection that the test will be told of a failure.
    pub(crate) fn failing(&self, error: Error) -> Error {
        self.shared.failing(&self.socket.namespace, Some(&self.name), error)
    }

    /// Tells who looks on at the connection that the test has got what it waited for.
    fn met(&self) {
        let awaited = format_args!("once event \"{}\"", self.name);
        self.shared.met(&self.socket.namespace, Some(&self.name), &awaited);
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn waiting_for(&self) -> String {
        waiting_for_event(&self.name, &self.socket.namespace)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.socket.with_inbox(|inbox| inbox.release(self.id));
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.waiting_for())
    }
}

/// `event "x"`, with the namespace where it is not the main one.
pub(crate) fn waiting_for_event(name: &str, namespace: &str) -> String {
    match namespace {
        "/" => format!("event \"{name}\""),
        namespace => format!("event \"{name}\" in namespace \"{namespace}\""),
    }
}
