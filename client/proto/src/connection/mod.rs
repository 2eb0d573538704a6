//! One Engine.IO session with its Socket.IO namespaces, as a state machine for either role.
//!
//! The caller owns the sockets and the clock: it feeds what came in with
//! [`Connection::handle_input`], then drains [`Connection::poll_output`] until it answers
//! [`Output::WaitUntil`]. Nothing here blocks, sleeps or looks at the time.

mod config;
mod engine;
mod event;
mod heartbeat;
mod input_output;
mod main_namespace;
mod namespaces;
mod outputs;
mod packets;
mod upgrade;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

pub use config::{ClientConfig, ServerConfig, Upgrade};
pub use event::{CloseReason, Event};
pub use input_output::{Input, Output};

use rustc_hash::FxHashMap;

use crate::Limits;
use crate::engine::{Frame, Handshake, Protocol, Transport};
use crate::socket::{Codec, Parser};
use heartbeat::Heartbeat;
use main_namespace::Welcome;
use namespaces::Namespace;
use outputs::Outputs;
use upgrade::UpgradeState;

/// A Socket.IO connection without I/O, for either role.
///
/// ```
/// use std::time::Instant;
/// use socketio_proto::connection::{ClientConfig, Connection, Event, Input, Output};
/// use socketio_proto::engine::{Frame, Transport};
///
/// let now = Instant::now();
/// let mut client = Connection::client(ClientConfig::new(Transport::Websocket));
/// client.connect("/", None);
/// client.handle_input(now, Input::WebsocketOpened);
/// client.handle_input(now, Input::Text(r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#));
/// assert!(matches!(client.poll_output(), Output::Event(Event::Opened(_))));
/// assert_eq!(client.poll_output(), Output::Send(Transport::Websocket, Frame::Text("40".into())));
/// assert!(matches!(client.poll_output(), Output::WaitUntil(Some(_))));
/// ```
#[derive(Debug)]
pub struct Connection {
    role: Role,
    protocol: Protocol,
    phase: Phase,
    transport: Transport,
    handshake: Option<Handshake>,
    heartbeat: Heartbeat,
    answers_pings: bool,
    withheld_heartbeats: u64,
    upgrade: UpgradeState,
    limits: Limits,
    codec: Codec,
    /// Boxed: a table keeps room for four, and most connections have one.
    namespaces: FxHashMap<String, Box<Namespace>>,
    welcome: Welcome,
    outputs: Outputs,
    /// Frames that wait for a transport that can take them.
    held: VecDeque<Frame>,
}

#[derive(Debug)]
enum Role {
    Client {
        upgrade: Upgrade,
        upgrade_timeout: Duration,
    },
    /// Boxed: most connections are clients'.
    Server(Box<ServerState>),
}

#[derive(Debug)]
struct ServerState {
    /// A GET waits for packets.
    poll_pending: bool,
    /// How long an upgrade may take.
    upgrade_timeout: Duration,
    /// Until when a namespace must be connected; `None` once one is.
    connect_deadline: Option<Instant>,
    /// Namespaces that were connected: what a client sent before it learnt of the end is no error.
    left: HashSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The open packet has not been exchanged.
    Opening,
    Open,
    Closed,
}

impl Connection {
    /// A client's connection, before its transport is open.
    pub fn client(config: ClientConfig) -> Self {
        let ClientConfig { protocol, transport, upgrade, upgrade_timeout, parser, limits } = config;
        let role = Role::Client { upgrade, upgrade_timeout };
        Self::new(role, protocol, transport, limits).with_parser(parser)
    }

    /// A server's connection: the session of one client. Its first output is the open packet.
    pub fn server(now: Instant, config: ServerConfig) -> Self {
        let ServerConfig { transport, handshake, connect_timeout, limits } = config;
        let state = ServerState {
            poll_pending: false,
            upgrade_timeout: UPGRADE_TIMEOUT,
            connect_deadline: Some(heartbeat::later(now, connect_timeout)),
            left: HashSet::new(),
        };
        let mut connection =
            Self::new(Role::Server(Box::new(state)), Protocol::V4, transport, limits);
        connection.open_session(now, handshake);
        connection
    }

    /// Reads and writes packets as `parser` does; for a connection that has just been made.
    ///
    /// A client's is chosen by [`ClientConfig::parser`]; a server says it here.
    #[must_use]
    pub fn with_parser(mut self, parser: Parser) -> Self {
        self.codec = Codec::new(parser, self.limits);
        self
    }

    /// Server: how long an upgrade may take, from the websocket's opening to the packet `5`. One
    /// that takes longer is given up, and polling goes on. Default 10 s, as the official server's.
    ///
    /// A client's is [`ClientConfig::upgrade_timeout`].
    #[must_use]
    pub fn with_upgrade_timeout(mut self, timeout: Duration) -> Self {
        if let Role::Server(state) = &mut self.role {
            state.upgrade_timeout = timeout;
        }
        self
    }

    fn new(role: Role, protocol: Protocol, transport: Transport, limits: Limits) -> Self {
        Self {
            role,
            protocol,
            phase: Phase::Opening,
            transport,
            handshake: None,
            heartbeat: Heartbeat::Off,
            answers_pings: true,
            withheld_heartbeats: 0,
            upgrade: UpgradeState::None,
            limits,
            codec: Codec::new(Parser::Default, limits),
            namespaces: FxHashMap::default(),
            welcome: Welcome::of(protocol),
            outputs: Outputs::default(),
            held: VecDeque::new(),
        }
    }

    /// Takes something that happened. What follows from it comes out of
    /// [`poll_output`](Self::poll_output).
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if self.phase == Phase::Closed {
            return;
        }
        let result = match input {
            Input::Text(text) => {
                let size = self.limits.check_packet(text.len());
                let packet = size.and_then(|()| self.protocol.decode_websocket_text(text));
                self.websocket_frame(now, packet)
            }
            Input::Binary(data) => {
                let packet = self.protocol.decode_websocket_binary(data);
                self.websocket_frame(now, packet)
            }
            Input::Payload(body) => self.polling_body(now, body),
            Input::PollRequested => self.poll_requested(),
            Input::WebsocketOpened => return self.websocket_opened(now),
            Input::PollingPaused => return self.polling_paused(),
            Input::Lost(transport, error) => return self.transport_lost(transport, error),
            Input::Tick => return self.tick(now),
        };
        if let Err(error) = result {
            self.finish(CloseReason::ParseError(error));
        }
    }

    /// The next thing to do; [`Output::WaitUntil`] when there is nothing left.
    pub fn poll_output(&mut self) -> Output {
        if self.outputs.is_empty() {
            self.answer_poll();
        }
        match self.outputs.pop() {
            Some(Output::Send(Transport::Websocket, frame)) => {
                Output::Send(Transport::Websocket, self.protocol.encode_websocket(frame))
            }
            Some(output) => output,
            None => {
                self.outputs.shrink();
                Output::WaitUntil(self.next_deadline())
            }
        }
    }

    /// The next frame to send by websocket, if that is the very next thing to do.
    ///
    /// A shortcut past [`poll_output`](Self::poll_output) for a caller that has just asked for
    /// something to be sent, and can hand it on at once.
    ///
    /// ```
    /// # use std::time::Instant;
    /// # use socketio_proto::connection::{ClientConfig, Connection, Input};
    /// # use socketio_proto::engine::{Frame, Transport};
    /// let mut client = Connection::client(ClientConfig::new(Transport::Websocket));
    /// client.handle_input(Instant::now(), Input::Text(r#"0{"sid":"a","pingInterval":0,"pingTimeout":0}"#));
    /// client.send_frame(Frame::Text("40".into()));
    /// assert_eq!(client.poll_websocket_frame(), None, "the opening must be told first");
    /// client.poll_output();
    /// assert_eq!(client.poll_websocket_frame(), Some(Frame::Text("40".into())));
    /// ```
    pub fn poll_websocket_frame(&mut self) -> Option<Frame> {
        self.outputs.pop_websocket_frame().map(|frame| self.protocol.encode_websocket(frame))
    }

    /// The open packet's data, once the session is open.
    pub fn handshake(&self) -> Option<&Handshake> {
        self.handshake.as_ref()
    }

    /// The protocol that is spoken.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The transport that packets are sent on.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether [`Event::Closed`] has been reported, or is about to be.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Frames that could not be sent yet, because the session is not open, polling is paused for
    /// an upgrade, or no poll is pending.
    pub fn held_frames(&self) -> usize {
        self.held.len()
    }

    /// Sends a frame as it is, whether or not it is the protocol.
    pub fn send_frame(&mut self, frame: Frame) {
        if self.phase == Phase::Closed {
            return;
        }
        if self.can_send() {
            self.outputs.push(Output::Send(self.transport, frame));
        } else {
            self.held.push_back(frame);
        }
    }

    /// Ends the connection: leaves every namespace, then closes the transport.
    pub fn close(&mut self) {
        if self.phase == Phase::Closed {
            return;
        }
        self.leave_all_namespaces();
        self.finish(match self.role {
            Role::Client { .. } => CloseReason::ClientDisconnect,
            Role::Server(_) => CloseReason::ServerDisconnect,
        });
    }

    /// Forgets the connection without telling the peer; the caller then drops the transport.
    pub fn abandon(&mut self, reason: CloseReason) {
        self.report_closed(reason);
    }

    fn is_client(&self) -> bool {
        matches!(self.role, Role::Client { .. })
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    fn next_deadline(&self) -> Option<Instant> {
        if self.phase == Phase::Closed {
            return None;
        }
        let connect = match &self.role {
            Role::Server(state) => state.connect_deadline,
            Role::Client { .. } => None,
        };
        [self.heartbeat.deadline(), self.upgrade.deadline(), connect].into_iter().flatten().min()
    }
}

/// How long the official server gives an upgrade (`upgradeTimeout`).
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
