//! What is to be sent by rust_socketio, one thing after the other.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use ::rust_socketio::asynchronous::Client;
use ::rust_socketio::{self as engine, Event, Payload};
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, TryFutureExt};
use socketio_proto::socket::Packet;
use tokio::sync::mpsc::UnboundedSender;

use super::link::{Came, deepest_cause};
use crate::shared::Shared;
use crate::socket::Socket;

/// Keeps the order of the core, and asks for an ack only when the one before has come, whether or
/// not somebody still waits for it: rust_socketio draws their ids from 999 numbers, gives an answer
/// to everyone whose id it fits, and panics after that.
pub(super) struct Outbox {
    client: Client,
    tell: UnboundedSender<Came>,
    queue: VecDeque<Packet>,
    sending: Option<BoxFuture<'static, Result<(), String>>>,
    /// The client has left; whatever stands before that in the queue still leaves.
    leaving: bool,
}

impl Outbox {
    pub(super) fn new(client: Client, tell: UnboundedSender<Came>) -> Self {
        Self { client, tell, queue: VecDeque::new(), sending: None, leaving: false }
    }

    pub(super) fn push(&mut self, packet: Packet) {
        self.leaving |= matches!(packet, Packet::Disconnect { .. });
        self.queue.push_back(packet);
    }

    /// Whether the client has left, and not all it has sent before that is gone.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving && (self.sending.is_some() || !self.queue.is_empty())
    }

    /// Sends what may leave. True if anything has; an error means that nothing more will.
    pub(super) fn send(
        &mut self,
        shared: &Shared,
        socket: &Socket,
        cx: &mut Context<'_>,
    ) -> Result<bool, String> {
        let mut sent = false;
        loop {
            if let Some(sending) = &mut self.sending {
                let Poll::Ready(result) = sending.poll_unpin(cx) else { return Ok(sent) };
                self.sending = None;
                result?;
                sent = true;
            }
            let Some(packet) = self.next(shared, socket) else { return Ok(sent) };
            let sending = self.start(packet);
            let failed = |error| deepest_cause(&error).to_string();
            self.sending = Some(sending.map_err(failed).boxed());
        }
    }

    /// The next packet, if its turn has come.
    fn next(&mut self, shared: &Shared, socket: &Socket) -> Option<Packet> {
        let mut state = shared.lock();
        while let Some(Packet::Event { id, .. }) = self.queue.front_mut() {
            match *id {
                Some(id) if state.turns.was_refused(id) => drop(self.queue.pop_front()),
                Some(id) if socket.awaits_ack(id) => {
                    if state.turns.take(id) {
                        break;
                    }
                    return None;
                }
                // If nobody waits for the answer any more, it leaves as an event like others.
                _ => {
                    *id = None;
                    break;
                }
            }
        }
        self.queue.pop_front()
    }

    fn start(&self, packet: Packet) -> BoxFuture<'static, Result<(), engine::Error>> {
        let client = self.client.clone();
        match packet {
            Packet::Event { id: None, name, args, .. } => {
                let args = args.values().to_vec();
                async move { client.emit(Event::Custom(name), args).await }.boxed()
            }
            Packet::Event { id: Some(id), name, args, .. } => {
                let args = args.values().to_vec();
                let tell = self.tell.clone();
                let answered = move |answer: Payload, _: Client| {
                    let _ = tell.send(Came::Answer(id, answer));
                    ready(()).boxed()
                };
                // The client has a deadline of its own.
                let deadline = Duration::MAX;
                async move {
                    client.emit_with_ack(Event::Custom(name), args, deadline, answered).await
                }
                .boxed()
            }
            Packet::Disconnect { .. } => async move { client.disconnect().await }.boxed(),
            // It has sent CONNECT itself; the others are never sent by a client of this engine.
            Packet::Connect { .. } | Packet::Ack { .. } | Packet::ConnectError { .. } => {
                ready(Ok(())).boxed()
            }
        }
    }
}
