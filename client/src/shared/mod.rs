mod state;

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use socketio_proto::EncodedArgs;
use socketio_proto::connection::{ClientConfig, CloseReason, Connection, Event, Input, Output};
use socketio_proto::engine::{Frame, Transport};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection_events::{ConnectionEvent, ConnectionLog};
use crate::driver::WebsocketLane;
use crate::endpoint::Endpoint;
use crate::engine::Engine;
use crate::engine::turns::{AFTER_A_LOST_ONE, Turns};
use crate::expect::wait_hints;
use crate::observer::{Failure, Met, Opening, Recorder};
use crate::registry::{Registry, WeakRegistry};
use crate::socket::{AckSender, Socket, Unsent};
use crate::transcript::{Direction, Transcript};
use crate::{Error, Result};
pub(crate) use state::{Progress, State};

/// What the driver of a connection and the handles to it share.
pub(crate) struct Shared {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Where the clients of this connection are listed.
    registry: Option<WeakRegistry>,
    /// What messages and reports call the client.
    pub(crate) name: Arc<str>,
    pub(crate) engine: Engine,
    pub(crate) config: ClientConfig,
    /// Whether a lost connection is made again.
    pub(crate) reconnects: bool,
    state: Mutex<State>,
    started: Instant,
}

impl Shared {
    pub(crate) fn new(
        mut endpoint: Endpoint,
        engine: Engine,
        config: ClientConfig,
        reconnects: bool,
        name: Option<String>,
    ) -> Arc<Self> {
        let registry = endpoint.target.registry.take();
        let name = match (name, &registry) {
            (Some(name), _) => name.into(),
            (None, Some(registry)) => registry.next_name(),
            (None, None) => "client".into(),
        };
        let started = Instant::now();
        let observer = registry.as_ref().and_then(Registry::observer).map(|observer| {
            let url = endpoint.url();
            let parser = config.parser;
            observer.connection(&Opening { name: &name, url: &url, parser, at: started })
        });
        let core = Connection::client(config);
        let progress = Progress {
            transport: core.transport(),
            upgrade_failed: false,
            deserted: false,
            gone: false,
        };
        let state = State {
            progress: watch::Sender::new(progress),
            core,
            websocket: None,
            driver: None,
            sent_at: None,
            recorder: Recorder::new(Transcript::new(config.protocol, config.parser), observer),
            upgrade_failure: None,
            generation: 0,
            lost: None,
            opened: false,
            reading_paused: false,
            turns: Turns::default(),
            strays: 0,
            connection_log: ConnectionLog::default(),
            sockets: Vec::new(),
        };
        Arc::new(Self {
            endpoint: Arc::new(endpoint),
            registry: registry.as_ref().map(Registry::downgrade),
            name,
            engine,
            config,
            reconnects,
            state: Mutex::new(state),
            started,
        })
    }

    /// Never held across an await, and never while user code runs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the core do something, then lets the driver carry out what follows.
    pub(crate) fn command<T>(&self, action: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = action(&mut state);
        self.send_at_once(&mut state);
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        result
    }

    /// Hands the websocket, if it is open, what it is to send next: a frame less to keep in queues.
    fn send_at_once(&self, state: &mut State) {
        while state.websocket.is_some()
            && let Some(frame) = state.core.poll_websocket_frame()
        {
            self.record_sent(state, Transport::Websocket, &frame);
            state.with_websocket(|lane| lane.send(&frame));
        }
    }

    /// Writes what has been sent, if the stream takes it here and now, ahead of the driver's turn.
    pub(crate) fn write_early(&self) {
        self.lock().with_websocket(WebsocketLane::write_early);
    }

    /// Notes a frame in the transcript. What leaves together has left at one time.
    pub(crate) fn record_sent(&self, state: &mut State, transport: Transport, frame: &Frame) {
        let at = *state.sent_at.get_or_insert_with(|| self.since_start(Instant::now()));
        state.recorder.record_frame(at, Direction::Sent, transport, frame);
    }

    /// Hands the core what has come.
    pub(crate) fn input(&self, input: Input<'_>) {
        self.lock().core.handle_input(Instant::now().into_std(), input);
    }

    /// Begins to connect a namespace. It may be connected only once at a time.
    pub(crate) fn join(
        self: &Arc<Self>,
        namespace: &str,
        auth: Option<Value>,
    ) -> Result<Arc<Socket>> {
        let socket = self.join_unseen(namespace, auth)?;
        if let Some(registry) = self.registry.as_ref().and_then(WeakRegistry::upgrade) {
            registry.enter(Arc::clone(&self.name), self, &socket);
        }
        Ok(socket)
    }

    /// [`join`](Self::join) for the toolkit's own ends: the registry is not told.
    pub(crate) fn join_unseen(&self, namespace: &str, auth: Option<Value>) -> Result<Arc<Socket>> {
        self.command(|state| {
            let comes_back = self.reconnects && !state.sockets.is_empty();
            if state.core.is_closed() && !comes_back {
                let what = format!("the CONNECT of namespace \"{namespace}\"");
                return Err(Error::NotConnected { what, reason: CloseReason::ClientDisconnect });
            }
            if state.socket(namespace).is_some() {
                return Err(Error::AlreadyConnected { namespace: namespace.to_owned() });
            }
            // Between two connections it belongs to the next one, which asks for every namespace.
            let since = state.generation + u32::from(state.core.is_closed());
            let socket = Socket::new(namespace, auth, since);
            state.sockets.push(Arc::clone(&socket));
            state.core.connect(namespace, socket.connect_payload());
            Ok(socket)
        })
    }

    /// Leaves a namespace. With the last one goes the connection.
    pub(crate) fn leave(&self, socket: &Arc<Socket>) {
        let deserted = self.command(|state| {
            if !state.owns(socket) {
                return false;
            }
            state.core.disconnect(&socket.namespace);
            state.take_socket(&socket.namespace);
            state.sockets.is_empty()
        });
        // Told here and not by the core, which may be between two connections.
        socket.end(&CloseReason::ClientDisconnect);
        if deserted {
            self.lock().progress.send_modify(|progress| progress.deserted = true);
        }
    }

    /// Sends an event now, or keeps it for the next connection if there will be one. The number is
    /// the ack's, if one was asked for and the event has left.
    pub(crate) fn emit(
        &self,
        socket: &Arc<Socket>,
        event: &str,
        args: EncodedArgs,
        ack: Option<AckSender>,
    ) -> Result<Option<u64>> {
        self.engine.refuse_if(!args.attachments().is_empty(), "binary arguments")?;
        self.command(|state| {
            // The end of a connection reaches its sockets a moment after the core.
            let is_down = || !socket.is_connected() || state.core.is_closed();
            if self.reconnects && is_down() && state.owns(socket) {
                state.core.check_event(event, &args)?;
                socket.buffer(Unsent { event: event.to_owned(), args, ack, dropped: false });
                return Ok(None);
            }
            let given_up = state.turns.asked().is_some_and(|id| !socket.awaits_ack(id));
            self.engine.refuse_if(given_up && ack.is_some(), AFTER_A_LOST_ONE)?;
            state.emit(socket, event, args, ack)
        })
    }

    /// Waits no longer for an ack.
    pub(crate) fn abandon_ack(&self, socket: &Socket, id: u64) {
        socket.forget_ack(id);
        self.command(|state| {
            state.core.abandon_ack(&socket.namespace, id);
            if state.turns.asked() == Some(id) {
                let behind = socket.acks_after(id);
                for id in &behind {
                    socket.refuse_ack(*id, AFTER_A_LOST_ONE);
                }
                state.turns.refuse(behind);
            }
        });
    }

    /// Fails if the event that asks for this ack has not left because another ack has not come. It
    /// will not leave any more then.
    pub(crate) fn refuse_queued_ack(&self, socket: &Socket, id: u64) -> Result {
        let mut state = self.lock();
        if state.turns.is_behind(id) && socket.forget_ack(id) {
            state.turns.refuse([id]);
            drop(state);
            return self.engine.refuse(AFTER_A_LOST_ONE);
        }
        Ok(())
    }

    /// The time of the transcript.
    pub(crate) fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    #[expect(clippy::unnecessary_box_returns, reason = "errors keep it boxed, to stay small")]
    pub(crate) fn transcript(&self) -> Box<Transcript> {
        Box::new(self.lock().recorder.transcript().clone())
    }

    /// Tells who looks on that the connection has ended.
    pub(crate) fn closed(&self, state: &State, reason: &CloseReason) {
        if let Some(observer) = state.recorder.observer() {
            observer.closed(self.since_start(Instant::now()), reason);
        }
    }

    /// The error of a wait that the end of the connection, or of its namespace, has cut short.
    pub(crate) fn disconnected(&self, waiting_for: String, reason: CloseReason) -> Error {
        let hint = wait_hints::for_end(&reason, self).into();
        Error::Disconnected { waiting_for, reason, hint, transcript: self.transcript() }
    }

    /// Tells who looks on that the test will be told of a failure.
    pub(crate) fn failing(&self, namespace: &str, event: Option<&str>, error: Error) -> Error {
        let at = self.since_start(Instant::now());
        if let Some(observer) = self.lock().recorder.observer() {
            observer.failed(at, Failure::new(namespace, event, &error));
        }
        error
    }

    /// Tells who looks on that an expectation of the test was met.
    pub(crate) fn met(&self, namespace: &str, event: Option<&str>, expectation: &dyn Display) {
        if let Some(observer) = self.lock().recorder.observer() {
            let at = self.since_start(Instant::now());
            observer.met(at, Met::new(namespace, event, &expectation.to_string()));
        }
    }

    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.lock().progress.subscribe()
    }

    /// Whether nothing keeps the connection any more.
    pub(crate) fn is_deserted(&self) -> bool {
        self.lock().sockets.is_empty()
    }

    /// Waits until nothing keeps the connection any more.
    pub(crate) async fn deserted(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.progress().wait_for(|progress| progress.deserted).await;
    }

    /// Waits until no transport of the connection is left, and none will be opened.
    pub(crate) async fn gone(&self) {
        let _ = self.progress().wait_for(|progress| progress.gone).await;
    }

    /// Waits until the connection is gone, if no client wants it any more. `hint` follows the error.
    pub(crate) async fn left(&self, after: Duration, hint: &str) -> Result {
        if !self.is_deserted() {
            return Ok(());
        }
        let left = tokio::time::timeout(after, self.gone()).await;
        left.map_err(|_| self.has_not_left(after, hint))
    }

    pub(crate) fn has_not_left(&self, after: Duration, hint: &str) -> Error {
        Error::Timeout {
            waiting_for: "the end of the connection".into(),
            after,
            hint: format!("{hint}{}", wait_hints::for_silence(self)),
            transcript: self.transcript(),
        }
    }

    /// Whether somebody still wants the connection that was lost.
    pub(crate) fn wants_reconnection(&self) -> bool {
        self.reconnects && !self.lock().sockets.is_empty()
    }

    /// A fresh core for the next connection, with every namespace asked for again.
    pub(crate) fn begin_again(&self) {
        let mut state = self.lock();
        state.core = Connection::client(self.config);
        state.generation += 1;
        state.progress.send_modify(|progress| progress.transport = self.config.transport);
        state.forget_upgrade();
        state.opened = false;
        let mut sockets = state.sockets();
        sockets.sort_unstable_by(|a, b| a.namespace.cmp(&b.namespace));
        for socket in sockets {
            state.core.connect(&socket.namespace, socket.connect_payload());
        }
    }

    pub(crate) fn report(&self, event: ConnectionEvent) {
        self.lock().connection_log.report(event);
    }

    /// No transport is left, and none will be opened.
    pub(crate) fn ended(&self) {
        let mut state = self.lock();
        // Both hold on to their runtime.
        state.driver = None;
        state.websocket = None;
        state.core.abandon(CloseReason::Dropped);
        loop {
            match state.core.poll_output() {
                Output::Event(event) => {
                    if let Event::Closed(reason) = &event {
                        self.closed(&state, reason);
                    }
                    state.apply(event, false);
                }
                Output::WaitUntil(_) => break,
                // There is no transport left to do it on.
                _ => {}
            }
        }
        for socket in std::mem::take(&mut state.sockets) {
            state.end(&socket, &socket.why_disconnected());
        }
        state.connection_log.end();
        state.progress.send_modify(|progress| progress.gone = true);
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("url", &self.endpoint.url()).finish_non_exhaustive()
    }
}
