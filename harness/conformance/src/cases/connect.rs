use std::time::Duration;

use serde_json::Value;

use crate::{
    Case, Context, Failure, Section,
    raw::{Packet, Session as _, WebSocket, frame},
};

pub(super) fn cases() -> Vec<Case> {
    let connect = Section::Connect;
    vec![
        connect.must(
            "sio.connect.joins_the_main_namespace",
            "The server MUST answer CONNECT with a CONNECT packet that holds the session ID of the \
             namespace, which is not the one of the Engine.IO session.",
            joins_the_main_namespace,
        ),
        connect.must(
            "sio.connect.passes_the_auth_payload",
            "A CONNECT packet may hold a payload, which reaches the server.",
            passes_the_auth_payload,
        ),
        connect.must(
            "sio.connect.joins_a_custom_namespace",
            "The namespace is part of a packet if it is not the main one: the server MUST answer \
             CONNECT in that namespace.",
            joins_a_custom_namespace,
        ),
        connect.must(
            "sio.connect.passes_the_auth_payload_to_a_custom_namespace",
            "A CONNECT packet to a custom namespace may hold a payload, which reaches it.",
            passes_the_auth_payload_to_a_custom_namespace,
        ),
        connect.must(
            "sio.connect.refuses_an_unknown_namespace",
            "If the connection is not allowed, the server MUST answer with CONNECT_ERROR, its \
             payload an object with a message; the transport stays usable.",
            refuses_an_unknown_namespace,
        ),
        connect.must(
            "sio.connect.closes_on_a_malformed_connect",
            "If the server does not receive a CONNECT packet first, it MUST close the connection \
             immediately.",
            closes_on_a_malformed_connect,
        ),
        connect.must(
            "sio.connect.closes_without_a_connect",
            "At the beginning of a session the client MUST send a CONNECT packet: the server \
             closes a connection on which none comes.",
            closes_without_a_connect,
        ),
    ]
}

async fn joins_the_main_namespace(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.send("40").await?;
    let sid = expect_connected(&mut socket, "40").await?;
    socket.expect(r#"42["auth",{}]"#).await?;
    if sid == socket.open().sid() {
        let expected = "a session ID other than the Engine.IO session's";
        return Err(Failure::departure(expected, format!("the same, {sid}")));
    }
    Ok(())
}

async fn passes_the_auth_payload(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.send(r#"40{"token":"123"}"#).await?;
    expect_connected(&mut socket, "40").await?;
    socket.expect(r#"42["auth",{"token":"123"}]"#).await
}

async fn joins_a_custom_namespace(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.send("40/custom,").await?;
    expect_connected(&mut socket, "40/custom,").await?;
    socket.expect(r#"42/custom,["auth",{}]"#).await
}

async fn passes_the_auth_payload_to_a_custom_namespace(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.send(r#"40/custom,{"token":"abc"}"#).await?;
    expect_connected(&mut socket, "40/custom,").await?;
    socket.expect(r#"42/custom,["auth",{"token":"abc"}]"#).await
}

async fn refuses_an_unknown_namespace(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.send("40/random,").await?;
    let expected = r#"44/random,{"message":"…"}"#;
    let came = socket.receive(expected).await?;
    let error = payload("44/random,", &came);
    if !error.is_some_and(|error| error.get("message").is_some_and(Value::is_string)) {
        return Err(Failure::departure(expected, came));
    }
    socket.connect("/").await
}

async fn closes_on_a_malformed_connect(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    // With CONNECT as the fence, the connect timeout cannot close the connection instead.
    socket.expect_close_after("4abc", "40").await
}

async fn closes_without_a_connect(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.closed_by(socket.asked_at() + CONNECT_TIMEOUT).await.map(|_| ())
}

/// The reply to CONNECT; the session id in it.
async fn expect_connected(socket: &mut WebSocket, prefix: &str) -> Result<String, Failure> {
    let expected = format!(r#"{prefix}{{"sid":"…"}}"#);
    let came = socket.receive(&expected).await?;
    let reply = payload(prefix, &came);
    match reply.as_ref().and_then(|reply| reply.get("sid")?.as_str()) {
        Some(sid) if !sid.is_empty() => Ok(sid.to_owned()),
        _ => Err(Failure::departure(expected, came)),
    }
}

fn payload(prefix: &str, packet: &Packet) -> Option<Value> {
    match packet {
        Packet::Text(text) => frame::json_after(prefix, text),
        Packet::Binary(_) => None,
    }
}

/// The contract asks for about one second; the rest is for a loaded machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
