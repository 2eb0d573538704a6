//! Connections that speak `MessagePack`, in either role.

mod support;

use bytes::Bytes;
use serde_json::json;
use socketio_proto::connection::ClientConfig;
use socketio_proto::socket::Parser;
use socketio_proto::{EncodedArgs, Error};
use support::{OPEN, Script, Websocket, bytes};

fn config() -> ClientConfig {
    let mut config = ClientConfig::new(Websocket);
    config.parser = Parser::MessagePack;
    config
}

#[test]
fn a_connection_speaks_it_from_connect_to_disconnect() {
    let mut client = Script::client_with(config());
    client.call(|client| client.connect("/", Some(json!({"token": "t"}))));
    client
        .ws(OPEN)
        .gives(["* opened e", "ws <83a47479706500a46461746181a5746f6b656ea174a36e7370a12f>"]);
    client
        .ws_binary(&bytes("83a47479706500a46461746181a3736964a173a36e7370a12f"))
        .gives(["* connected / s"]);
    client
        .emit("/", "b", EncodedArgs::new(Bytes::from_static(b"ab")).unwrap())
        .gives(["ws <83a47479706502a46461746192a162c4026162a36e7370a12f>"]);
    let id = client.connection.emit_with_ack("/", "a", EncodedArgs::new(()).unwrap());
    assert_eq!(id, Ok(0));
    client.gives(["ws <84a47479706502a46461746191a161a36e7370a12fa2696400>"]);
    client
        .ws_binary(&bytes("84a2696400a47479706503a46461746191c40101a36e7370a12f"))
        .gives([r#"* ack / 0 [{"_placeholder":true,"num":0}] <01>"#]);
    client.call(|client| client.disconnect("/")).gives([
        "ws <82a47479706501a36e7370a12f>",
        "* disconnected /: io client disconnect",
        "close ws",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn a_server_speaks_it_too() {
    let mut server = Script::server(Websocket);
    server.drain();
    server.connection = server.connection.with_parser(Parser::MessagePack);
    server
        .ws_binary(&bytes("83a47479706500a46461746181a5746f6b656ea174a36e7370a12f"))
        .gives([r#"* connect requested / {"token":"t"}"#]);
    server
        .call(|server| server.accept("/", "s"))
        .gives(["ws <83a47479706500a46461746181a3736964a173a36e7370a12f>"]);
    server
        .ws_binary(&bytes("84a47479706502a46461746191a161a36e7370a12fa2696407"))
        .gives(["* event / a 7 []"]);
    assert_eq!(server.connection.ack("/", 7, EncodedArgs::new(1).unwrap()), Ok(()));
    server.gives(["ws <84a47479706503a4646174619101a36e7370a12fa2696407>"]);
}

#[test]
fn a_packet_as_text_ends_the_session() {
    let mut client = Script::client_with(config());
    client.ws(OPEN).drain();
    client.ws("40").gives([
        "close ws",
        "* closed: parse error (expected a packet in MessagePack, which is binary, got text: \"0\")",
    ]);
}

#[test]
fn arguments_deeper_than_any_parser_reads_are_refused_on_sending() {
    let mut client = Script::client_with(config());
    client.call(|client| client.connect("/", None)).ws(OPEN).drain();
    client.ws_binary(&bytes("83a47479706500a46461746181a3736964a173a36e7370a12f")).drain();
    let deep = (0..200).fold(json!(1), |value, _| json!([value]));
    let deep = EncodedArgs::new(deep).unwrap();
    let refused = client.connection.emit_with_ack("/", "a", deep);
    assert!(matches!(refused, Err(Error::NotSerialisable(_))), "{refused:?}");
    client.gives([]);
    assert_eq!(client.connection.emit_with_ack("/", "a", EncodedArgs::default()), Ok(0));
}

#[test]
fn the_limits_of_the_connection_hold() {
    let mut config = config();
    config.limits.max_attachments = 0;
    let mut client = Script::client_with(config);
    client.ws(OPEN).drain();
    client.ws_binary(&bytes("83a47479706502a46461746192a161c40101a36e7370a12f")).gives([
        "close ws",
        "* closed: parse error (number of attachments of 1 exceeds the limit of 0)",
    ]);
}
