//! A client and a server, wired together in memory: whatever the network's schedule, every event
//! arrives once and in order, across the upgrade and its failures.

mod support;

use std::collections::VecDeque;

use bytes::Bytes;
use proptest::prelude::*;
use socketio_proto::EncodedArgs;
use socketio_proto::connection::{ClientConfig, Event, Input, Output};
use socketio_proto::engine::{Frame, payload};
use socketio_proto::socket::Parser;
use support::{Polling, Script, Websocket};

#[derive(Debug, Default, PartialEq)]
enum Get {
    #[default]
    Idle,
    /// On its way to the server.
    Sent,
    /// With the server.
    Pending,
    /// The answer is on its way back.
    Answered(Vec<Frame>),
}

/// The client's requests by polling.
#[derive(PartialEq)]
enum Requests {
    Running,
    /// The last ones are in flight.
    Pausing,
    Paused,
}

/// The websocket of the upgrade.
#[derive(PartialEq)]
enum Socket {
    None,
    Opening,
    Open,
}

/// One side, and what its application sent and received.
struct Side {
    script: Script,
    sent: u32,
    received: Vec<u32>,
    upgraded: bool,
}

impl Side {
    fn new(script: Script) -> Self {
        Self { script, sent: 0, received: Vec::new(), upgraded: false }
    }

    /// Every other event is binary, so that frames which belong together are many.
    fn emit(&mut self) {
        let args = if self.sent.is_multiple_of(2) {
            EncodedArgs::new(self.sent)
        } else {
            EncodedArgs::new((self.sent, Bytes::from(vec![0; 3])))
        };
        let args = args.expect("numbers and bytes are arguments");
        if self.script.connection.emit("/", "n", args).is_ok() {
            self.sent += 1;
        }
    }
}

struct Network {
    client: Side,
    server: Side,
    get: Get,
    /// Frames the client has not posted, and the body of the POST in flight.
    to_post: VecDeque<Frame>,
    post: Option<String>,
    requests: Requests,
    /// The websocket, and the frames on it.
    socket: Socket,
    up: VecDeque<Frame>,
    down: VecDeque<Frame>,
}

impl Network {
    fn new(parser: Parser) -> Self {
        let mut config = ClientConfig::new(Polling);
        config.parser = parser;
        let mut client = Script::client_with(config);
        client.call(|client| client.connect("/", None));
        let mut server = Script::server(Polling);
        server.connection = server.connection.with_parser(parser);
        let (client, server) = (Side::new(client), Side::new(server));
        Self {
            client,
            server,
            get: Get::Idle,
            to_post: VecDeque::new(),
            post: None,
            requests: Requests::Running,
            socket: Socket::None,
            up: VecDeque::new(),
            down: VecDeque::new(),
        }
    }

    fn step(&mut self, step: u8) {
        match step {
            0 if self.get == Get::Idle && self.requests == Requests::Running => {
                self.get = Get::Sent;
            }
            1 if self.get == Get::Sent => {
                self.get = Get::Pending;
                self.server.script.poll();
            }
            2 => {
                if let Get::Answered(frames) = &self.get {
                    let body = payload::encode(frames);
                    self.get = Get::Idle;
                    self.client.script.body(&body);
                }
            }
            3 if self.post.is_none() && !self.to_post.is_empty() => {
                self.post = Some(payload::encode_front(&mut self.to_post, 3, 60));
            }
            4 => {
                if let Some(body) = self.post.take() {
                    self.server.script.body(&body);
                }
            }
            5 if self.socket == Socket::Opening => {
                self.socket = Socket::Open;
                self.server.script.websocket_opened();
                self.client.script.websocket_opened();
            }
            6 => self.up.pop_front().into_iter().for_each(|frame| give(&mut self.server, frame)),
            7 => self.down.pop_front().into_iter().for_each(|frame| give(&mut self.client, frame)),
            8 => self.client.emit(),
            9 => self.server.emit(),
            10 => {
                let now = self.client.script.now;
                self.client.script.call(|client| client.upgrade(now));
            }
            // The websocket breaks, while the session can do without it.
            11 if self.socket != Socket::None && !self.client.upgraded => {
                self.up.clear();
                self.down.clear();
                self.client.script.lost(Websocket);
                if self.socket == Socket::Open {
                    self.server.script.lost(Websocket);
                }
                self.socket = Socket::None;
            }
            _ => {}
        }
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.client.script.connection.poll_output() {
                Output::Send(Polling, frame) => {
                    assert!(
                        self.requests != Requests::Paused,
                        "a frame for polling, which is paused"
                    );
                    self.to_post.push_back(frame);
                }
                Output::Send(Websocket, frame) => self.up.push_back(frame),
                Output::OpenWebsocket => self.socket = Socket::Opening,
                Output::PausePolling => self.requests = Requests::Pausing,
                Output::ResumePolling => self.requests = Requests::Running,
                Output::CloseTransport(transport) => assert_eq!(transport, Polling),
                Output::Event(event) => self.client.hear(event),
                Output::WaitUntil(_) => break,
            }
        }
        let mut answer = Vec::new();
        loop {
            match self.server.script.connection.poll_output() {
                Output::Send(Polling, frame) => answer.push(frame),
                Output::Send(Websocket, frame) => self.down.push_back(frame),
                Output::CloseTransport(transport) => assert_eq!(transport, Polling),
                Output::Event(Event::ConnectRequested { namespace, .. }) => {
                    self.server.script.call(|server| server.accept(&namespace, "s"));
                }
                Output::Event(event) => self.server.hear(event),
                Output::WaitUntil(_) => break,
                other => assert_eq!(other, Output::WaitUntil(None), "not a server's output"),
            }
        }
        if !answer.is_empty() {
            assert_eq!(self.get, Get::Pending, "{answer:?} answer no poll");
            self.get = Get::Answered(answer);
        }
        let quiet = self.get == Get::Idle && self.post.is_none() && self.to_post.is_empty();
        if self.requests == Requests::Pausing && quiet {
            self.requests = Requests::Paused;
            self.client.script.input(Input::PollingPaused);
            self.drain();
        }
    }
}

impl Side {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Event { args, .. } => {
                let number = args.values().first().and_then(serde_json::Value::as_u64);
                self.received.extend(number.and_then(|number| u32::try_from(number).ok()));
            }
            Event::Upgraded => self.upgraded = true,
            Event::Opened(_) | Event::UpgradeFailed(_) | Event::Connected { .. } => {}
            other => assert_eq!(other, Event::Upgraded, "this must not happen"),
        }
    }
}

fn give(side: &mut Side, frame: Frame) {
    match frame {
        Frame::Text(text) => side.script.ws(&text),
        Frame::Binary(data) => side.script.input(Input::Binary(data)),
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_event_is_lost_doubled_or_reordered_by_the_upgrade(
        parser in prop::sample::select(vec![Parser::Default, Parser::MessagePack]),
        steps in prop::collection::vec(0_u8..12, 0..400),
    ) {
        let mut network = Network::new(parser);
        for step in steps {
            network.step(step);
        }
        // The network goes on until everything has arrived; the upgrade may now succeed.
        for step in (0..8).cycle().take(1_600) {
            network.step(step);
        }
        let (client, server) = (&network.client, &network.server);
        prop_assert_eq!(&server.received, &(0..client.sent).collect::<Vec<_>>());
        prop_assert_eq!(&client.received, &(0..server.sent).collect::<Vec<_>>());
        prop_assert_eq!(client.upgraded, server.upgraded);
    }
}
