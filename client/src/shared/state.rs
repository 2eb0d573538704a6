//! What the driver and the handles change under the lock: the core, and who gets what it tells.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use serde_json::Value;
use socketio_proto::EncodedArgs;
use socketio_proto::connection::{CloseReason, Connection, Event};
use socketio_proto::engine::Transport;
use tokio::sync::watch;

use crate::connection_events::{ConnectionEvent, ConnectionLog};
use crate::driver::WebsocketLane;
use crate::engine::turns::Turns;
use crate::inbox::Received;
use crate::observer::Recorder;
use crate::socket::{AckSender, Socket, Unsent};
use crate::{Error, Result, fence};

/// The connection, and all that moves with it.
pub(crate) struct State {
    pub(crate) core: Connection,
    pub(crate) websocket: Option<WebsocketLane>,
    /// Wakes the driver. Taken when it is woken, so that a burst wakes it once.
    pub(super) driver: Option<Waker>,
    /// When the first frame was sent since the driver was called last.
    pub(crate) sent_at: Option<Duration>,
    pub(crate) recorder: Recorder,
    /// Why the last upgrade was given up.
    pub(crate) upgrade_failure: Option<Box<str>>,
    /// How many connections there were before this one.
    pub(crate) generation: u32,
    /// Why the last connection ended that was not dropped on purpose.
    pub(super) lost: Option<Box<CloseReason>>,
    /// Whether the server's open packet has come.
    pub(crate) opened: bool,
    /// Whether the driver leaves what comes in the sockets of the operating system.
    pub(crate) reading_paused: bool,
    pub(crate) turns: Turns,
    /// Packets that belonged to nobody: late acks, events of namespaces that were left.
    pub(crate) strays: usize,
    pub(crate) connection_log: ConnectionLog,
    pub(super) progress: watch::Sender<Progress>,
    /// Who gets the packets of each namespace. There are few: a list is smaller than a table, and
    /// sooner searched.
    pub(super) sockets: Vec<Arc<Socket>>,
}

/// What a connection can be waited for. One channel for all: an idle client should be small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) transport: Transport,
    /// The last upgrade was given up; [`State::upgrade_failure`] tells why.
    pub(crate) upgrade_failed: bool,
    /// The last namespace was left: nothing keeps the connection any more.
    pub(super) deserted: bool,
    /// No transport is left, and none will be opened.
    pub(crate) gone: bool,
}

impl State {
    /// Has this task woken by the next command.
    pub(crate) fn call_driver_by(&mut self, waker: &Waker) {
        self.sent_at = None;
        if !self.driver.as_ref().is_some_and(|driver| driver.will_wake(waker)) {
            self.driver = Some(waker.clone());
        }
    }

    pub(crate) fn with_websocket(&mut self, action: impl FnOnce(&mut WebsocketLane)) {
        if let Some(lane) = &mut self.websocket {
            action(lane);
        }
    }

    /// Begins the upgrade to websocket, if there is one to begin.
    pub(crate) fn upgrade(&mut self, now: Instant) {
        self.forget_upgrade();
        self.core.upgrade(now);
    }

    pub(super) fn forget_upgrade(&mut self) {
        self.upgrade_failure = None;
        self.progress.send_modify(|progress| progress.upgrade_failed = false);
    }

    /// Takes an event of the core. Whether the connection may come back decides what its end
    /// means.
    pub(crate) fn apply(&mut self, event: Event, may_come_back: bool) {
        match event {
            Event::Opened(_) => self.opened = true,
            Event::Connected { namespace, sid, payload } => {
                self.accepted(&namespace, sid, &payload);
            }
            Event::ConnectError { namespace, payload } => {
                if let Some(socket) = self.take_socket(&namespace) {
                    self.refused(&socket, payload);
                }
            }
            Event::Event { namespace, id, name, args } => {
                // That of the frame it came in, or of one that came along with it.
                let at = self.recorder.transcript().last_at();
                match self.socket(&namespace) {
                    Some(socket) => {
                        let event = Received::new(name, args, id, at);
                        socket.received(event.on_connection(self.generation));
                    }
                    None => self.strays += 1,
                }
            }
            Event::Ack { namespace, id, args } => {
                let socket = self.socket(&namespace);
                if !socket.is_some_and(|socket| socket.acked(id, args)) {
                    self.strays += 1;
                }
            }
            // The answer to a fence that nobody waits for any more is the toolkit's own affair.
            Event::Stray(packet) if packet.namespace().starts_with(fence::PREFIX) => {}
            Event::Stray(packet) => {
                self.strays += 1;
                tracing::debug!(target: "socketio", ?packet, "packet nobody waits for");
            }
            Event::Disconnected { namespace, reason } => {
                // A socket that leaves is told then and there. Another may have its place by now.
                if reason != CloseReason::ClientDisconnect {
                    self.disconnected(&namespace, &reason, may_come_back);
                }
            }
            Event::Closed(reason) => {
                tracing::debug!(target: "socketio", %reason, "connection closed");
                if reason != CloseReason::Dropped {
                    self.lost = Some(Box::new(reason.clone()));
                }
                for socket in self.sockets() {
                    self.disconnected(&socket.namespace, &reason, may_come_back);
                }
            }
            Event::Upgraded => {
                tracing::debug!(target: "socketio", "upgraded to websocket");
                self.progress.send_modify(|progress| progress.transport = Transport::Websocket);
            }
            Event::UpgradeFailed(why) => {
                tracing::debug!(target: "socketio", why, "upgrade given up, polling goes on");
                self.upgrade_failure = Some(why.into());
                self.progress.send_modify(|progress| progress.upgrade_failed = true);
            }
            // Only a server is asked.
            Event::ConnectRequested { .. } => {}
        }
    }

    pub(crate) fn sockets(&self) -> Vec<Arc<Socket>> {
        self.sockets.clone()
    }

    pub(super) fn socket(&self, namespace: &str) -> Option<&Arc<Socket>> {
        self.sockets.iter().find(|socket| *socket.namespace == *namespace)
    }

    /// The packets of the namespace go to nobody from here on.
    pub(super) fn take_socket(&mut self, namespace: &str) -> Option<Arc<Socket>> {
        let place = self.sockets.iter().position(|socket| *socket.namespace == *namespace)?;
        Some(self.sockets.remove(place))
    }

    /// Whether packets of the socket's namespace go to this socket, and not to a later one.
    pub(crate) fn owns(&self, socket: &Arc<Socket>) -> bool {
        self.sockets.iter().any(|owner| Arc::ptr_eq(owner, socket))
    }

    pub(super) fn emit(
        &mut self,
        socket: &Arc<Socket>,
        event: &str,
        args: EncodedArgs,
        ack: Option<AckSender>,
    ) -> Result<Option<u64>> {
        let not_connected = || Error::NotConnected {
            what: format!("event \"{event}\""),
            reason: socket.why_disconnected(),
        };
        let translate = |error| match error {
            socketio_proto::Error::NotConnected(_) => not_connected(),
            error => error.into(),
        };
        if !self.owns(socket) {
            return Err(not_connected());
        }
        let Some(sender) = ack else {
            self.core.emit(&socket.namespace, event, args).map_err(translate)?;
            return Ok(None);
        };
        let id = self.core.emit_with_ack(&socket.namespace, event, args).map_err(translate)?;
        socket.await_ack(id, sender);
        Ok(Some(id))
    }

    fn accepted(&mut self, namespace: &str, sid: String, payload: &Value) {
        let Some(socket) = self.socket(namespace).cloned() else { return };
        let comes_back = socket.was_connected();
        let unsent = socket.accepted(sid, payload);
        if comes_back {
            self.connection_log.report(ConnectionEvent::NamespaceReconnected {
                namespace: namespace.to_owned(),
                id: socket.id(),
                recovered: socket.recovered(),
            });
        }
        for Unsent { event, args, ack, .. } in unsent {
            // It was checked when it was emitted, and the namespace is connected.
            if let Err(error) = self.emit(&socket, &event, args, ack) {
                tracing::warn!(target: "socketio", %error, "buffered event not sent");
            }
        }
    }

    fn refused(&mut self, socket: &Socket, payload: Value) {
        if socket.was_connected() {
            let error = Error::from_connect_error(&socket.namespace, &payload).to_string();
            let namespace = socket.namespace.to_string();
            self.connection_log.report(ConnectionEvent::NamespaceRefused { namespace, error });
        }
        socket.refused(payload);
    }

    fn disconnected(&mut self, namespace: &str, reason: &CloseReason, may_come_back: bool) {
        let Some(socket) = self.socket(namespace).cloned() else { return };
        // It joined after the end that is told of here, for the next connection.
        if socket.since > self.generation {
            return;
        }
        let on_purpose =
            matches!(reason, CloseReason::ClientDisconnect | CloseReason::ServerDisconnect);
        if may_come_back && !on_purpose {
            socket.disconnected(reason);
        } else {
            self.take_socket(namespace);
            self.end(&socket, reason);
        }
    }

    /// A socket that joined while there was no connection was never told why.
    pub(super) fn end(&self, socket: &Socket, reason: &CloseReason) {
        match &self.lost {
            Some(lost) if *reason == CloseReason::Dropped && !socket.was_connected() => {
                socket.end(lost);
            }
            _ => socket.end(reason),
        }
    }
}
