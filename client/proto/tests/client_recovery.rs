//! "Connection state recovery": what a client sends to get its socket and its missed events back.

mod support;

use serde_json::{Value, json};
use socketio_proto::Args;
use socketio_proto::connection::{Event, Output};
use socketio_proto::socket::Recovery;
use support::{OPEN, Script, Websocket};

/// Feeds what the connection tells to `recovery`; whether it told of a recovered socket.
fn watch(client: &mut Script, recovery: &mut Recovery) -> bool {
    let mut recovered = false;
    loop {
        match client.connection.poll_output() {
            Output::Event(Event::Connected { payload, .. }) => {
                recovered = recovery.connected(&payload);
            }
            Output::Event(Event::Event { id, args, .. }) => recovery.received(id, &args),
            Output::WaitUntil(_) => return recovered,
            _ => {}
        }
    }
}

/// A new connection with what is remembered of the last: the CONNECT it sends.
fn reconnect(recovery: &Recovery, auth: Option<Value>) -> (Script, String) {
    let mut client = Script::client(Websocket);
    let auth = recovery.auth(auth);
    client.call(|client| client.connect("/", auth)).ws(OPEN);
    let connect = client.drain().pop().expect("a CONNECT");
    (client, connect)
}

#[test]
fn the_socket_and_the_offset_are_asked_for_again() {
    let mut recovery = Recovery::default();
    let (mut client, connect) = reconnect(&recovery, None);
    assert_eq!(connect, "ws 40");
    client.ws(r#"40{"sid":"s","pid":"p"}"#);
    assert!(!watch(&mut client, &mut recovery));
    assert_eq!(reconnect(&recovery, None).1, r#"ws 40{"pid":"p"}"#);

    client.ws(r#"42["a",1,"first"]"#).ws(r#"42["a",1,"second"]"#);
    watch(&mut client, &mut recovery);
    let (mut client, connect) = reconnect(&recovery, Some(json!({"token": "t"})));
    assert_eq!(connect, r#"ws 40{"offset":"second","pid":"p","token":"t"}"#);

    // In this order socket.io 4.8.4 sends them.
    client.ws(r#"42["missed","third"]"#).ws(r#"40{"sid":"s","pid":"p"}"#);
    assert!(watch(&mut client, &mut recovery), "the pid is the same");
    assert_eq!((recovery.pid(), recovery.offset()), (Some("p"), Some("third")));
}

#[test]
fn another_socket_is_no_recovery() {
    let mut recovery = Recovery::default();
    assert!(!recovery.connected(&json!({"sid": "s", "pid": "p"})));
    assert!(!recovery.connected(&json!({"sid": "t", "pid": "q"})));
    assert_eq!(recovery.pid(), Some("q"));
    assert!(!recovery.connected(&json!({"sid": "u"})));
    assert_eq!(recovery.auth(None), None);
    assert!(!recovery.connected(&json!({"sid": "u"})), "no pid twice is no recovery");
}

#[test]
fn only_an_event_that_can_have_an_offset_changes_it() {
    let mut recovery = Recovery::default();
    recovery.received(None, &Args::new("before the pid").expect("a string"));
    assert_eq!(recovery.offset(), None);
    recovery.connected(&json!({"sid": "s", "pid": "p"}));
    recovery.received(None, &Args::new((1, "offset")).expect("a tuple"));
    recovery.received(None, &Args::default());
    recovery.received(None, &Args::new(("text", 1)).expect("a tuple"));
    recovery.received(Some(0), &Args::new("asks for an ack").expect("a string"));
    assert_eq!(recovery.offset(), Some("offset"));
}

#[test]
fn what_the_application_says_counts_more() {
    let mut recovery = Recovery::default();
    recovery.connected(&json!({"sid": "s", "pid": "p"}));
    assert_eq!(recovery.auth(Some(json!({"pid": "mine"}))), Some(json!({"pid": "mine"})));
    assert_eq!(recovery.auth(Some(json!("text"))), Some(json!({"pid": "p"})));
}
