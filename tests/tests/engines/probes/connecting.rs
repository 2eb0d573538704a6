//! What a connection is made with.

use std::collections::HashMap;

use serde_json::{Value, json};
use socketio_fixtures::{hello, peer};
use socketio_harness::{
    ClientBuilder, ClientError, Connecting, Connector, Parser, Protocol, Target, connecting,
    create_app,
};
use socketio_tests::tls::encrypt;
use socketio_tests::{Via, node_peer};
use tokio::net::TcpStream;

use super::{Bench, Outcome, Shortcoming, ensure};
use crate::client;

pub(crate) async fn auth(bench: &Bench<'_>) -> Outcome {
    let seen = handshake(bench.client().auth(json!({"token": "123"}))).await?;
    ensure(seen.auth == json!({"token": "123"}), "the server sees another")
}

pub(crate) async fn query(bench: &Bench<'_>) -> Outcome {
    let seen = handshake(bench.client().query("room", "a b&c")).await?;
    ensure(seen.query.get("room").is_some_and(|room| room == "a b&c"), "the server sees another")
}

pub(crate) async fn headers(bench: &Bench<'_>) -> Outcome {
    let seen = handshake(bench.client().header("x-one", "1").header("x-two", "2")).await?;
    let values = ["x-one", "x-two"].map(|name| seen.headers.get(name).cloned());
    ensure(values == ["1", "2"].map(|value| Some(value.to_owned())), "the server sees others")
}

pub(crate) async fn header_twice(bench: &Bench<'_>) -> Outcome {
    let seen = handshake(bench.client().header("x-one", "1").header("x-one", "2")).await?;
    // socket.io joins them, the peer on socketioxide keeps the last.
    let both = seen.headers.get("x-one").is_some_and(|value| ["1, 2", "2"].contains(&&**value));
    ensure(both, "the server sees others")
}

/// The handshake as the server saw it.
#[derive(serde::Deserialize)]
struct Handshake {
    auth: Value,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
}

async fn handshake(client: ClientBuilder) -> Result<Handshake, Shortcoming> {
    let seen = client.await?.send_with_ack("handshake", ()).await?;
    seen.parse().map_err(|error| Shortcoming::Broken(error.to_string()))
}

pub(crate) async fn namespace(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().namespace("/custom").await?;
    client.send("message", 1)?;
    ensure(client.once("message-back").await?.args() == [json!(1)], "it comes changed")
}

pub(crate) async fn second_namespace(bench: &Bench<'_>) -> Outcome {
    let main = bench.client().await?;
    let custom = main.of("/custom").await?;
    custom.send("message", 1)?;
    ensure(custom.once("message-back").await?.args() == [json!(1)], "it comes changed")
}

pub(crate) async fn refusal(bench: &Bench<'_>) -> Outcome {
    let error = bench.client().namespace("/refused").await.expect_err("a refusal");
    ensure(matches!(error, ClientError::ConnectError { .. }), "it is told as something else")?;
    let error = bench.client().namespace("/nope").await.expect_err("no such namespace");
    ensure(matches!(error, ClientError::InvalidNamespace { .. }), "it is told as something else")
}

pub(crate) async fn refused_session(bench: &Bench<'_>) -> Outcome {
    let app = create_app(node_peer("peer.js").env("TRANSPORTS", "polling")).await?;
    let error = client(&app, bench.engine).await.expect_err("a refusal");
    let told = matches!(error, ClientError::SessionRefused { status: 400, code: 0, .. });
    ensure(told, "it is told as something else")
}

pub(crate) async fn path(bench: &Bench<'_>) -> Outcome {
    at_path(bench, "/testPath").await
}

pub(crate) async fn path_of_the_root(bench: &Bench<'_>) -> Outcome {
    at_path(bench, "/").await
}

async fn at_path(bench: &Bench<'_>, path: &str) -> Outcome {
    let app = create_app(hello::Server::new().path(path).router()).await?;
    hello_to(client(&app, bench.engine).path(path)).await
}

pub(crate) async fn polling(bench: &Bench<'_>) -> Outcome {
    echo_of(bench.client().transports(Via::Polling.transports())).await
}

pub(crate) async fn upgrade(bench: &Bench<'_>) -> Outcome {
    echo_of(bench.client().transports(Via::Upgrade.transports())).await
}

async fn echo_of(client: ClientBuilder) -> Outcome {
    let client = client.await?;
    let text = "ß".repeat(100_000);
    client.send("message", &text)?;
    ensure(client.once("message-back").await?.args() == [json!(text)], "it comes changed")
}

pub(crate) async fn old_protocol(bench: &Bench<'_>) -> Outcome {
    let app = create_app(node_peer("peer.js").env("ALLOW_EIO3", "1")).await?;
    echo_of(client(&app, bench.engine).protocol(Protocol::V3)).await
}

pub(crate) async fn message_pack(bench: &Bench<'_>) -> Outcome {
    let app = create_app(node_peer("peer.js").env("PARSER", "msgpack")).await?;
    echo_of(client(&app, bench.engine).parser(Parser::MessagePack)).await
}

pub(crate) async fn tls(bench: &Bench<'_>) -> Outcome {
    let app = create_app(hello::router()).await?;
    let (port, certificate) = encrypt(&app).await;
    let url = format!("https://localhost:{port}");
    hello_to(client(url, bench.engine).root_certificate(certificate)).await
}

async fn hello_to(client: ClientBuilder) -> Outcome {
    let client = client.await?;
    client.send("hello", ())?;
    let result = client.once("helloResult").await?;
    ensure(result.args() == [json!("hello world")], "it comes changed")
}

pub(crate) async fn connector(bench: &Bench<'_>) -> Outcome {
    let app = create_app(peer::router()).await?;
    let target = Target::new("nowhere.invalid", 1).connector(Fixed(app.port()));
    echo_of(client(target, bench.engine)).await
}

/// Connects to this port, whatever it is asked for.
struct Fixed(u16);

impl Connector for Fixed {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        connecting(async move {
            let stream = TcpStream::connect(("127.0.0.1", self.0)).await?;
            Ok(stream)
        })
    }
}
