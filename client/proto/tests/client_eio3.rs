//! A client of the protocol before: Engine.IO v3, Socket.IO v4. The frames are those that
//! `socket.io-client` 2.5.0 and `socket.io` 4.8.4 (`allowEIO3`) exchanged.

mod support;

use bytes::Bytes;
use serde_json::json;
use socketio_proto::connection::{ClientConfig, Input, Upgrade};
use socketio_proto::engine::{Frame, Protocol, Transport};
use support::{Polling, Script, Websocket, args, not_connected};

/// The open packet: a ping every 25 s, 20 s to answer.
const OPEN: &str =
    r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

fn config(transport: Transport) -> ClientConfig {
    let mut config = ClientConfig::new(transport);
    config.protocol = Protocol::V3;
    config.upgrade = Upgrade::OnRequest;
    config
}

/// A websocket session that is open; the server's CONNECT has not come.
fn opened() -> Script {
    let mut client = Script::client_with(config(Websocket));
    client.ws(OPEN).gives(["* opened e"]);
    client
}

/// A client in the main namespace.
fn connected(transport: Transport) -> Script {
    let mut client = Script::client_with(config(transport));
    client.call(|client| client.connect("/", Some(json!({"token": "t"}))));
    match transport {
        Websocket => client.ws(OPEN).gives(["* opened e"]).ws("40"),
        Polling => client.body(&format!("78:{OPEN}")).gives(["* opened e"]).body("2:40"),
    };
    client.gives(["* connected / e"]);
    client
}

#[test]
fn the_main_namespace_is_joined_without_asking() {
    connected(Websocket).emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn the_open_packet_and_the_welcome_may_share_a_body() {
    let mut client = Script::client_with(config(Polling));
    client.call(|client| client.connect("/", None));
    client.body(&format!("78:{OPEN}2:40")).gives(["* opened e", "* connected / e"]);
}

#[test]
fn nothing_is_sent_before_the_server_has_joined_the_client() {
    let mut client = opened();
    client.call(|client| client.connect("/", None)).gives([]);
    assert_eq!(client.connection.emit("/", "a", args(1)), not_connected("/"));
    client.ws("40").gives(["* connected / e"]);
}

#[test]
fn the_main_namespace_may_be_wanted_after_the_server_joined_it() {
    let mut client = opened();
    client.ws("40").gives(["* stray CONNECT /"]);
    client.ws(r#"42["a"]"#).gives(["* stray EVENT / a []"]);
    client.call(|client| client.connect("/", None)).gives(["* connected / e"]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
    client.call(|client| client.connect("/", None)).gives([]);
}

#[test]
fn events_before_the_welcome_are_delivered_after_it() {
    let mut client = opened();
    client.call(|client| client.connect("/", None)).ws(r#"42["a"]"#).gives([]);
    client.ws("40").gives(["* connected / e", "* event / a []"]);
}

#[test]
fn a_main_namespace_left_early_is_left_when_the_welcome_comes() {
    let mut client = opened();
    client.call(|client| client.connect("/admin", None)).gives(["ws 40/admin,"]);
    client.call(|client| {
        client.connect("/", None);
        client.disconnect("/");
    });
    client.gives([]);
    client.ws("40").gives(["ws 41", "* stray CONNECT /"]);
}

#[test]
fn a_main_namespace_that_ended_is_asked_for() {
    for end in ["41", r#"44"no""#] {
        let mut client = opened();
        client.call(|client| client.connect("/admin", None)).ws("40").ws(end).drain();
        client.call(|client| client.connect("/", None)).gives(["ws 40"]);
        client.ws("40").gives(["* connected / e"]);
    }
    let mut client = connected(Websocket);
    client.call(|client| client.connect("/admin", None)).gives(["ws 40/admin,"]);
    client
        .call(|client| client.disconnect("/"))
        .gives(["ws 41", "* disconnected /: io client disconnect"]);
    client.call(|client| client.connect("/", None)).gives(["ws 40"]);
}

#[test]
fn other_namespaces_are_asked_for_with_a_query() {
    for (auth, packet) in [
        (None, "ws 40/admin,"),
        (Some(json!({"token": "1", "x": "a b,é"})), "ws 40/admin?token=1&x=a%20b%2C%C3%A9,"),
        (Some(json!({"a": 1, "b": true, "c": [1]})), "ws 40/admin?a=1&b=true&c=%5B1%5D,"),
        (Some(json!("token=1")), "ws 40/admin?token=1,"),
        (Some(json!({"-_.!~*'()": "&=?/"})), "ws 40/admin?-_.!~*'()=%26%3D%3F%2F,"),
        (Some(json!({})), "ws 40/admin,"),
        (Some(json!(1)), "ws 40/admin,"),
    ] {
        connected(Websocket).call(|client| client.connect("/admin", auth)).gives([packet]);
    }
}

#[test]
fn a_socket_is_named_after_the_session_and_its_namespace() {
    let mut client = connected(Websocket);
    client.call(|client| client.connect("/admin", Some(json!({"token": "1"})))).drain();
    client.ws("40/admin,").gives(["* connected /admin /admin#e"]);
    client.ws(r#"42/admin,["a"]"#).gives(["* event /admin a []"]);
}

#[test]
fn a_refusal_is_a_string_or_the_data_of_the_error() {
    let mut client = connected(Websocket);
    client.call(|client| client.connect("/no", None)).gives(["ws 40/no,"]);
    client.ws(r#"44/no,"not allowed""#).gives([r#"* connect error /no "not allowed""#]);
    client.call(|client| client.connect("/nodata", None)).gives(["ws 40/nodata,"]);
    client.ws(r#"44/nodata,{"code":1}"#).gives([r#"* connect error /nodata {"code":1}"#]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn a_refused_main_namespace_ends_a_connection_that_has_no_other() {
    let mut client = opened();
    client.call(|client| client.connect("/", None)).ws(r#"44"no""#).gives([
        r#"* connect error / "no""#,
        "close ws",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn binary_travels_behind_its_packet_type_on_websocket() {
    let mut client = connected(Websocket);
    client
        .emit("/", "echo", args(Bytes::from_static(&[1, 2, 3, 4])))
        .gives([r#"ws 451-["echo",{"_placeholder":true,"num":0}]"#, "ws <0401020304>"]);
    client.ws(r#"451-["echo",{"_placeholder":true,"num":0}]"#).gives([]);
    client
        .ws_binary(&[4, 1, 2, 3, 4])
        .gives([r#"* event / echo [{"_placeholder":true,"num":0}] <01020304>"#]);
    client.ws(r#"461-0[{"_placeholder":true,"num":0}]"#).ws("b4AQ==");
    client.gives([r#"* stray BINARY_ACK / 0 [{"_placeholder":true,"num":0}] <01>"#]);
}

#[test]
fn binary_without_a_packet_type_ends_the_session() {
    let mut client = opened();
    client.ws_binary(&[1]).gives([
        "close ws",
        r#"* closed: parse error (expected the packet type 4 as the first byte of a binary frame, got "\u{1}")"#,
    ]);
}

#[test]
fn binary_travels_as_base64_by_polling() {
    let mut client = connected(Polling);
    client.emit("/", "echo", args(("é€😀", Bytes::from_static(&[1, 2, 3, 4])))).gives([
        r#"polling 451-["echo","é€😀",{"_placeholder":true,"num":0}]"#,
        "polling <01020304>",
    ]);
    client
        .body(r#"49:451-["echo","é€😀",{"_placeholder":true,"num":0}]10:b4AQIDBA=="#)
        .gives([r#"* event / echo ["é€😀",{"_placeholder":true,"num":0}] <01020304>"#]);
}

#[test]
fn a_body_of_the_newer_protocol_ends_the_session() {
    let mut client = Script::client_with(config(Polling));
    client.body("40\u{1e}2");
    assert!(client.connection.is_closed());
}

#[test]
fn the_client_pings_and_the_next_ping_follows_the_pong() {
    let mut client = connected(Websocket);
    client.waits_ms(25_000).after_ms(25_000).gives(["ws 2"]).waits_ms(20_000);
    client.after_ms(5_000).ws("3").gives([]).waits_ms(25_000);
    client.after_ms(25_000).gives(["ws 2"]);
    client.after_ms(19_999).gives([]).after_ms(1).gives([
        "close ws",
        "* disconnected /: ping timeout",
        "* closed: ping timeout",
    ]);
}

#[test]
fn any_packet_shows_that_the_server_lives() {
    let mut client = connected(Websocket);
    client.after_ms(25_000).gives(["ws 2"]);
    client.after_ms(19_000).ws(r#"42["a"]"#).gives(["* event / a []"]).waits_ms(45_000);
    client.after_ms(44_000).ws("3").gives([]).waits_ms(25_000);
}

#[test]
fn a_ping_from_the_server_ends_the_session() {
    opened().ws("2").gives([
        "close ws",
        "* closed: parse error (unexpected ping packet: in protocol v3 the client pings)",
    ]);
}

#[test]
fn the_upgrade_is_the_same_and_holds_the_ping() {
    let mut client = connected(Polling);
    let now = client.now;
    client.call(|client| client.upgrade(now)).gives(["open ws"]);
    client.websocket_opened().gives(["ws 2probe"]);
    client.after_ms(9_000).ws("3probe").gives(["pause polling"]);
    client.body("1:6").emit("/", "b", args(Bytes::from_static(&[1]))).gives([]);
    client.polling_paused().gives([
        "ws 5",
        "close polling",
        r#"ws 451-["b",{"_placeholder":true,"num":0}]"#,
        "ws <0401>",
        "* upgraded",
    ]);
    client.after_ms(16_000).gives(["ws 2"]);
}

#[test]
fn leaving_and_closing_are_the_same() {
    let mut client = connected(Polling);
    client.call(|client| client.connect("/admin", None)).body("9:40/admin,").drain();
    client
        .call(|client| client.disconnect("/admin"))
        .gives(["polling 41/admin,", "* disconnected /admin: io client disconnect"]);
    client.body("2:41").gives([
        "* disconnected /: io server disconnect",
        "polling 1",
        "close polling",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn raw_frames_go_out_as_the_transport_carries_them() {
    let mut client = opened();
    client.call(|client| client.send_frame(Frame::Text("anything".into()))).gives(["ws anything"]);
    client
        .call(|client| client.send_frame(Frame::Binary(Bytes::from_static(&[1]))))
        .gives(["ws <0401>"]);
    client.input(Input::Tick).gives([]);
}

#[test]
fn a_client_told_not_to_ping_does_not_miss_the_pong() {
    let mut client = connected(Websocket);
    client.call(|client| client.set_answer_pings(false));
    for _ in 0..3 {
        client.after_ms(25_000).gives([]).waits_ms(25_000);
    }
    client.after_ms(24_000).gives([]).after_ms(1_000).gives([]);
    assert_eq!(client.connection.withheld_heartbeats(), 4);
    client.ws(r#"42["a"]"#).gives(["* event / a []"]).after_ms(25_000).gives([]);
    client.call(|client| client.set_answer_pings(true)).after_ms(25_000).gives(["ws 2"]);
    client.waits_ms(20_000);
}
