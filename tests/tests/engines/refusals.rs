//! What the second engine does not do is refused by name, before anything is sent.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientBuilder, ClientError, Engine, Parser, Protocol, Reconnection, Result, Target, Transport,
    UnixConnector, close, create_app,
};
use socketio_tests::{in_time, scripted};
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
    refuses(&error, AFTER_A_LOST_ONE);
    refuses(&client.answer_pings(false).unwrap_err(), "leaving pings unanswered");
    client.answer_pings(true)?;
    let fence = "a fence, which proves that no event was sent";
    refuses(&client.fence().await.unwrap_err(), fence);
    refuses(&client.settle().await.unwrap_err(), fence);
    refuses(&client.try_expect_none("saw").await.unwrap_err(), fence);

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
    let frames = in_time(frames).await.expect("an end");
    // A pong that nobody has asked for, CONNECT, the event, DISCONNECT and a close packet.
    let lost = |frame: &String| frame.starts_with("42") && frame.ends_with("[\"lost\",1]");
    let frames: Vec<_> =
        frames.iter().map(|frame| if lost(frame) { "lost" } else { &**frame }).collect();
    assert_eq!(frames, ["3", "40", "lost", "41", "1"]);
    Ok(())
}

/// Sends `packet`, a binary attachment, and an event `after`.
async fn binary(packet: &'static str) -> Target {
    let script = async move |mut socket: scripted::Websocket| {
        socket.accept().await;
        socket.text(packet).await;
        socket.binary(&[1, 2, 3]).await;
        socket.text("42[\"after\",1]").await;
        socket.drain().await;
    };
    scripted::websocket(script).await.expect("a listener")
}

#[tokio::test]
async fn an_event_with_binary_is_refused_to_everyone_who_waits_for_it() -> Result {
    for packet in [
        r#"451-["data",{"_placeholder":true,"num":0}]"#,
        r#"451-["data",{"_placeholder":true,"num":0},"more"]"#,
        r#"451-["data",{"nested":[{"_placeholder":true,"num":0}]}]"#,
        r#"451-7["data","an ack",{"_placeholder":true,"num":0}]"#,
    ] {
        let client = client(binary(packet).await, Engine::RustSocketio).await?;
        let mut stream = client.on_any();
        refuses(&stream.next().await.unwrap_err(), BINARY);
        assert_eq!(stream.next().await?.name(), "after");
        refuses(&client.try_expect("data").await.unwrap_err(), BINARY);
        let order = client.try_expect_in_order(["data", "after"]).await;
        refuses(&order.unwrap_err(), BINARY);
        client.try_expect("after").await?;

        let log = client.log().to_string();
        assert!(log.contains("[\"data\"] with binary that the engine does not deliver,"), "{log}");
        refuses(&client.once("data").await.unwrap_err(), BINARY);
        // It was claimed, and comes to nobody else.
        let again = client.once("data").timeout(Duration::ZERO).await.unwrap_err();
        assert!(matches!(again, ClientError::Timeout { .. }), "{again}");
        assert_eq!(client.stray_packets(), 1);
        client.close().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_goes_on_after_an_event_with_binary() -> Result {
    let target = binary(r#"451-["after",{"_placeholder":true,"num":0}]"#).await;
    let client = client(target, Engine::RustSocketio).await?;
    let mut stream = client.on("after");
    refuses(&stream.next().await.unwrap_err(), BINARY);
    assert_eq!(stream.next().await?.args(), [json!(1)]);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn an_ack_with_binary_is_refused_and_makes_way_for_the_next() -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.accept().await;
        let binary = r#"{"_placeholder":true,"num":0}"#;
        let answers = [format!("[{binary}]"), format!("[[1],{binary}]"), "[1]".to_owned()];
        let mut answers = answers.into_iter();
        while let Some(text) = socket.next().await {
            let Some((id, _)) = text.strip_prefix("42").and_then(|text| text.split_once('['))
            else {
                continue;
            };
            match answers.next() {
                Some(answer) if answer.contains("placeholder") => {
                    socket.text(&format!("461-{id}{answer}")).await;
                    socket.binary(&[1, 2, 3]).await;
                }
                Some(answer) => socket.text(&format!("43{id}{answer}")).await,
                None => break,
            }
        }
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = client(target, Engine::RustSocketio).await?;
    let [alone, beside, plain] = [1, 2, 3].map(|number| client.send_with_ack("question", number));
    refuses(&alone.await.unwrap_err(), BINARY);
    refuses(&beside.await.unwrap_err(), BINARY);
    assert_eq!(plain.await?.values(), [json!(1)]);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn requests_behind_a_lost_ack_are_refused_with_it_and_never_leave() -> Result {
    let (came, mut coming) = mpsc::unbounded_channel();
    let script = async move |mut socket: scripted::Websocket| {
        socket.accept().await;
        while let Some(text) = socket.next().await {
            if text.contains("lost") {
                socket.text("42[\"saw\",1]").await;
            }
            came.send(text).expect("the test listens");
        }
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = client(target, Engine::RustSocketio).await?;
    let lost = client.send_with_ack("lost", 1);
    let behind = client.send_with_ack("behind", 2);
    let dropped = client.send_with_ack("dropped", 3);
    client.send("event", 4)?;
    client.once("saw").await?;
    let short = client.send_with_ack("short", 5).timeout(Duration::from_millis(20));
    // At its own deadline, while the one before may still come.
    refuses(&short.await.unwrap_err(), AFTER_A_LOST_ONE);
    drop(dropped);
    let lost = lost.timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(lost, ClientError::Timeout { .. }), "{lost}");
    refuses(&behind.now_or_never().expect("told at once").unwrap_err(), AFTER_A_LOST_ONE);

    client.close().await?;
    let mut left = Vec::new();
    while let Some(text) = coming.recv().await {
        left.extend(text.split_once('[').map(|(_, event)| event.to_owned()));
    }
    assert_eq!(left, [r#""lost",1]"#, r#""dropped",3]"#, r#""event",4]"#]);
    Ok(())
}

const BINARY: &str = "binary that the server sends";
const AFTER_A_LOST_ONE: &str = "an ack after one that never came";

#[tokio::test]
async fn what_the_server_saw_of_a_client_needs_its_id() -> Result {
    let app = create_app(peer::router()).await?;
    let client = client(&app, Engine::RustSocketio).await?;
    let error = app.for_client(&client).try_received("anything").await.unwrap_err();
    assert!(error.to_string().contains("does not tell the id"), "{error}");
    client.close().await?;
    close(app).await
}
