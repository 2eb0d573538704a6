//! What released servers do that a client must survive, each seen on the wire.

mod support;

use bytes::Bytes;
use socketio_proto::connection::Connection;
use socketio_proto::engine::{Frame, payload};
use support::{OPEN, Polling, Script, Websocket, args};

#[test]
fn a_ping_right_after_the_open_packet_is_answered() {
    let mut client = Script::opened();
    client.ws("2").gives(["ws 3"]);
    client.call(|client| client.connect("/", None)).gives(["ws 40"]);
}

#[test]
fn an_interval_of_zero_is_not_a_dead_server() {
    let mut client = Script::client(Websocket);
    client.ws(r#"0{"sid":"a","upgrades":[],"pingInterval":0,"pingTimeout":0}"#);
    client.gives(["* opened a"]).waits_ms(None);
    client.after_ms(86_400_000).ws("2").gives(["ws 3"]).waits_ms(None);
}

#[test]
fn events_and_acks_before_the_connect_reply_are_delivered_after_it() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).ws(OPEN).gives(["* opened e", "ws 40"]);
    client.ws(r#"42["first",1]"#).ws(r#"451-["second",{"_placeholder":true,"num":0}]"#);
    client.ws_binary(b"\xff").ws("437[]").gives([]);
    client.ws(r#"40{"sid":"s"}"#).gives([
        "* connected / s",
        "* event / first [1]",
        r#"* event / second [{"_placeholder":true,"num":0}] <ff>"#,
        "* stray ACK / 7 []",
    ]);
}

#[test]
fn connect_error_may_be_a_bare_string() {
    let mut client = Script::connected();
    client.call(|client| client.connect("/x", None)).gives(["ws 40/x,"]);
    client.ws(r#"44/x,"Unable to connect""#).gives([r#"* connect error /x "Unable to connect""#]);
}

#[test]
fn the_connect_reply_and_the_first_event_may_come_together() {
    let mut client = Script::client(Polling);
    client.call(|client| client.connect("/", None)).body(OPEN).drain();
    client.body("40{\"sid\":\"s\"}\u{1e}42[\"a\",1]").gives(["* connected / s", "* event / a [1]"]);
}

#[test]
fn a_session_id_may_have_any_length_and_equal_the_sockets_id() {
    for sid in ["x", "0123456789abcdef", "lv_VI97HAXpY6yYWAAAC", &"é/+=".repeat(100)] {
        let mut client = Script::client(Websocket);
        client.call(|client| client.connect("/", None));
        client.ws(&format!(r#"0{{"sid":"{sid}","pingInterval":1,"pingTimeout":1}}"#));
        client.gives([&format!("* opened {sid}")[..], "ws 40"]);
        client.ws(&format!(r#"40{{"sid":"{sid}","pid":"p"}}"#));
        client.gives([&format!("* connected / {sid}")[..]]);
    }
}

#[test]
fn payloads_of_seventeen_packets_are_split_at_sixteen() {
    let mut frames: std::collections::VecDeque<_> =
        (0..17).map(|n| Frame::Text(format!("4{n}"))).collect();
    let first = payload::encode_front(&mut frames, 16, 1_000_000);
    assert_eq!(first.matches('\u{1e}').count(), 15);
    assert_eq!(payload::encode_front(&mut frames, 16, 1_000_000), "416");
    assert!(frames.is_empty());
}

#[test]
fn ack_ids_above_2_to_the_53_stay_exact() {
    let mut client = Script::connected();
    client.ws(r#"429007199254740993["q"]"#).gives(["* event / q 9007199254740993 []"]);
    assert_eq!(client.connection.ack("/", 9_007_199_254_740_993, args(())), Ok(()));
    client.gives(["ws 439007199254740993[]"]);
    client.ws("4318446744073709551615[]").gives(["* stray ACK / 18446744073709551615 []"]);
}

#[test]
fn an_ack_nobody_asked_for_and_a_second_ack_are_strays() {
    let mut client = Script::connected();
    client.ws("4399[1]").gives(["* stray ACK / 99 [1]"]);
    assert_eq!(client.connection.emit_with_ack("/", "a", args(())), Ok(0));
    client.gives([r#"ws 420["a"]"#]);
    client.ws("430[1]").ws("430[2]").gives(["* ack / 0 [1]", "* stray ACK / 0 [2]"]);
}

#[test]
fn an_ack_id_that_is_no_number_ends_the_connection() {
    Script::connected().ws("43Infinity[1]").gives([
        "close ws",
        r#"* disconnected /: parse error (expected an ack id from 0 to 2^64-1, got "Infinity[1]")"#,
        r#"* closed: parse error (expected an ack id from 0 to 2^64-1, got "Infinity[1]")"#,
    ]);
}

#[test]
fn noop_packets_may_come_at_any_time() {
    let mut client = Script::connected();
    client.ws("6").gives([]);
    client.ws(r#"451-["e",{"_placeholder":true,"num":0}]"#).ws("6").ws_binary(b"x");
    client.gives([r#"* event / e [{"_placeholder":true,"num":0}] <78>"#]);
}

#[test]
fn a_poll_answered_during_and_after_the_upgrade_is_delivered() {
    let mut client = Script::connected_by_polling();
    let now = client.now;
    client.call(|client| client.upgrade(now)).websocket_opened().ws("3probe").drain();
    client.body("6").gives([]);
    client.polling_paused().gives(["ws 5", "close polling", "* upgraded"]);
    client.body("42[\"late\"]\u{1e}6").gives(["* event / late []"]);
    client.ws("2").gives(["ws 3"]);
}

#[test]
fn a_websocket_may_end_without_a_close_frame() {
    Script::connected().failed(Websocket, "connection reset by peer").gives([
        "* disconnected /: transport error (connection reset by peer)",
        "* closed: transport error (connection reset by peer)",
    ]);
}

#[test]
fn a_close_packet_and_then_silence_closes_from_this_side() {
    let mut client = Script::connected();
    client.ws("1").gives([
        "close ws",
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
    client.waits_ms(None);
}

#[test]
fn a_half_open_connection_is_found_by_its_silence() {
    let mut client = Script::connected();
    client.emit("/", "a", args(())).drain();
    client.after_ms(45_000);
    assert_eq!(client.drain().last().map(String::as_str), Some("* closed: ping timeout"));
}

#[test]
fn more_than_ten_attachments_some_empty_arrive_in_order() {
    let mut client = Script::connected();
    let parts: Vec<_> = (0..12).map(|n| Bytes::from(vec![n; usize::from(n % 3)])).collect();
    let placeholders: Vec<_> =
        (0..12).map(|n| format!(r#"{{"_placeholder":true,"num":{n}}}"#)).collect();
    client.ws(&format!(r#"4512-["e",{}]"#, placeholders.join(",")));
    for part in &parts {
        client.ws_binary(part);
    }
    let line = client.drain().join("");
    assert!(
        line.ends_with("<> <01> <0202> <> <04> <0505> <> <07> <0808> <> <0a> <0b0b>"),
        "{line}"
    );
}

#[test]
fn a_text_message_between_attachments_ends_the_connection() {
    let mut client = Script::connected();
    client.ws(r#"451-["e",{"_placeholder":true,"num":0}]"#).ws(r#"42["f"]"#);
    let why = r#"* closed: parse error (expected binary attachment 1 of 1, got a text packet: "2[\"f\"]")"#;
    let told = client.drain();
    assert_eq!(told.last().map(String::as_str), Some(why));
    assert!(told.iter().any(|line| line.starts_with("* stray EVENT / e ")), "{told:?}");
}

#[test]
fn what_comes_before_a_packet_that_cannot_be_read_counts_on_polling_too() {
    let mut client = Script::connected_by_polling();
    client.body("42[\"a\"]\u{1e}42[\"b\"]\u{1e}b###\u{1e}42[\"c\"]");
    let told = client.drain();
    assert_eq!(told[..2], ["* event / a []", "* event / b []"]);
    assert!(told.last().is_some_and(|line| line.starts_with("* closed: parse error")), "{told:?}");
    // The end of the session is the end of the body.
    let mut client = Script::connected_by_polling();
    client.body("1\u{1e}b###");
    assert_eq!(client.drain().last().map(String::as_str), Some("* closed: transport close"));
}

/// A recorded session of the official client: its frames must be ours for the same calls.
#[test]
fn the_frames_equal_those_of_the_official_client() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).websocket_opened();
    client.ws(OPEN).gives(["* opened e", "ws 40"]);
    client.ws(r#"40{"sid":"s"}"#).gives(["* connected / s"]);

    client.emit("/", "hello", args(())).gives([r#"ws 42["hello"]"#]);
    let reply = r#"* event / helloResult ["hello world"]"#;
    client.ws(r#"42["helloResult","hello world"]"#).gives([reply]);

    client.emit("/", "myEvent", args((1, 2, 3))).gives([r#"ws 42["myEvent",1,2,3]"#]);
    let reply = r#"* event / myEventResult [{"name":"harry","result":6}]"#;
    client.ws(r#"42["myEventResult",{"name":"harry","result":6}]"#).gives([reply]);

    let asked = client.connection.emit_with_ack("/", "myEvent", args((1, 2, 3)));
    assert_eq!(asked, Ok(0));
    client.gives([r#"ws 420["myEvent",1,2,3]"#]);
    let reply = r#"* ack / 0 [{"name":"harry","result":6}]"#;
    client.ws(r#"430[{"name":"harry","result":6}]"#).gives([reply]);

    for (id, what, answer) in
        [(1, "undefined", "[null]"), (2, "array", r#"[[1,"two",{"three":3}]]"#)]
    {
        assert_eq!(client.connection.emit_with_ack("/", "ret", args((what,))), Ok(id));
        client.gives([&format!(r#"ws 42{id}["ret","{what}"]"#)[..]]);
        client.ws(&format!("43{id}{answer}")).gives([&format!("* ack / {id} {answer}")[..]]);
    }

    client.emit("/", "ret", args(("array",))).gives([r#"ws 42["ret","array"]"#]);
    let reply = r#"* event / retResult [1,"two",{"three":3}]"#;
    client.ws(r#"42["retResult",1,"two",{"three":3}]"#).gives([reply]);

    assert_eq!(client.connection.emit_with_ack("/", "ret", args("buffer")), Ok(3));
    client.gives([r#"ws 423["ret","buffer"]"#]);
    client.ws(r#"461-3[{"_placeholder":true,"num":0}]"#).ws_binary(&[1, 2, 3]);
    client.gives([r#"* ack / 3 [{"_placeholder":true,"num":0}] <010203>"#]);

    client.emit("/", "args", args(Bytes::from_static(b"\x68\x69")));
    client.gives([r#"ws 451-["args",{"_placeholder":true,"num":0}]"#, "ws <6869>"]);

    client.call(|client| client.connect("/myNamespace", None)).gives(["ws 40/myNamespace,"]);
    client.ws(r#"40/myNamespace,{"sid":"n"}"#).gives(["* connected /myNamespace n"]);
    let asked = client.connection.emit_with_ack("/myNamespace", "join", args("room"));
    assert_eq!(asked, Ok(0));
    client.gives([r#"ws 42/myNamespace,0["join","room"]"#]);
    client.ws("43/myNamespace,0[true]").gives(["* ack /myNamespace 0 [true]"]);
    client
        .call(|client| client.disconnect("/myNamespace"))
        .gives(["ws 41/myNamespace,", "* disconnected /myNamespace: io client disconnect"]);

    client.call(|client| client.connect("/nope", None)).gives(["ws 40/nope,"]);
    let reply = r#"* connect error /nope {"message":"Invalid namespace"}"#;
    client.ws(r#"44/nope,{"message":"Invalid namespace"}"#).gives([reply]);

    client.call(Connection::close).gives([
        "ws 41",
        "close ws",
        "* disconnected /: io client disconnect",
        "* closed: io client disconnect",
    ]);
}
