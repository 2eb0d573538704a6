//! The connection as a server's session.

mod support;

use serde_json::json;
use socketio_proto::connection::Connection;
use support::{OPEN, OPEN_UPGRADABLE, Polling, Script, Websocket, args};

#[test]
fn a_websocket_session_begins_with_the_open_packet() {
    Script::server(Websocket).gives([&format!("ws {OPEN}")[..], "* opened e"]).waits_ms(25_000);
}

#[test]
fn a_polling_session_answers_the_first_poll_with_the_open_packet() {
    let mut server = Script::server(Polling);
    server.gives(["* opened e"]);
    server.poll().gives([&format!("polling {OPEN_UPGRADABLE}")[..]]);
}

#[test]
fn a_namespace_is_connected_when_it_is_accepted() {
    let mut server = Script::server(Websocket);
    server.drain();
    server.ws(r#"40/chat,{"token":"t"}"#).gives([r#"* connect requested /chat {"token":"t"}"#]);
    server.call(|server| server.accept("/chat", "c")).gives([r#"ws 40/chat,{"sid":"c"}"#]);
    server.emit("/chat", "a", args(1)).gives([r#"ws 42/chat,["a",1]"#]);
    server.ws(r#"42/chat,0["b"]"#).gives(["* event /chat b 0 []"]);
}

#[test]
fn a_refused_namespace_leaves_the_session() {
    let mut server = Script::server(Websocket);
    server.drain();
    server.ws("40/no?token=1,").gives(["* connect requested /no ?token=1"]);
    server
        .call(|server| server.refuse("/no", json!({"message": "Invalid namespace"})))
        .gives([r#"ws 44/no,{"message":"Invalid namespace"}"#]);
    server.ws("40").gives(["* connect requested /"]);
}

#[test]
fn a_client_without_a_namespace_is_closed_in_time() {
    let mut server = Script::server_with(Websocket, 0);
    server.drain();
    server.waits_ms(45_000);
    server.ws("40/no,").call(|server| server.refuse("/no", json!("no"))).drain();
    server.after_ms(45_000).gives(["close ws", "* closed: connect timeout"]);
}

#[test]
fn a_client_with_a_namespace_may_stay() {
    let mut server = Script::serving();
    server.waits_ms(25_000).after_ms(25_000).ws("3").after_ms(24_999).gives(["ws 2"]);
}

#[test]
fn an_event_before_connect_ends_the_session() {
    let mut server = Script::server(Websocket);
    server.drain();
    server.ws(r#"42["a"]"#).gives([
        "close ws",
        "* closed: parse error (unexpected EVENT packet: its namespace is not connected)",
    ]);
}

#[test]
fn a_second_connect_to_a_namespace_ends_the_session() {
    Script::serving().ws("40").gives([
        "close ws",
        "* disconnected /: parse error (unexpected CONNECT packet: its namespace is connected already)",
        "* closed: parse error (unexpected CONNECT packet: its namespace is connected already)",
    ]);
}

#[test]
fn an_event_that_crosses_the_disconnect_is_a_stray() {
    let mut server = Script::serving();
    server
        .call(|server| server.disconnect("/"))
        .gives(["ws 41", "* disconnected /: io server disconnect"]);
    server.ws(r#"42["late"]"#).ws("41").gives(["* stray EVENT / late []", "* stray DISCONNECT /"]);
    server.ws("40").gives(["* connect requested /"]);
}

#[test]
fn a_client_leaves_a_namespace_and_keeps_the_session() {
    let mut server = Script::serving();
    server.ws("41").gives(["* disconnected /: io client disconnect"]);
    server.ws("40/chat,").gives(["* connect requested /chat"]);
}

#[test]
fn pings_follow_the_interval_and_a_missing_pong_ends_the_session() {
    let mut server = Script::serving();
    server.after_ms(24_999).gives([]).after_ms(1).gives(["ws 2"]).waits_ms(20_000);
    server.after_ms(5_000).ws("3").gives([]).waits_ms(25_000);
    server.after_ms(25_000).gives(["ws 2"]);
    server.after_ms(20_000).gives([
        "close ws",
        "* disconnected /: ping timeout",
        "* closed: ping timeout",
    ]);
}

#[test]
fn a_pong_nobody_asked_for_changes_nothing() {
    Script::serving().after_ms(10_000).ws("3").gives([]).waits_ms(15_000);
}

#[test]
fn an_interval_of_zero_means_no_pings() {
    let mut server = Script::server_with(Websocket, 0);
    server.ws("40").call(|server| server.accept("/", "s")).drain();
    server.after_ms(1).gives([]).waits_ms(None);
}

#[test]
fn a_ping_from_the_client_ends_the_session() {
    for frame in ["2", "2probe"] {
        let mut server = Script::serving();
        server.ws(frame);
        let closed = "* closed: parse error (unexpected ping packet: a client sends it only as a probe, on a new websocket)";
        assert_eq!(server.drain().last().map(String::as_str), Some(closed));
    }
}

#[test]
fn packets_wait_for_a_poll_and_answer_it_together() {
    let mut server = Script::serving_by_polling();
    server.emit("/", "a", args(())).emit("/", "b", args(())).gives([]);
    assert_eq!(server.connection.held_frames(), 2);
    server.poll().gives([r#"polling 42["a"]"#, r#"polling 42["b"]"#]);
    server.poll().gives([]);
    server.emit("/", "c", args(())).gives([r#"polling 42["c"]"#]);
    server.emit("/", "d", args(())).gives([]);
}

#[test]
fn a_second_poll_while_one_is_pending_ends_the_session() {
    let mut server = Script::serving_by_polling();
    server.poll().gives([]);
    let why = "parse error (unexpected poll packet: another poll of this session is pending)";
    server.poll().gives([
        "polling 1",
        "close polling",
        &format!("* disconnected /: {why}"),
        &format!("* closed: {why}"),
    ]);
}

#[test]
fn a_close_packet_by_polling_releases_the_pending_poll() {
    let mut server = Script::serving_by_polling();
    server.poll().gives([]);
    server.body("1").gives([
        "polling 6",
        "close polling",
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
}

#[test]
fn a_close_without_a_pending_poll_leaves_its_frames_for_the_next_one() {
    let mut server = Script::serving_by_polling();
    server.emit("/", "bye", args(())).call(Connection::close).gives([
        r#"polling 42["bye"]"#,
        "polling 41",
        "polling 1",
        "close polling",
        "* disconnected /: io server disconnect",
        "* closed: io server disconnect",
    ]);
}

#[test]
fn calls_after_the_end_do_nothing() {
    let mut server = Script::serving();
    server.call(Connection::close).drain();
    server.call(|server| server.accept("/late", "x")).gives([]);
    server.call(|server| server.refuse("/late", json!("no"))).gives([]);
    assert_eq!(server.connection.connected_namespaces().count(), 0);
}

#[test]
fn a_server_has_no_client_calls() {
    let mut server = Script::serving_by_polling();
    let now = server.now;
    server.call(|server| server.connect("/x", None)).poll().gives([]);
    server.call(|server| server.upgrade(now)).polling_paused().gives([]);
}
