//! Any sequence of inputs and calls, in both roles, protocols and parsers: the connection neither
//! panics nor goes on for ever, says nothing after its end, and holds no more than it was given.
#![no_main]

use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use socketio_proto::connection::{
    ClientConfig, CloseReason, Connection, Event, Input, Output, ServerConfig,
};
use socketio_proto::engine::{Frame, Handshake, Protocol, Transport};
use socketio_proto::socket::Parser;
use socketio_proto::{EncodedArgs, Limits};

#[derive(Debug, Arbitrary)]
struct Script {
    server: bool,
    polling: bool,
    old_protocol: bool,
    message_pack: bool,
    /// Begins with a valid open packet, so that the fuzzer need not find one.
    opened: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Text(String),
    Binary(Vec<u8>),
    Payload(Vec<u8>),
    WebsocketOpened,
    PollRequested,
    PollingPaused,
    Lost { websocket: bool, error: bool },
    Tick { milliseconds: u16 },
    Connect(String),
    Accept(String),
    Refuse(String),
    Emit { namespace: String, ack: bool },
    Ack { namespace: String, id: u64 },
    Disconnect(String),
    Upgrade,
    Raw(String),
    Close,
}

fuzz_target!(|script: Script| {
    let mut now = Instant::now();
    let mut connection = connection(&script, now);
    let mut sent = 0;
    let mut closed = false;
    let mut inputs = 1;
    for step in script.steps {
        inputs += 1 + size(&step);
        take(&mut connection, step, &mut now);
        loop {
            match connection.poll_output() {
                Output::WaitUntil(deadline) => {
                    assert!(!closed || deadline.is_none());
                    break;
                }
                output => {
                    assert!(!closed, "{output:?} after the end");
                    closed |= matches!(output, Output::Event(Event::Closed(_)));
                    sent += 1;
                }
            }
        }
    }
    // A byte of input causes a bounded number of outputs.
    assert!(sent + connection.held_frames() <= 64 * inputs, "{sent} outputs to {inputs} inputs");
});

fn connection(script: &Script, now: Instant) -> Connection {
    let transport = if script.polling { Transport::Polling } else { Transport::Websocket };
    let parser = if script.message_pack { Parser::MessagePack } else { Parser::Default };
    let handshake = Handshake {
        sid: "s".into(),
        upgrades: vec!["websocket".into()],
        ping_interval: 25_000,
        ping_timeout: 20_000,
        max_payload: None,
    };
    if script.server {
        let config = ServerConfig {
            transport,
            handshake,
            connect_timeout: Duration::from_secs(45),
            limits: Limits::default(),
        };
        return Connection::server(now, config).with_parser(parser);
    }
    let protocol = if script.old_protocol { Protocol::V3 } else { Protocol::V4 };
    let config = ClientConfig { protocol, parser, ..ClientConfig::new(transport) };
    let mut connection = Connection::client(config);
    connection.connect("/", None);
    if script.opened {
        let open = r#"0{"sid":"s","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;
        match transport {
            Transport::Websocket => {
                connection.handle_input(now, Input::WebsocketOpened);
                connection.handle_input(now, Input::Text(open));
            }
            Transport::Polling => {
                let body = protocol.encode_payload(&[Frame::Text(open.into())]);
                connection.handle_input(now, Input::Payload(body.as_bytes()));
            }
        }
    }
    connection
}

fn size(step: &Step) -> usize {
    match step {
        Step::Text(text) => text.len(),
        Step::Binary(data) | Step::Payload(data) => data.len(),
        _ => 0,
    }
}

fn take(connection: &mut Connection, step: Step, now: &mut Instant) {
    match step {
        Step::Text(text) => connection.handle_input(*now, Input::Text(&text)),
        Step::Binary(data) => connection.handle_input(*now, Input::Binary(Bytes::from(data))),
        Step::Payload(body) => connection.handle_input(*now, Input::Payload(&body)),
        Step::WebsocketOpened => connection.handle_input(*now, Input::WebsocketOpened),
        Step::PollRequested => connection.handle_input(*now, Input::PollRequested),
        Step::PollingPaused => connection.handle_input(*now, Input::PollingPaused),
        Step::Lost { websocket, error } => {
            let transport = if websocket { Transport::Websocket } else { Transport::Polling };
            connection.handle_input(*now, Input::Lost(transport, error.then(|| "reset".into())));
        }
        Step::Tick { milliseconds } => {
            *now += Duration::from_millis(milliseconds.into());
            connection.handle_input(*now, Input::Tick);
        }
        Step::Connect(namespace) => connection.connect(&namespace, None),
        Step::Accept(namespace) => connection.accept(&namespace, "socket"),
        Step::Refuse(namespace) => connection.refuse(&namespace, "no".into()),
        Step::Emit { namespace, ack: false } => {
            let _ = connection.emit(&namespace, "event", args());
        }
        Step::Emit { namespace, ack: true } => {
            let _ = connection.emit_with_ack(&namespace, "event", args());
        }
        Step::Ack { namespace, id } => {
            let _ = connection.ack(&namespace, id, args());
        }
        Step::Disconnect(namespace) => connection.disconnect(&namespace),
        Step::Upgrade => connection.upgrade(*now),
        Step::Raw(text) => connection.send_frame(Frame::Text(text)),
        Step::Close => connection.close(),
    }
    if connection.is_closed() {
        connection.abandon(CloseReason::Dropped);
    }
}

fn args() -> EncodedArgs {
    EncodedArgs::new((1, Bytes::from_static(b"x"))).expect("serialises")
}
