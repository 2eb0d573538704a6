//! How a client's session begins.

mod support;

use socketio_proto::connection::{ClientConfig, Input};
use socketio_proto::engine::Frame;
use socketio_proto::{EncodedArgs, Limits};
use support::{OPEN, OPEN_UPGRADABLE, Polling, Script, Websocket, args, not_connected};

#[test]
fn nothing_is_sent_before_the_open_packet() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).gives([]);
    client.websocket_opened().gives([]).waits_ms(None);
    client.ws(OPEN).gives(["* opened e", "ws 40"]);
}

#[test]
fn namespaces_are_asked_for_in_the_order_of_the_calls() {
    let mut client = Script::client(Websocket);
    client.call(|client| {
        client.connect("/b", Some(serde_json::json!({"token": 1})));
        client.connect("/", None);
        client.connect("/a", None);
        client.connect("/b", None);
    });
    client.ws(OPEN).gives(["* opened e", r#"ws 40/b,{"token":1}"#, "ws 40", "ws 40/a,"]);
}

#[test]
fn raw_frames_wait_for_the_open_packet_and_hold_nothing_up() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.send_frame(Frame::Text("4early".into()))).gives([]);
    assert_eq!(client.connection.held_frames(), 1);
    client.ws(OPEN).gives(["* opened e", "ws 4early"]);
    client.call(|client| client.connect("/", None)).gives(["ws 40"]);
    client.call(|client| client.send_frame(Frame::Text("anything".into()))).gives(["ws anything"]);
}

#[test]
fn a_first_body_may_carry_more_than_the_open_packet() {
    let mut client = Script::client(Polling);
    client.call(|client| client.connect("/", None));
    client.body(&format!("{OPEN}\u{1e}2\u{1e}40{{\"sid\":\"s\"}}")).gives([
        "* opened e",
        "polling 40",
        "polling 3",
        "* connected / s",
    ]);
}

#[test]
fn the_upgrade_begins_when_the_handshake_offers_it() {
    Script::client(Polling).body(OPEN_UPGRADABLE).gives(["* opened e", "open ws"]);
    Script::client(Polling).body(OPEN).gives(["* opened e"]);
    Script::client(Websocket).ws(OPEN_UPGRADABLE).gives(["* opened e"]);
}

#[test]
fn another_packet_than_open_ends_the_session() {
    Script::client(Websocket).ws("2").gives([
        "close ws",
        "* closed: parse error (unexpected ping packet: the first packet of a session is the open packet)",
    ]);
    Script::client(Polling).body("40").gives([
        "close polling",
        "* closed: parse error (unexpected message packet: the first packet of a session is the open packet)",
    ]);
}

#[test]
fn an_open_packet_without_a_session_id_ends_the_session() {
    Script::client(Websocket).ws(r#"0{"sid":"","pingInterval":1,"pingTimeout":1}"#).gives([
        "close ws",
        r#"* closed: parse error (invalid Engine.IO handshake (the sid is empty): "{\"sid\":\"\",\"pingInterval\":1,\"pingTimeout\":1}")"#,
    ]);
}

#[test]
fn a_second_open_packet_ends_the_session() {
    Script::opened().ws(OPEN).gives([
        "close ws",
        "* closed: parse error (unexpected open packet: the session is open already)",
    ]);
}

#[test]
fn a_transport_that_fails_before_the_open_packet_is_reported() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None));
    client.failed(Websocket, "refused").gives(["* closed: transport error (refused)"]);
    client.waits_ms(None);
}

#[test]
fn a_client_closed_before_the_open_packet_says_nothing() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None));
    client
        .call(socketio_proto::connection::Connection::close)
        .gives(["close ws", "* closed: io client disconnect"]);
    client.ws(OPEN).gives([]);
}

#[test]
fn limits_hold_before_the_open_packet() {
    let mut config = ClientConfig::new(Websocket);
    let mut limits = Limits::default();
    limits.max_packet = 10;
    config.limits = limits;
    Script::client_with(config).ws(OPEN).gives([
        "close ws",
        "* closed: parse error (packet size in bytes of 88 exceeds the limit of 10)",
    ]);
}

#[test]
fn events_are_refused_until_the_connect_reply() {
    let mut client = Script::client(Websocket);
    assert_eq!(client.connection.emit("/", "a", args(1)), not_connected("/"));
    client.call(|client| client.connect("/", None)).ws(OPEN);
    assert_eq!(client.connection.emit("/", "a", args(1)), not_connected("/"));
    assert_eq!(client.connection.ack("/", 0, EncodedArgs::default()), not_connected("/"));
    client.gives(["* opened e", "ws 40"]);
    client.input(Input::Text(r#"40{"sid":"s"}"#)).emit("/", "a", args(1));
    client.gives(["* connected / s", r#"ws 42["a",1]"#]);
}
