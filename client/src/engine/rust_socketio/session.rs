//! The connection as the core sees it, carried by rust_socketio.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::rust_socketio::{Event, Payload};
use serde_json::Value;
use socketio_proto::connection::{self, Input, Output};
use socketio_proto::engine::{Frame, Packet as EnginePacket, Transport};
use socketio_proto::socket::{Decoder, Packet};
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Interval};

use super::link::{Came, REFUSED, TRANSPORT_FAILED};
use super::outbox::Outbox;
use crate::driver::linger::Linger;
use crate::event::BINARY;
use crate::inbox::Received;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::transcript::Direction;

/// Runs from the moment rust_socketio has sent CONNECT until the connection is over.
pub(super) struct Session {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    came: UnboundedReceiver<Came>,
    outbox: Outbox,
    /// The server has answered CONNECT.
    connected: bool,
    /// What rust_socketio said last of what went wrong.
    complaint: Option<String>,
    health: Interval,
    /// Once the client has left: how long what it has sent may take to leave.
    linger: Option<Linger>,
}

impl Session {
    pub(super) fn new(
        shared: &Arc<Shared>,
        socket: &Arc<Socket>,
        came: UnboundedReceiver<Came>,
        outbox: Outbox,
    ) -> Self {
        shared.input(Input::WebsocketOpened);
        shared.input(Input::Text(OPEN));
        Self {
            shared: Arc::clone(shared),
            socket: Arc::clone(socket),
            came,
            outbox,
            connected: false,
            complaint: None,
            health: tokio::time::interval(HEALTH),
            linger: None,
        }
    }

    /// Hands the core what rust_socketio has told. True if it told anything.
    fn hear(&mut self, cx: &mut Context<'_>) -> bool {
        let mut heard = false;
        let mut next = None;
        while let Some(came) = next.take().or_else(|| self.poll_came(cx)) {
            heard = true;
            match came {
                Came::Event(event, Payload::Text(args)) => self.event(event, args),
                Came::Answer(id, Payload::Text(args)) => {
                    next = self.came.try_recv().ok();
                    // An answer with binary in it is told twice: what is left without, and the binary.
                    let is_binary = |came: &Came| match came {
                        Came::Answer(other, Payload::Binary(_)) => *other == id,
                        _ => false,
                    };
                    if !next.as_ref().is_some_and(is_binary) {
                        self.answer(id, args);
                    }
                }
                Came::Event(event, payload) => {
                    self.unreadable(&payload);
                    self.withheld(&String::from(event));
                }
                Came::Answer(id, payload) => {
                    self.unreadable(&payload);
                    if self.has_come(id) {
                        self.socket.refuse_ack(id, BINARY);
                    }
                }
                Came::Lost => self.lost(),
            }
        }
        while self.health.poll_tick(cx).is_ready() {
            self.check_health();
        }
        heard
    }

    fn poll_came(&mut self, cx: &mut Context<'_>) -> Option<Came> {
        let Poll::Ready(came) = self.came.poll_recv(cx) else { return None };
        came
    }

    fn event(&mut self, event: Event, args: Vec<Value>) {
        match (&event, args.as_slice()) {
            (Event::Connect, _) if !self.connected => {
                self.connected = true;
                self.packet('0', r#"{"sid":""}"#);
            }
            (Event::Close, [Value::String(text)]) if text.is_empty() => self.packet('1', ""),
            (Event::Error, [Value::String(text)]) => self.error(text),
            _ => self.named(String::from(event), args),
        }
    }

    /// Either what it found wrong, or the server's event of this name.
    fn error(&mut self, text: &str) {
        tracing::debug!(target: "socketio", text, "error told by rust_socketio");
        match text.strip_prefix(REFUSED) {
            Some(payload) if !self.connected => self.packet('4', payload),
            _ if self.connected && text != TRANSPORT_FAILED => {
                self.named("error".into(), vec![text.into()]);
            }
            _ => self.complaint = Some(text.to_owned()),
        }
    }

    fn named(&self, name: String, mut args: Vec<Value>) {
        args.insert(0, name.into());
        self.packet('2', &Value::Array(args).to_string());
    }

    fn answer(&self, id: u64, mut args: Vec<Value>) {
        match args.pop() {
            Some(args @ Value::Array(_)) if self.has_come(id) => {
                self.packet('3', &format!("{id}{args}"));
            }
            _ => self.shared.lock().strays += 1,
        }
    }

    /// Makes way for the next request. False if this is not the ack that was asked for.
    fn has_come(&self, id: u64) -> bool {
        self.shared.lock().turns.has_come(id)
    }

    /// An event that came with binary, in its place among the others. `told` is its name and what
    /// is left of its arguments, without quotes.
    fn withheld(&mut self, told: &str) {
        self.carry_out();
        if self.connected && !self.socket.is_ended() {
            let name = told.split(',').next().unwrap_or_default().to_owned();
            let at = self.shared.since_start(Instant::now());
            self.socket.with_inbox(|inbox| inbox.deliver(Received::withheld(name, at)));
        }
    }

    /// Binary, which it takes apart.
    fn unreadable(&self, payload: &Payload) {
        let data: &[u8] = if let Payload::Binary(data) = payload { data } else { &[] };
        let at = self.shared.since_start(Instant::now());
        let mut state = self.shared.lock();
        state.strays += 1;
        state.recorder.record_binary(at, Direction::Received, Transport::Websocket, data);
    }

    /// Gives the core a Socket.IO packet: its type, and what follows the namespace.
    fn packet(&self, kind: char, rest: &str) {
        let text = match &*self.socket.namespace {
            "/" => format!("4{kind}{rest}"),
            namespace => format!("4{kind}{namespace},{rest}"),
        };
        let at = self.shared.since_start(Instant::now());
        let transport = Transport::Websocket;
        self.shared.lock().recorder.record_text(at, Direction::Received, transport, &text);
        self.shared.input(Input::Text(&text));
    }

    /// Its task panics where a connection ends in the middle of a packet. Nothing but its absence
    /// tells.
    fn check_health(&mut self) {
        if Handle::current().metrics().num_alive_tasks() == 0 {
            self.complaint.get_or_insert_with(|| "rust_socketio has panicked".into());
            self.lost();
        }
    }

    fn lost(&mut self) {
        self.shared.input(Input::Lost(Transport::Websocket, self.complaint.take()));
    }

    /// Takes what the core wants done. True if it wanted anything.
    fn carry_out(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let mut busy = false;
        loop {
            match state.core.poll_output() {
                Output::Send(transport, frame) => {
                    shared.record_sent(&mut state, transport, &frame);
                    if let Some(packet) = socketio_packet(&shared, &frame) {
                        self.outbox.push(packet);
                    }
                }
                Output::Event(event) => {
                    if let connection::Event::Closed(reason) = &event {
                        shared.closed(&state, reason);
                    }
                    state.apply(event, false);
                }
                Output::WaitUntil(_) => return busy,
                // There is one transport, which ends with the runtime.
                _ => {}
            }
            busy = true;
        }
    }

    /// True if anything was sent.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        self.outbox.send(&self.shared, &self.socket, cx).unwrap_or_else(|error| {
            self.complaint.get_or_insert(error);
            self.lost();
            true
        })
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.shared.lock().core.is_closed() {
            return false;
        }
        let told = !self.outbox.is_leaving();
        told || self.linger.get_or_insert_with(Linger::new).poll(told, cx).is_ready()
    }
}

impl Future for Session {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Whatever is commanded from here on wakes this task again.
            self.shared.lock().call_driver_by(cx.waker());
            let heard = self.hear(cx);
            let told = self.carry_out();
            let sent = self.send(cx);
            if !(heard || told || sent) {
                break;
            }
        }
        if self.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The Socket.IO packet in a frame of the core, which sends text only: binary is refused before.
fn socketio_packet(shared: &Shared, frame: &Frame) -> Option<Packet> {
    let Ok(EnginePacket::Message(text)) = EnginePacket::decode(frame) else { return None };
    Decoder::new(shared.config.limits).decode_text(&text).ok().flatten()
}

/// Stands for the open packet, which rust_socketio keeps for itself like the heartbeat: an interval
/// of 0 asks for none.
const OPEN: &str = r#"0{"sid":"rust_socketio","pingInterval":0,"pingTimeout":0}"#;

/// How often it is checked that rust_socketio lives.
const HEALTH: Duration = Duration::from_millis(50);
