//! A client joins, uses and leaves namespaces of one connection.

mod support;

use serde_json::json;
use socketio_proto::Error;
use socketio_proto::connection::ClientConfig;
use support::{OPEN, Script, Websocket, args, not_connected};

/// A client in `/` and `/chat`.
fn in_two_namespaces() -> Script {
    let mut client = Script::connected();
    client.call(|client| client.connect("/chat", None)).gives(["ws 40/chat,"]);
    client.ws(r#"40/chat,{"sid":"c"}"#).gives(["* connected /chat c"]);
    client
}

/// A client in `/` whose CONNECT for `/chat` has not been answered.
fn asking() -> Script {
    let mut client = Script::connected();
    client.call(|client| client.connect("/chat", None)).gives(["ws 40/chat,"]);
    client
}

#[test]
fn a_refused_namespace_leaves_the_others() {
    let mut client = asking();
    client
        .ws(r#"44/chat,{"message":"Invalid namespace"}"#)
        .gives([r#"* connect error /chat {"message":"Invalid namespace"}"#]);
    assert_eq!(client.connection.emit("/chat", "a", args(1)), not_connected("/chat"));
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn a_refused_namespace_can_be_asked_for_again() {
    let mut client = asking();
    client.ws(r#"44/chat,{"message":"no"}"#).gives([r#"* connect error /chat {"message":"no"}"#]);
    client
        .call(|client| client.connect("/chat", Some(json!({"token": "t"}))))
        .gives([r#"ws 40/chat,{"token":"t"}"#]);
}

#[test]
fn a_connection_whose_only_namespace_is_refused_is_closed() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).ws(OPEN).gives(["* opened e", "ws 40"]);
    client.ws(r#"44{"message":"no"}"#).gives([
        r#"* connect error / {"message":"no"}"#,
        "close ws",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn leaving_a_namespace_keeps_the_others() {
    let mut client = in_two_namespaces();
    client
        .call(|client| client.disconnect("/chat"))
        .gives(["ws 41/chat,", "* disconnected /chat: io client disconnect"]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
    assert_eq!(client.connection.connected_namespaces().collect::<Vec<_>>(), ["/"]);
}

#[test]
fn leaving_the_last_namespace_closes_the_connection() {
    Script::connected().call(|client| client.disconnect("/")).gives([
        "ws 41",
        "* disconnected /: io client disconnect",
        "close ws",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn a_namespace_ended_by_the_server_keeps_the_others() {
    let mut client = in_two_namespaces();
    client.ws("41/chat,").gives(["* disconnected /chat: io server disconnect"]);
    client.ws("41").gives([
        "* disconnected /: io server disconnect",
        "close ws",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn an_unrelated_disconnect_does_not_close_the_connection() {
    let mut client = Script::opened();
    client.ws("41/chat,").gives(["* stray DISCONNECT /chat"]);
    client
        .ws(r#"44/chat,{"message":"no"}"#)
        .gives([r#"* stray CONNECT_ERROR /chat {"message":"no"}"#]);
    client.call(|client| client.connect("/", None)).gives(["ws 40"]);
}

#[test]
fn events_of_unknown_namespaces_are_kept_as_strays() {
    Script::connected().ws(r#"42/chat,["a",1]"#).gives(["* stray EVENT /chat a [1]"]);
}

#[test]
fn a_second_connect_reply_is_a_stray() {
    let mut client = Script::connected();
    client.ws(r#"40{"sid":"t"}"#).gives([r#"* stray CONNECT / {"sid":"t"}"#]);
    client.ws("40/chat").gives(["* stray CONNECT /chat"]);
}

#[test]
fn a_connect_error_for_a_connected_namespace_does_not_end_it() {
    let mut client = Script::connected();
    client.ws(r#"44{"message":"late"}"#).gives([r#"* stray CONNECT_ERROR / {"message":"late"}"#]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn a_connect_reply_without_a_sid_ends_the_connection() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).ws(OPEN).gives(["* opened e", "ws 40"]);
    client.ws("40").gives([
        "close ws",
        "* closed: parse error (invalid CONNECT payload: expected an object with the socket's sid (servers before Socket.IO 3 send none), got nothing)",
    ]);
}

#[test]
fn a_namespace_left_before_its_reply_is_disconnected_when_the_reply_comes() {
    let mut client = asking();
    client.ws(r#"42/chat,["early"]"#).gives([]);
    client.call(|client| client.disconnect("/chat")).gives(["* stray EVENT /chat early []"]);
    client.ws(r#"42/chat,["late"]"#).gives(["* stray EVENT /chat late []"]);
    client
        .ws(r#"40/chat,{"sid":"c"}"#)
        .gives(["ws 41/chat,", r#"* stray CONNECT /chat {"sid":"c"}"#]);
    client.call(|client| client.connect("/chat", None)).gives(["ws 40/chat,"]);
}

#[test]
fn a_namespace_left_and_refused_is_silent() {
    let mut client = asking();
    client.call(|client| client.disconnect("/chat")).gives([]);
    client
        .ws(r#"44/chat,{"message":"no"}"#)
        .gives([r#"* stray CONNECT_ERROR /chat {"message":"no"}"#]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn a_namespace_left_and_asked_for_again_uses_the_first_request() {
    let mut client = asking();
    client.call(|client| client.disconnect("/chat")).gives([]);
    client.call(|client| client.connect("/chat", None)).gives([]);
    client.ws(r#"40/chat,{"sid":"c"}"#).gives(["* connected /chat c"]);
}

#[test]
fn a_namespace_left_and_asked_for_with_another_auth_awaits_the_first_reply() {
    let asked = r#"ws 40/chat,{"right":true}"#;
    for (reply, expected) in [
        (
            r#"44/chat,{"message":"no"}"#,
            &[asked, r#"* stray CONNECT_ERROR /chat {"message":"no"}"#][..],
        ),
        (r#"40/chat,{"sid":"c"}"#, &["ws 41/chat,", asked, r#"* stray CONNECT /chat {"sid":"c"}"#]),
        ("41/chat,", &[asked, "* stray DISCONNECT /chat"]),
    ] {
        let mut client = asking();
        client.call(|client| client.disconnect("/chat")).gives([]);
        client.call(|client| client.connect("/chat", Some(json!({"right": true})))).gives([]);
        // What comes for the first is not the second's.
        client.ws(r#"42/chat,["early"]"#).gives(["* stray EVENT /chat early []"]);
        assert_eq!(client.ws(reply).drain(), expected);
        client.ws(r#"40/chat,{"sid":"d"}"#).gives(["* connected /chat d"]);
    }
}

#[test]
fn a_namespace_left_twice_is_not_asked_for_again() {
    let mut client = asking();
    client.call(|client| client.disconnect("/chat")).gives([]);
    client.call(|client| client.connect("/chat", Some(json!({"right": true})))).gives([]);
    client.call(|client| client.disconnect("/chat")).gives([]);
    client.ws("41/chat,").gives(["* stray DISCONNECT /chat"]);
}

#[test]
fn the_connection_closes_when_all_namespaces_have_been_left_before_their_reply() {
    let mut client = Script::client(Websocket);
    client.call(|client| client.connect("/", None)).ws(OPEN).gives(["* opened e", "ws 40"]);
    client
        .call(|client| client.disconnect("/"))
        .gives(["close ws", "* closed: io client disconnect"]);
}

#[test]
fn a_server_may_end_a_namespace_instead_of_answering() {
    let mut client = asking();
    client.ws("41/chat,").gives(["* disconnected /chat: io server disconnect"]);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn reserved_event_names_are_refused_both_ways() {
    for name in
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
    {
        let mut client = Script::connected();
        let refused = client.connection.emit("/", name, args(1));
        assert_eq!(refused, Err(Error::ReservedEventName(name.into())));
        client.ws(&format!(r#"42["{name}"]"#));
        assert!(client.connection.is_closed(), "{name}");
    }
}

#[test]
fn a_client_has_no_server_calls() {
    let mut client = Script::opened();
    client.call(|client| client.accept("/", "s")).gives([]);
    client.call(|client| client.refuse("/", json!({"message": "no"}))).gives([]);
    assert_eq!(client.connection.emit("/", "a", args(1)), not_connected("/"));
}

#[test]
fn packets_before_the_reply_are_bounded() {
    let mut config = ClientConfig::new(Websocket);
    config.limits.max_early_packets = 2;
    let mut client = Script::client_with(config);
    client.call(|client| client.connect("/", None)).ws(OPEN).drain();
    client.ws(r#"42["a"]"#).ws(r#"42["b"]"#).gives([]);
    client.ws(r#"42["c"]"#).gives([
        "close ws",
        "* stray EVENT / a []",
        "* stray EVENT / b []",
        "* closed: parse error (number of packets before the CONNECT reply of 3 exceeds the limit of 2)",
    ]);
}
