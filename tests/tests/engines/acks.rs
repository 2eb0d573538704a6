//! The ack ids of rust_socketio are drawn from 999 numbers: two that wait at a time could cross.

use std::time::Duration;

use futures::future::try_join_all;
use serde_json::json;
use socketio_harness::{ClientError, Engine, Result, scaled};
use socketio_tests::scripted::{self, Websocket};

use crate::client;

/// Acks each question with its event, and tells which events came without a request for an ack.
async fn serve(mut socket: Websocket) {
    socket.accept().await;
    while let Some(text) = socket.next().await {
        let Some((id, event)) = text.strip_prefix("42").and_then(|text| text.split_once('['))
        else {
            continue;
        };
        if id.is_empty() {
            socket.text(&format!("42[\"saw\",{event:?}]")).await;
        } else if event.starts_with("\"question\"") {
            socket.text(&format!("43{id}[{event:?}]")).await;
        }
    }
}

#[tokio::test]
async fn more_acks_than_there_are_ids_find_their_questions() -> Result {
    let target = scripted::websocket(serve).await.expect("a listener");
    // One answer after the other, within one deadline.
    let client = client(target, Engine::RustSocketio).timeout(scaled(Duration::from_secs(30)));
    let client = client.await?;
    let answers = (0..1_100).map(|number| client.send_with_ack("question", number));
    for (number, answer) in try_join_all(answers).await?.iter().enumerate() {
        assert_eq!(answer.values(), [json!(format!("\"question\",{number}]"))]);
    }
    assert_eq!(client.stray_packets(), 0);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_request_waits_for_the_answer_before_and_keeps_its_place() -> Result {
    let target = scripted::websocket(serve).await.expect("a listener");
    let client = client(target, Engine::RustSocketio).await?;
    let (lost, kept) = (client.send_with_ack("lost", 1), client.send_with_ack("question", 2));
    client.send("event", 3)?;
    // Nobody waits for its answer any more, so it leaves as an event like others.
    drop(kept);
    for expected in ["\"question\",2]", "\"event\",3]"] {
        assert_eq!(client.once("saw").await?.args(), [json!(expected)]);
    }
    client.close().await?;
    assert!(matches!(lost.await, Err(ClientError::Disconnected { .. })));
    Ok(())
}
