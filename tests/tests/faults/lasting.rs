//! Faults that hold until their guard is dropped.

use std::time::Duration;

use futures::future::try_join_all;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_fixtures::peer;
use socketio_harness::{
    App, ClientError, Latency, Result, SocketIoClient, close, create_app, create_socketio_client,
};
use socketio_tests::{Peer, Via};
use tokio::time::Instant;

/// So short that a test may wait for it in vain.
const MOMENT: Duration = Duration::from_millis(100);

async fn echoes(client: &SocketIoClient, value: Value) -> Result {
    let answer = client.send_with_ack("message-with-ack", &value).await?;
    assert_eq!(answer.values(), [value]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn what_was_sent_into_a_frozen_network_arrives_when_it_heals(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    if via == Via::Upgrade {
        client.upgraded().await?;
    }
    echoes(&client, json!("before")).await?;

    let frozen = app.faults().freeze();
    client.send("message", "during")?;
    let back = client.once("message-back");
    let error = client.once("message-back").timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    frozen.heal();
    assert_eq!(back.await?.args(), [json!("during")]);
    echoes(&client, json!("after")).await?;

    client.close().await?;
    let faults = app.faults().clone();
    close(app).await?;
    assert_eq!(faults.open_connections(), 0);
    Ok(())
}

#[tokio::test]
async fn nothing_connects_through_a_frozen_network_until_it_heals() -> Result {
    let app = create_app(peer::router()).await?;
    let frozen = app.faults().freeze();
    let error = create_socketio_client(&app).timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error}");
    let connecting = tokio::spawn(create_socketio_client(&app).into_future());
    frozen.heal();
    let client = connecting.await.expect("no panic")?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_refused_connection_says_so_and_those_that_are_open_go_on() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let refusing = app.faults().refuse();
    let error = create_socketio_client(&app).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    echoes(&client, json!(1)).await?;
    refusing.heal();
    let second = create_socketio_client(&app).await?;
    second.close().await?;
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn latency_delays_each_way(#[values(Via::Websocket, Via::Polling)] via: Via) -> Result {
    const DELAY: Duration = Duration::from_millis(60);
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let slow = app.faults().latency(Latency::new(DELAY).jitter(DELAY).seed(3));
    let start = Instant::now();
    echoes(&client, json!(1)).await?;
    assert!(start.elapsed() >= DELAY * 2, "{:?}", start.elapsed());
    // Those on their way do not wait for each other.
    let start = Instant::now();
    let questions = (0..100).map(|n| echoes(&client, json!(n)));
    try_join_all(questions).await?;
    assert!(start.elapsed() < DELAY * 100, "{:?}", start.elapsed());
    slow.heal();
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn jitter_never_changes_the_order() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let jitter = Latency::new(Duration::ZERO).jitter(Duration::from_millis(5)).seed(11);
    let _slow = app.faults().latency(jitter);
    for number in 0..50 {
        client.send("message", number)?;
        tokio::task::yield_now().await;
    }
    for number in 0..50 {
        assert_eq!(client.once("message-back").await?.args(), [json!(number)]);
    }
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_narrow_connection_takes_its_time() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let narrow = app.faults().bandwidth(100_000);
    let start = Instant::now();
    // 20 kB there and back at 100 kB/s.
    echoes(&client, json!("x".repeat(20_000))).await?;
    assert!(start.elapsed() >= Duration::from_millis(350), "{:?}", start.elapsed());
    drop(narrow);
    echoes(&client, json!("x".repeat(1_000_000))).await?;
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn chopped_bytes_are_the_same_bytes(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
    #[values(1, 7)] size: usize,
) -> Result {
    let app = peer.boot().await?;
    let _chopped = app.faults().chop(size);
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    for number in 0..20 {
        echoes(&client, json!([number, "€𝄞", "x".repeat(number * 10)])).await?;
    }
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn everything_at_once_still_arrives_in_order(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let faults = app.faults();
    let latency = Latency::new(Duration::from_millis(2)).jitter(Duration::from_millis(3));
    let _held = (faults.latency(latency), faults.chop(100), faults.bandwidth(1_000_000));
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    client.send("burst", 1_000)?;
    for number in 0..1_000 {
        assert_eq!(client.once("tick").await?.args(), [json!(number)]);
    }
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn one_client_can_have_a_network_of_its_own() -> Result {
    let app = create_app(peer::router()).await?;
    let tunnel = app.faults().apart();
    let commuter = create_socketio_client(&tunnel).await?;
    let neighbour = create_socketio_client(&app).await?;
    let _frozen = tunnel.freeze();
    echoes(&neighbour, json!(1)).await?;
    let error = commuter.send_with_ack("message-with-ack", 1).timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    neighbour.close().await?;
    // Closing the app heals the network: the commuter's farewell arrives.
    let closing: Result<()> =
        futures::try_join!(async { Ok(commuter.close().await?) }, close(app)).map(|_| ());
    closing
}

#[tokio::test]
async fn an_app_in_a_frozen_network_closes_all_the_same() -> Result {
    let app: App = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let frozen = app.faults().freeze();
    let start = Instant::now();
    drop(client);
    close(app).await?;
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    drop(frozen);
    Ok(())
}
