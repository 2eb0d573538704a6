//! What the second engine does not do is refused by name, before anything is sent.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use serde_json::json;
use socketio_harness::{
    ClientBuilder, ClientError, Engine, Parser, Protocol, Reconnection, Result, Target, Transport,
    UnixConnector,
};
use socketio_tests::scripted;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::client;

#[track_caller]
fn refuses(error: &ClientError, feature: &str) {
    assert!(
        matches!(error, ClientError::Unsupported { engine: Engine::RustSocketio, .. }),
        "{error}"
    );
    let text = format!("the engine rust_socketio does not support {feature}\n");
    assert!(error.to_string().starts_with(&text), "{error}");
}

#[tokio::test]
async fn options_are_refused_before_a_connection_is_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let refused = async |options: fn(ClientBuilder) -> ClientBuilder, feature: &str| {
        refuses(&options(client(port, Engine::RustSocketio)).await.unwrap_err(), feature);
    };
    refused(|it| it.transports([Transport::Polling]), "the polling transport").await;
    refused(
        |it| it.transports([Transport::Polling, Transport::Websocket]),
        "the polling transport",
    )
    .await;
    refused(|it| it.reconnection(Reconnection::new()), "reconnection").await;
    refused(|it| it.protocol(Protocol::V3), "another protocol than Engine.IO 4").await;
    refused(|it| it.parser(Parser::MessagePack), "another parser than the default one").await;
    refused(|it| it.path("/"), "the path \"/\"").await;
    refused(|it| it.header("x-a", "1").header("x-a", "2"), "a header given twice").await;

    let secure = client(format!("https://127.0.0.1:{port}"), Engine::RustSocketio);
    refuses(&secure.await.unwrap_err(), "TLS");
    let target = Target::new("127.0.0.1", port).connector(UnixConnector::new("/nowhere"));
    let piped = client(target, Engine::RustSocketio);
    refuses(&piped.await.unwrap_err(), "another connector than TCP");

    assert!(listener.accept().now_or_never().is_none(), "something has connected");
}

#[tokio::test]
async fn calls_are_refused_before_anything_is_sent() -> Result {
    let (came, mut coming) = mpsc::unbounded_channel();
    let script = async move |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        while let Some(text) = socket.next().await {
            if text == "40" {
                socket.text(scripted::CONNECTED).await;
                socket.text("421[\"question\",1]").await;
            } else if text.starts_with("42") {
                socket.text("42[\"saw\",1]").await;
            }
            came.send(text).expect("the test listens");
        }
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = client(target, Engine::RustSocketio).await?;
    let data = Bytes::from_static(b"binary");

    refuses(&client.send("message", &data).unwrap_err(), "binary arguments");
    let nested = client.send("message", (1, [Some(&data)])).unwrap_err();
    refuses(&nested, "binary arguments");
    refuses(&client.send_with_ack("message", &data).await.unwrap_err(), "binary arguments");
    refuses(&client.of("/custom").await.unwrap_err(), "a second namespace on one connection");
    refuses(&client.pause_reading().unwrap_err(), "pausing the reading");
    refuses(&client.resume_reading().unwrap_err(), "pausing the reading");
    refuses(&client.send_raw("42[\"message\"]").unwrap_err(), "raw packets");
    let answering = "answering the server's acks";
    refuses(&client.respond("question", |_| json!(1)).unwrap_err(), answering);
    let question = client.once("question").await?;
    assert!(!question.wants_ack());
    refuses(&question.ack(1).unwrap_err(), answering);

    let lost = client.send_with_ack("lost", 1);
    client.once("saw").await?;
    drop(lost);
    let error = client.send_with_ack("question", 2).await.unwrap_err();
    refuses(&error, "an ack after one that never came");

    // On websocket already: there is nothing to refuse.
    client.upgrade();
    client.upgraded().await?;

    client.close().await?;
    let frames = async {
        let mut frames = Vec::new();
        while let Some(text) = coming.recv().await {
            frames.push(text);
        }
        frames
    };
    let frames = tokio::time::timeout(Duration::from_secs(5), frames).await.expect("an end");
    // A pong that nobody has asked for, CONNECT, the event, DISCONNECT and a close packet.
    let lost = |frame: &String| frame.starts_with("42") && frame.ends_with("[\"lost\",1]");
    let frames: Vec<_> =
        frames.iter().map(|frame| if lost(frame) { "lost" } else { &**frame }).collect();
    assert_eq!(frames, ["3", "40", "lost", "41", "1"]);
    Ok(())
}
