//! Any sequence of inputs and calls, in any phase of either role, keeps the connection's promises.

mod support;

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use socketio_proto::connection::{ClientConfig, CloseReason, Connection, Event, Input, Output};
use socketio_proto::engine::{Frame, Protocol, Transport};
use socketio_proto::socket::{Packet, Parser, msgpack};
use socketio_proto::{Args, EncodedArgs};
use support::{OPEN, OPEN_UPGRADABLE, Polling, Script, Websocket};

#[derive(Debug, Clone)]
enum Step {
    Text(String),
    Binary(Bytes),
    /// The packets of a polling body.
    Payload(Vec<String>),
    Input(u8),
    Wait(u64),
    Call(u8, &'static str),
}

/// Frames that are the protocol, almost the protocol, and nothing like it.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            OPEN, OPEN_UPGRADABLE, "1", "2", "2probe", "3", "3probe", "5", "6", "40",
            r#"40{"sid":"s"}"#, r#"40/a,{"sid":"t"}"#, "40/a,", "41", "41/a,", r#"42["e",1]"#,
            r#"42/a,7["e"]"#, "430[]", "43/a,0[1]", r#"44{"message":"no"}"#, r#"44/a,"no""#,
            r#"451-["e",{"_placeholder":true,"num":0}]"#, r#"461-0[{"_placeholder":true,"num":0}]"#,
        ]).prop_map(str::to_owned),
        1 => "[0-6]{0,2}.{0,6}",
    ]
}

/// Attachments, bare and behind their packet type, and packets in `MessagePack`.
fn any_binary() -> impl Strategy<Value = Bytes> {
    let packet = |packet: &Packet| msgpack::encode(packet);
    let (namespace, id, args) = ("/".to_owned(), 0, Args::default());
    let sid = Some(serde_json::json!({"sid": "s"}));
    prop::sample::select(vec![
        Bytes::from_static(b"x"),
        Bytes::from_static(b"\x04x"),
        packet(&Packet::Connect { namespace: namespace.clone(), query: None, payload: sid }),
        packet(&Packet::Connect { namespace: "/a".into(), query: None, payload: None }),
        packet(&Packet::Disconnect { namespace: namespace.clone() }),
        packet(&Packet::Event {
            namespace: namespace.clone(),
            id: None,
            name: "e".into(),
            args: args.clone(),
        }),
        packet(&Packet::Ack { namespace, id, args }),
    ])
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any_text().prop_map(Step::Text),
        2 => any_binary().prop_map(Step::Binary),
        5 => prop::collection::vec(any_text(), 1..3).prop_map(Step::Payload),
        5 => (0_u8..6).prop_map(Step::Input),
        2 => prop::sample::select(vec![0, 1, 10_000, 25_000, 45_000]).prop_map(Step::Wait),
        8 => (0_u8..10, prop::sample::select(vec!["/", "/a"]))
            .prop_map(|(call, namespace)| Step::Call(call, namespace)),
    ]
}

/// What the outputs say, checked against what they must never say.
#[derive(Default)]
struct Witness {
    connected: HashSet<String>,
    asked: HashSet<String>,
    closed: bool,
}

impl Witness {
    fn see(&mut self, output: &Output, client: bool) {
        assert!(!self.closed, "{output:?} after the end");
        match output {
            Output::Event(Event::Connected { namespace, .. }) => {
                assert!(self.connected.insert(namespace.clone()), "{namespace} connected twice");
            }
            Output::Event(Event::Disconnected { namespace, reason }) => {
                let instead_of_a_reply = client
                    && *reason == CloseReason::ServerDisconnect
                    && self.asked.contains(namespace);
                assert!(self.connected.remove(namespace) || instead_of_a_reply, "{output:?}");
                self.asked.remove(namespace);
            }
            Output::Event(Event::Closed(_)) => {
                assert!(self.connected.is_empty(), "{:?} never disconnected", self.connected);
                self.closed = true;
            }
            Output::Send(_, Frame::Text(text)) if client => {
                let packet = text.trim_start_matches("451-").trim_start_matches("42");
                if packet.len() < text.len() {
                    let namespace = if packet.starts_with("/a,") { "/a" } else { "/" };
                    assert!(self.connected.contains(namespace), "{text} before the CONNECT reply");
                }
            }
            _ => {}
        }
    }
}

fn run(mut script: Script, client: bool, steps: Vec<Step>) {
    let mut witness = Witness::default();
    for step in steps {
        take(&mut script, step, client, &mut witness);
        let mut outputs = 0;
        loop {
            match script.connection.poll_output() {
                Output::WaitUntil(deadline) => {
                    assert!(!witness.closed || deadline.is_none(), "a deadline after the end");
                    break;
                }
                output => witness.see(&output, client),
            }
            outputs += 1;
            assert!(outputs < 1_000, "poll_output does not come to an end");
        }
        assert_eq!(script.connection.is_closed(), witness.closed);
        let connected: HashSet<_> =
            script.connection.connected_namespaces().map(str::to_owned).collect();
        assert_eq!(connected, witness.connected);
    }
}

fn take(script: &mut Script, step: Step, client: bool, witness: &mut Witness) {
    match step {
        Step::Text(text) => script.ws(&text),
        Step::Binary(data) => script.input(Input::Binary(data)),
        Step::Payload(texts) => {
            let frames: Vec<_> = texts.into_iter().map(Frame::Text).collect();
            let body = script.connection.protocol().encode_payload(&frames);
            script.body(&body)
        }
        Step::Input(0) => script.websocket_opened(),
        Step::Input(1) => script.poll(),
        Step::Input(2) => script.polling_paused(),
        Step::Input(3) => script.lost(Polling),
        Step::Input(4) => script.lost(Websocket),
        Step::Input(_) => script.input(Input::Tick),
        Step::Wait(milliseconds) => {
            script.now += Duration::from_millis(milliseconds);
            script.input(Input::Tick)
        }
        Step::Call(call, namespace) => {
            let now = script.now;
            if call == 0 && client {
                witness.asked.insert(namespace.into());
            }
            if call == 1 && !client && !witness.closed {
                // A server connects a namespace by accepting it: there is no event.
                witness.connected.insert(namespace.into());
            }
            script.call(|connection| make(connection, call, namespace, now))
        }
    };
}

fn make(connection: &mut Connection, call: u8, namespace: &str, now: std::time::Instant) {
    let args = || EncodedArgs::new(Bytes::from_static(b"x")).expect("bytes are arguments");
    match call {
        0 => connection.connect(namespace, None),
        1 => connection.accept(namespace, "s"),
        2 => connection.refuse(namespace, serde_json::json!("no")),
        3 => drop(connection.emit(namespace, "e", EncodedArgs::default())),
        4 => drop(connection.emit_with_ack(namespace, "e", args())),
        5 => drop(connection.ack(namespace, 7, args())),
        6 => connection.disconnect(namespace),
        7 => connection.upgrade(now),
        8 => connection.close(),
        _ => connection.send_frame(Frame::Text("6".into())),
    }
}

/// A client of either protocol, with either parser.
fn any_client() -> impl Strategy<Value = ClientConfig> {
    let protocol = prop_oneof![2 => Just(Protocol::V4), 1 => Just(Protocol::V3)];
    (any_transport(), protocol, any_parser()).prop_map(|(transport, protocol, parser)| {
        let mut config = ClientConfig::new(transport);
        (config.protocol, config.parser) = (protocol, parser);
        config
    })
}

fn any_parser() -> impl Strategy<Value = Parser> {
    prop_oneof![3 => Just(Parser::Default), 1 => Just(Parser::MessagePack)]
}

fn any_transport() -> impl Strategy<Value = Transport> {
    prop_oneof![Just(Polling), Just(Websocket)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_client_keeps_its_promises_from_the_start(
        config in any_client(),
        steps in prop::collection::vec(any_step(), 0..20),
    ) {
        run(Script::client_with(config), true, steps);
    }

    #[test]
    fn an_open_client_keeps_its_promises(
        config in any_client(),
        steps in prop::collection::vec(any_step(), 0..30),
    ) {
        let script = Script::client_with(config);
        let open = match config.transport {
            Polling => Step::Payload(vec![OPEN_UPGRADABLE.into()]),
            Websocket => Step::Text(OPEN.into()),
        };
        let steps = [Step::Call(0, "/"), open].into_iter().chain(steps).collect();
        run(script, true, steps);
    }

    #[test]
    fn a_server_keeps_its_promises(
        transport in any_transport(),
        parser in any_parser(),
        steps in prop::collection::vec(any_step(), 0..30),
    ) {
        let mut script = Script::server(transport);
        script.connection = script.connection.with_parser(parser);
        run(script, false, steps);
    }
}
