//! What is sent and received is the same on either engine.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use rstest::rstest;
use serde_json::{Value, json};
use socketio_fixtures::hello;
use socketio_harness::{ClientError, Engine, Event, Result, Transport, close, create_app};
use socketio_tests::{Peer, scripted};

use crate::client;

const SHORT: Duration = Duration::from_millis(50);

#[rstest]
#[tokio::test]
async fn events_travel_both_ways_in_order(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;

    let value = json!({"a": [1, -2.5, true, null, ""], "b": {"c": "€𝄞\u{1e}"}});
    let echoes = client.on("message-back");
    for number in 0..1_000 {
        client.send("message", (number, &value))?;
    }
    let echoes: Vec<Event> = echoes.take(1_000).try_collect().await?;
    for (number, echo) in echoes.iter().enumerate() {
        assert_eq!(echo.args(), [json!(number), value.clone()]);
    }

    client.send("burst", 10_000)?;
    let ticks: Vec<Event> = client.on("tick").take(10_000).try_collect().await?;
    for (number, tick) in ticks.iter().enumerate() {
        assert_eq!(tick.parse::<usize>()?, number);
    }

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn each_of_a_hundred_acks_gets_its_own_answer(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;
    let questions: Vec<_> =
        (0..100).map(|number| client.send_with_ack("message-with-ack", (number, "x"))).collect();
    for (number, answer) in questions.into_iter().enumerate().rev() {
        assert_eq!(answer.await?.values(), [json!(number), json!("x")]);
    }
    assert!(client.send_with_ack("message-with-ack", ()).await?.is_empty());
    assert_eq!(client.stray_packets(), 0);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn an_ack_that_never_comes_is_an_error_and_holds_up_no_event(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;
    let error = client.send_with_ack("nobody-answers", 1).timeout(SHORT).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("ack 0 of \"nobody-answers\" did not come within 50ms"), "{text}");
    // Given up without a wait.
    drop(client.send_with_ack("nobody-answers", 2));
    client.send("message", 3)?;
    assert_eq!(client.once("message-back").await?.args(), [json!(3)]);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn the_server_sees_auth_query_headers_and_namespace(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine)
        .namespace("/custom")
        .auth(json!({"token": "123"}))
        .query("room", "a b&c")
        .header("x-test", "one")
        .header("host", "example.org")
        .await?;
    assert_eq!(client.namespace(), "/custom");
    assert_eq!(client.once("auth").await?.args(), [json!({"token": "123"})]);
    let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
    assert_eq!(seen["auth"], json!({"token": "123"}));
    assert_eq!(seen["query"]["room"], "a b&c");
    assert_eq!(seen["query"]["transport"], "websocket");
    assert_eq!(seen["headers"]["x-test"], "one");
    assert_eq!(seen["headers"]["host"], "example.org");
    assert_eq!(client.transport(), Transport::Websocket);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn the_path_may_be_another_one(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
) -> Result {
    let app = create_app(hello::Server::new().path("/testPath").router()).await?;
    let client = client(&app, engine).path("/testPath").await?;
    client.send("hello", ())?;
    assert_eq!(client.once("helloResult").await?.args(), [json!("hello world")]);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_late_ack_is_counted_and_given_to_nobody(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
) -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.accept().await;
        let mut late = None;
        while let Some(text) = socket.next().await {
            let Some((id, _)) = text.strip_prefix("42").and_then(|text| text.split_once('['))
            else {
                continue;
            };
            match &late {
                None => {
                    late = Some(id.to_owned());
                    socket.text("42[\"asked\",1]").await;
                }
                Some(late) if id.is_empty() => {
                    socket.text(&format!("43{late}[\"late\"]")).await;
                    socket.text("42[\"answered\",1]").await;
                }
                Some(_) => socket.text(&format!("43{id}[\"own\"]")).await,
            }
        }
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = client(target, engine).await?;
    let late = client.send_with_ack("question", 1).timeout(SHORT);
    client.once("asked").await?;
    assert!(matches!(late.await, Err(ClientError::Timeout { .. })));
    client.send("answer it now", ())?;
    client.once("answered").await?;
    assert_eq!(client.send_with_ack("question", 2).await?.values(), [json!("own")]);
    assert_eq!(client.stray_packets(), 1);
    client.close().await?;
    Ok(())
}
