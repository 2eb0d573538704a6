//! How a client's connection ends, and what it leaves behind: nothing.

mod support;

use socketio_proto::connection::{CloseReason, Connection, Input};
use socketio_proto::engine::Frame;
use support::{OPEN, Polling, Script, Websocket, args, not_connected};

#[test]
fn close_leaves_every_namespace_then_closes_the_websocket() {
    let mut client = Script::connected();
    client.call(|client| client.connect("/a", None)).ws(r#"40/a,{"sid":"a"}"#).drain();
    client.call(|client| client.connect("/pending", None)).drain();
    client.call(Connection::close).gives([
        "ws 41",
        "ws 41/a,",
        "close ws",
        "* disconnected /: io client disconnect",
        "* disconnected /a: io client disconnect",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn close_on_polling_ends_with_a_close_packet() {
    Script::connected_by_polling().call(Connection::close).gives([
        "polling 41",
        "polling 1",
        "close polling",
        "* disconnected /: io client disconnect",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn what_was_sent_before_close_still_leaves() {
    let mut client = Script::connected();
    client.emit("/", "bye", args(())).call(Connection::close);
    assert_eq!(client.drain()[..3], [r#"ws 42["bye"]"#, "ws 41", "close ws"]);
}

#[test]
fn nothing_happens_after_the_end() {
    let mut client = Script::connected();
    client.call(Connection::close).drain();
    client.call(Connection::close).gives([]);
    client.call(|client| client.abandon(CloseReason::Dropped)).gives([]);
    client.call(|client| client.connect("/a", None)).gives([]);
    client.call(|client| client.disconnect("/")).gives([]);
    client.call(|client| client.send_frame(Frame::Text("2".into()))).gives([]);
    client.ws("2").ws("rubbish").ws_binary(b"x").body("2").poll().gives([]);
    client.websocket_opened().polling_paused().lost(Websocket).input(Input::Tick).gives([]);
    assert_eq!(client.connection.emit("/", "a", args(1)), not_connected("/"));
    assert!(client.connection.is_closed());
    client.waits_ms(None);
}

#[test]
fn a_lost_transport_ends_everything() {
    Script::connected()
        .lost(Websocket)
        .gives(["* disconnected /: transport close", "* closed: transport close"]);
    Script::connected_by_polling().failed(Polling, "connection reset").gives([
        "* disconnected /: transport error (connection reset)",
        "* closed: transport error (connection reset)",
    ]);
}

#[test]
fn a_packet_that_the_end_cuts_off_is_told() {
    let two = r#"452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    Script::connected().ws(two).ws_binary(b"first").lost(Websocket).gives([
        r#"* stray BINARY_EVENT / e [{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] <6669727374>"#,
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
    let mut client = Script::connected();
    client.ws(two).ws_binary(b"first").ws_binary(b"second").drain();
    client.call(Connection::close);
    assert!(!client.drain().iter().any(|line| line.contains("stray")));
}

#[test]
fn a_close_packet_ends_everything() {
    Script::connected().ws("1").gives([
        "close ws",
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
    Script::connected_by_polling().body("1\u{1e}42[\"a\"]").gives([
        "close polling",
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
}

#[test]
fn an_abandoned_connection_says_nothing_to_the_peer() {
    Script::connected()
        .call(|client| client.abandon(CloseReason::Dropped))
        .gives(["* disconnected /: dropped", "* closed: dropped"]);
}

#[test]
fn what_came_before_a_connect_reply_that_never_came_is_not_lost() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).ws(OPEN).gives(["* opened e", "ws 40"]);
    client.ws(r#"42["early",1]"#).gives([]);
    client.lost(Websocket).gives(["* stray EVENT / early [1]", "* closed: transport close"]);
}

#[test]
fn packets_before_the_broken_one_are_delivered() {
    Script::connected_by_polling().body("42[\"a\"]\u{1e}4x\u{1e}42[\"b\"]").gives([
        "* event / a []",
        "polling 1",
        "close polling",
        r#"* disconnected /: parse error (unknown Socket.IO packet type: expected a digit from 0 to 6, got "x")"#,
        r#"* closed: parse error (unknown Socket.IO packet type: expected a digit from 0 to 6, got "x")"#,
    ]);
}
