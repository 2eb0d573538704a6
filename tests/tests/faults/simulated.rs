//! Faults under virtual time: what they do is exact, and the same on every run.

use std::future::IntoFuture;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use futures::FutureExt;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::{Limits, peer};
use socketio_harness::{
    App, CloseReason, Error, Gone, Latency, Result, SocketIoClient, close, create_app,
    create_socketio_client,
};
use socketio_tests::Via;
use socketio_tests::frames::frames;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any of these tests waits.
const HOUR: Duration = Duration::from_hours(1);

async fn app() -> Result<App> {
    create_app(peer::router()).simulated().await
}

/// A client whose waits take as long as they take.
async fn client(app: &App, via: Via) -> Result<SocketIoClient> {
    let client = create_socketio_client(app).transports(via.transports()).timeout(HOUR).await?;
    if via == Via::Upgrade {
        client.upgraded().await?;
    }
    client.settle().await?;
    Ok(client)
}

async fn question(client: &SocketIoClient, size: usize) -> Result<Duration> {
    let start = Instant::now();
    client.send_with_ack("message-with-ack", "x".repeat(size)).await?;
    Ok(start.elapsed())
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn latency_takes_its_time_each_way_and_no_more(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = app().await?;
    let client = client(&app, via).await?;
    let slow = app.faults().latency(2 * SECOND);
    assert_eq!(question(&client, 1).await?, 4 * SECOND);
    slow.heal();
    assert_eq!(question(&client, 1).await?, Duration::ZERO);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn what_is_under_way_arrives_in_its_order_when_a_latency_heals(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = app().await?;
    let client = client(&app, via).await?;
    let start = Instant::now();
    let slow = app.faults().latency(Latency::new(HOUR).jitter(HOUR));
    for number in 0..10 {
        client.send("message", number)?;
    }
    // All of it has left the client then.
    tokio::time::sleep(SECOND).await;
    slow.heal();
    for number in 0..10 {
        assert_eq!(client.once("message-back").await?.args(), [json!(number)]);
    }
    assert_eq!(start.elapsed(), SECOND);
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn each_latency_heals_alone() -> Result {
    let app = app().await?;
    let client = client(&app, Via::Websocket).await?;
    let start = Instant::now();
    let (slow, slower) = (app.faults().latency(3 * SECOND), app.faults().latency(HOUR));
    let mut answer = client.send_with_ack("message-with-ack", 1);
    tokio::time::sleep(SECOND).await;
    assert!((&mut answer).now_or_never().is_none());
    slower.heal();
    answer.await?;
    assert_eq!(start.elapsed(), 6 * SECOND);

    let start = Instant::now();
    let answer = client.send_with_ack("message-with-ack", 1);
    tokio::time::sleep(SECOND).await;
    slow.heal();
    // It is for what leaves from now on.
    let _other = app.faults().latency(SECOND);
    answer.await?;
    assert_eq!(start.elapsed(), 2 * SECOND);
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_being_opened_is_open_when_a_latency_heals() -> Result {
    let app = app().await?;
    let start = Instant::now();
    let slow = app.faults().latency(HOUR);
    let connecting = create_socketio_client(&app).timeout(HOUR);
    let connecting = tokio::spawn(connecting.into_future());
    tokio::time::sleep(SECOND).await;
    slow.heal();
    let client = connecting.await.expect("no panic")?;
    assert_eq!(start.elapsed(), SECOND);
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn a_narrow_connection_carries_what_it_carries_and_no_more() -> Result {
    let app = app().await?;
    let client = client(&app, Via::Websocket).await?;
    let narrow = app.faults().bandwidth(1_000);
    // 5,000 bytes and a few each way. The websocket's header is masked on the way up alone.
    let took = question(&client, 5_000).await?;
    assert!(took > 10 * SECOND && took < 11 * SECOND, "{took:?}");
    narrow.heal();
    assert_eq!(question(&client, 5_000).await?, Duration::ZERO);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn nothing_moves_in_a_frozen_network_however_long_it_stays_so(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = app().await?;
    let client = client(&app, via).await?;
    let frozen = app.faults().freeze();
    let mut answer = client.send_with_ack("message-with-ack", 1);
    client.settle().await?;
    assert!((&mut answer).now_or_never().is_none());
    // Less than the heartbeat takes to miss it.
    tokio::time::sleep(15 * SECOND).await;
    assert!((&mut answer).now_or_never().is_none());
    frozen.heal();
    client.settle().await?;
    assert_eq!(answer.now_or_never().expect("it has come")?.values(), [json!(1)]);
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn settling_waits_for_what_the_network_still_carries() -> Result {
    let app = app().await?;
    let (sender, receiver) =
        (client(&app, Via::Websocket).await?, client(&app, Via::Polling).await?);
    let _slow = app.faults().latency(Latency::new(SECOND).jitter(SECOND).seed(7));
    for number in 0..3 {
        sender.send("broadcast", ("news", number))?;
        receiver.settle().await?;
        let news = receiver.once("news").now_or_never().expect("it has come")?;
        assert_eq!(news.args(), [json!(number)]);
    }
    sender.close().await?;
    receiver.close().await?;
    close(app).await
}

#[rstest]
#[case::a_server_that_has_gone(Gone::Server, CloseReason::PingTimeout)]
#[case::a_client_that_has_gone(Gone::Client, CloseReason::TransportClose)]
#[tokio::test(start_paused = true)]
async fn half_open_connections_are_missed_by_the_heartbeat(
    #[case] gone: Gone,
    #[case] expected: CloseReason,
) -> Result {
    let app = app().await?;
    let client = client(&app, Via::Websocket).await?;
    let start = Instant::now();
    let _gone = app.faults().half_open(gone);
    assert_eq!(client.disconnected().await?, expected);
    if gone == Gone::Server {
        // The last ping came before the client settled.
        let took = start.elapsed();
        assert!(took > 44 * SECOND && took <= 45 * SECOND, "{took:?}");
    }
    client.close().await?;
    app.all_disconnected().await?;
    close(app).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_close_still_leaves(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let server = peer::server(Limits::relaxed());
    let app = create_app(server.router()).simulated().await?;
    let (hearer, client) = (client(&app, Via::Websocket).await?, client(&app, via).await?);
    let _narrow = app.faults().bandwidth(1_000_000);
    // Two seconds' worth more than the buffers on the way take at once.
    client.send("broadcast", ("news", "x".repeat(3_000_000)))?;
    client.close().await?;
    hearer.settle().await?;
    assert!(hearer.once("news").now_or_never().is_some(), "it has come");
    assert_eq!(server.sockets("/"), 1);
    hearer.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_busy_elsewhere_hears_of_a_close() -> Result {
    let server = peer::server(Limits::relaxed());
    let busy = async |request: Request, next: Next| {
        if request.method() == Method::POST {
            tokio::time::sleep(2 * SECOND).await;
        }
        next.run(request).await
    };
    let app = create_app(server.router().layer(from_fn(busy))).simulated().await?;
    let client = client(&app, Via::Polling).await?;
    assert_eq!(server.sockets("/"), 1);
    client.close().await?;
    assert_eq!(server.sockets("/"), 0);
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_last_connection_has_an_end() -> Result {
    let app = app().await?;
    let client = client(&app, Via::Websocket).await?;
    let error = app.all_disconnected().await.expect_err("the client stays");
    let Error::StillConnected { connections, .. } = &error else { panic!("{error}") };
    assert_eq!(connections.len(), 1, "{error}");
    client.close().await?;
    app.all_disconnected().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_times_and_another_one_others() -> Result {
    async fn conversation(seed: u64) -> Result<String> {
        let app = app().await?;
        let client = client(&app, Via::Polling).await?;
        let jitter = Latency::new(SECOND).jitter(SECOND).seed(seed);
        let _faults = (app.faults().latency(jitter), app.faults().bandwidth(10_000));
        for number in 0..10 {
            client.send("message", json!([number, "x".repeat(1_000)]))?;
            client.once("message-back").await?;
        }
        let told = frames(&client.transcript());
        client.close().await?;
        close(app).await?;
        Ok(told)
    }
    let first = conversation(1).await?;
    for _ in 0..20 {
        assert_eq!(conversation(1).await?, first);
    }
    assert_ne!(conversation(2).await?, first);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_relay_is_refused_by_name() -> Result {
    let app = app().await?;
    let Err(error) = app.faults().relay() else { panic!("a relay in memory") };
    assert!(matches!(error, Error::Option { .. }));
    assert!(error.to_string().starts_with(".relay() is not for a simulated app: "), "{error}");
    close(app).await
}
