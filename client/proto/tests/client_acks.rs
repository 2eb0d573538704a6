//! Acks in both directions, and binary in events and acks.

mod support;

use bytes::Bytes;
use socketio_proto::EncodedArgs;
use support::{Script, args, not_connected};

#[track_caller]
fn ask(client: &mut Script, namespace: &str, name: &str, args: EncodedArgs) -> u64 {
    client.connection.emit_with_ack(namespace, name, args).expect("the namespace is connected")
}

#[test]
fn ids_count_from_zero_in_each_namespace() {
    let mut client = Script::connected();
    client.call(|client| client.connect("/chat", None)).ws(r#"40/chat,{"sid":"c"}"#);
    client.gives(["ws 40/chat,", "* connected /chat c"]);
    assert_eq!(ask(&mut client, "/", "a", args(())), 0);
    assert_eq!(ask(&mut client, "/", "b", args((1, "x"))), 1);
    assert_eq!(ask(&mut client, "/chat", "a", args(())), 0);
    client.gives([r#"ws 420["a"]"#, r#"ws 421["b",1,"x"]"#, r#"ws 42/chat,0["a"]"#]);
}

#[test]
fn acks_are_matched_by_namespace_and_id_in_any_order() {
    let mut client = Script::connected();
    ask(&mut client, "/", "a", args(()));
    ask(&mut client, "/", "b", args(()));
    client.drain();
    client.ws(r#"431["second"]"#).gives([r#"* ack / 1 ["second"]"#]);
    client.ws("43/chat,0[]").gives(["* stray ACK /chat 0 []"]);
    client.ws("430[]").gives(["* ack / 0 []"]);
}

#[test]
fn an_abandoned_ack_is_a_stray() {
    let mut client = Script::connected();
    let id = ask(&mut client, "/", "a", args(()));
    client.call(|client| client.abandon_ack("/", id)).drain();
    client.ws("430[1]").gives(["* stray ACK / 0 [1]"]);
}

#[test]
fn a_server_may_ask_for_an_ack() {
    let mut client = Script::connected();
    client.ws(r#"427["question",true]"#).gives(["* event / question 7 [true]"]);
    assert_eq!(client.connection.ack("/", 7, args(("yes", 1))), Ok(()));
    client.gives([r#"ws 437["yes",1]"#]);
    assert_eq!(client.connection.ack("/", 8, args(())), Ok(()));
    client.gives(["ws 438[]"]);
    assert_eq!(client.connection.ack("/x", 7, args(())), not_connected("/x"));
}

#[test]
fn binary_is_sent_as_placeholders_and_attachments() {
    let mut client = Script::connected();
    let data = (Bytes::from_static(b"\x01\x02"), Bytes::new());
    ask(&mut client, "/", "up", args(data.clone()));
    client.gives([
        r#"ws 452-0["up",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        "ws <0102>",
        "ws <>",
    ]);
    assert_eq!(client.connection.ack("/", 5, args(data.0)), Ok(()));
    client.gives([r#"ws 461-5[{"_placeholder":true,"num":0}]"#, "ws <0102>"]);
}

#[test]
fn a_binary_event_is_delivered_with_its_last_attachment() {
    let mut client = Script::connected();
    client.ws(r#"452-3["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#);
    client.ws_binary(b"\x0a").gives([]);
    client.ws("2").gives(["ws 3"]);
    client.ws_binary(b"\x0b").gives([
        r#"* event / e 3 [{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}] <0a> <0b>"#,
    ]);
}

#[test]
fn a_binary_ack_is_delivered_with_its_last_attachment() {
    let mut client = Script::connected();
    ask(&mut client, "/", "a", args(()));
    client.drain();
    client.ws(r#"461-0[{"_placeholder":true,"num":0}]"#).gives([]);
    client.ws_binary(b"\x0c").gives([r#"* ack / 0 [{"_placeholder":true,"num":0}] <0c>"#]);
}

#[test]
fn attachments_come_base64_encoded_by_polling() {
    let mut client = Script::connected_by_polling();
    client
        .body("451-[\"e\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID")
        .gives([r#"* event / e [{"_placeholder":true,"num":0}] <010203>"#]);
}

#[test]
fn binary_that_nobody_announced_ends_the_connection() {
    Script::connected().ws_binary(b"\x01").gives([
        "close ws",
        "* disconnected /: parse error (expected a text packet, got 1 bytes of binary that no packet announced)",
        "* closed: parse error (expected a text packet, got 1 bytes of binary that no packet announced)",
    ]);
}

#[test]
fn acks_do_not_outlive_their_namespace() {
    let mut client = Script::connected();
    client.call(|client| client.connect("/chat", None)).ws(r#"40/chat,{"sid":"c"}"#);
    ask(&mut client, "/chat", "a", args(()));
    client.call(|client| client.disconnect("/chat")).drain();
    client.ws("43/chat,0[]").gives(["* stray ACK /chat 0 []"]);
}
