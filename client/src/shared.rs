use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::task::AtomicWaker;
use serde_json::Value;
use socketio_proto::Args;
use socketio_proto::connection::{CloseReason, Connection, Event, Input, Output};
use socketio_proto::engine::Transport;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::Error;
use crate::endpoint::Endpoint;
use crate::inbox::{Inbox, Received};
use crate::transcript::Transcript;

/// What the driver of a connection and the handles to it share.
pub(crate) struct Shared {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Wakes the driver when a handle has given the core something to send.
    pub(crate) driver: AtomicWaker,
    state: Mutex<State>,
    started: Instant,
    gone: watch::Sender<bool>,
}

pub(crate) struct State {
    pub(crate) core: Connection,
    pub(crate) transcript: Transcript,
    /// Whether the server's open packet has come.
    pub(crate) opened: bool,
    /// Why the connection ended.
    pub(crate) closed: Option<CloseReason>,
    transport: watch::Sender<Transport>,
    /// Packets that belonged to nobody: late acks, events of namespaces that were left.
    pub(crate) strays: usize,
    namespaces: HashMap<String, Namespace>,
}

/// The client's side of one namespace.
pub(crate) struct Namespace {
    pub(crate) inbox: Inbox,
    pub(crate) acks: HashMap<u64, AckSender>,
    sid: String,
    lifecycle: watch::Sender<Lifecycle>,
}

/// Hands an ack to the one who waits for it.
pub(crate) type AckSender = oneshot::Sender<Result<Args, CloseReason>>;

/// Where a namespace stands.
#[derive(Debug, Clone)]
pub(crate) enum Lifecycle {
    Connecting,
    Connected,
    Refused { payload: Value },
    Disconnected { reason: CloseReason },
}

impl Shared {
    pub(crate) fn new(endpoint: Endpoint, core: Connection, started: Instant) -> Self {
        let transport = watch::Sender::new(core.transport());
        let state = State {
            core,
            transcript: Transcript::default(),
            opened: false,
            closed: None,
            transport,
            strays: 0,
            namespaces: HashMap::new(),
        };
        Self {
            endpoint: Arc::new(endpoint),
            driver: AtomicWaker::new(),
            state: Mutex::new(state),
            started,
            gone: watch::Sender::new(false),
        }
    }

    /// Never held across an await, and never while user code runs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the core do something, then lets the driver carry out what follows.
    pub(crate) fn command<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let result = action(&mut self.lock());
        self.driver.wake();
        result
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::unnecessary_box_returns, reason = "errors keep it boxed, to stay small")]
    pub(crate) fn transcript(&self) -> Box<Transcript> {
        Box::new(self.lock().transcript.clone())
    }

    /// Waits until no transport of the connection is left.
    pub(crate) async fn gone(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }

    /// Takes the body that answers the handshake by polling.
    pub(crate) fn polling_opened(&self, body: &[u8]) {
        let mut state = self.lock();
        let at = self.elapsed();
        state.transcript.record_body(at, body);
        state.core.handle_input(Instant::now().into_std(), Input::Payload(body));
    }

    pub(crate) fn transport(&self) -> watch::Receiver<Transport> {
        self.lock().transport.subscribe()
    }

    pub(crate) fn driver_ended(&self) {
        let mut state = self.lock();
        state.core.abandon(CloseReason::Dropped);
        loop {
            match state.core.poll_output() {
                Output::Event(event) => state.apply(event),
                Output::WaitUntil(_) => break,
                // There is no transport left to do it on.
                _ => {}
            }
        }
        drop(state);
        self.gone.send_replace(true);
    }
}

impl State {
    /// The state of a namespace, created when it is first asked for.
    pub(crate) fn namespace(&mut self, name: &str) -> &mut Namespace {
        self.namespaces.entry(name.to_owned()).or_insert_with(Namespace::new)
    }

    pub(crate) fn lifecycle(&mut self, namespace: &str) -> watch::Receiver<Lifecycle> {
        self.namespace(namespace).lifecycle.subscribe()
    }

    /// The socket's id in `namespace`; empty if it never was connected.
    pub(crate) fn socket_id(&mut self, namespace: &str) -> String {
        self.namespace(namespace).sid.clone()
    }

    pub(crate) fn was_connected(&mut self, namespace: &str) -> bool {
        !self.namespace(namespace).sid.is_empty()
    }

    /// What a refused send means: nothing to send on, or nothing that may be sent.
    pub(crate) fn send_error(
        &mut self,
        error: socketio_proto::Error,
        event: &str,
        namespace: &str,
    ) -> Error {
        match error {
            socketio_proto::Error::NotConnected(_) => Error::NotConnected {
                what: format!("event \"{event}\""),
                reason: self.why_disconnected(namespace),
            },
            error => error.into(),
        }
    }

    /// Why nothing can be sent to `namespace`.
    pub(crate) fn why_disconnected(&mut self, namespace: &str) -> CloseReason {
        match &*self.namespace(namespace).lifecycle.borrow() {
            Lifecycle::Disconnected { reason } => reason.clone(),
            _ => CloseReason::Dropped,
        }
    }

    /// Takes an event of the core.
    pub(crate) fn apply(&mut self, event: Event) {
        match event {
            Event::Opened(_) => self.opened = true,
            Event::Connected { namespace, sid, .. } => {
                let state = self.namespace(&namespace);
                state.sid = sid;
                state.lifecycle.send_replace(Lifecycle::Connected);
            }
            Event::ConnectError { namespace, payload } => {
                self.namespace(&namespace).lifecycle.send_replace(Lifecycle::Refused { payload });
            }
            Event::Event { namespace, id, name, args } => {
                self.namespace(&namespace).inbox.deliver(Received::new(name, args, id));
            }
            Event::Ack { namespace, id, args } => {
                if let Some(sender) = self.namespace(&namespace).acks.remove(&id) {
                    // Whoever waited may have stopped waiting just now.
                    let _ = sender.send(Ok(args));
                }
            }
            Event::Stray(packet) => {
                self.strays += 1;
                tracing::debug!(target: "socketio", ?packet, "packet nobody waits for");
            }
            Event::Disconnected { namespace, reason } => {
                self.namespace(&namespace).end(&reason);
            }
            Event::Closed(reason) => {
                for namespace in self.namespaces.values_mut() {
                    namespace.end(&reason);
                }
                tracing::debug!(target: "socketio", %reason, "connection closed");
                self.closed = Some(reason);
            }
            Event::Upgraded => {
                tracing::debug!(target: "socketio", "upgraded to websocket");
                self.transport.send_replace(Transport::Websocket);
            }
            Event::UpgradeFailed(why) => {
                tracing::debug!(target: "socketio", why, "upgrade given up, polling goes on");
            }
            // Only a server is asked.
            Event::ConnectRequested { .. } => {}
        }
    }
}

impl Namespace {
    fn new() -> Self {
        Self {
            inbox: Inbox::default(),
            acks: HashMap::new(),
            sid: String::new(),
            lifecycle: watch::Sender::new(Lifecycle::Connecting),
        }
    }

    /// Tells everybody who waits. The first reason stays.
    fn end(&mut self, reason: &CloseReason) {
        let ended = matches!(
            *self.lifecycle.borrow(),
            Lifecycle::Disconnected { .. } | Lifecycle::Refused { .. }
        );
        if ended {
            return;
        }
        self.lifecycle.send_replace(Lifecycle::Disconnected { reason: reason.clone() });
        self.inbox.end(reason.clone());
        for (_, sender) in self.acks.drain() {
            let _ = sender.send(Err(reason.clone()));
        }
    }
}
