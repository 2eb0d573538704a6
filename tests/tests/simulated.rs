//! An app in memory, in virtual time: what takes minutes takes no time, and happens in the same
//! order on every run.

use std::time::{Duration, Instant as WallInstant};

use axum::Router;
use axum::routing::any;
use futures::{FutureExt, TryStreamExt};
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::{hello, peer};
use socketio_harness::{
    App, ClientError, CloseReason, ConnectionEvent, Error, Reconnection, Result, Transport, close,
    create_app, create_socketio_client,
};
use socketio_tests::frames::frames;
use socketio_tests::{Peer, Via};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use tokio::runtime::Builder;
use tokio::time::Instant as VirtualInstant;

/// Runs a scenario again and again, each time in a runtime of its own, and compares what is told.
///
/// What it takes is told by the quickest: a busy machine may have done anything beside a run, but
/// what the scenario waits for or works on is part of each.
fn is_the_same<F>(times: usize, scenario: impl Fn() -> F)
where
    F: Future<Output = Result<String>>,
{
    let run = || {
        let begun = WallInstant::now();
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be built");
        let told = runtime.block_on(scenario()).expect("the scenario works");
        (told, begun.elapsed())
    };
    let (expected, mut quickest) = run();
    for number in 1..times {
        let (told, took) = run();
        assert_eq!(told, expected, "run {number}");
        quickest = quickest.min(took);
    }
    assert!(quickest < NO_TIME, "the quickest run took {quickest:?}");
}

async fn simulated(router: Router) -> Result<App> {
    create_app(router).simulated().await
}

#[test]
fn a_connect_timeout_of_45_seconds_passes_at_once() {
    is_the_same(A_THOUSAND_TIMES, async || {
        let silent = Router::new().route("/socket.io/", any(std::future::pending::<String>));
        let app = simulated(silent).await?;
        let start = VirtualInstant::now();
        let error =
            create_socketio_client(&app).timeout(Duration::from_secs(45)).await.unwrap_err();
        assert!(matches!(error, ClientError::Silent { .. }), "{error}");
        let took = start.elapsed();
        assert_eq!(took, Duration::from_secs(45));
        close(app).await?;
        Ok(format!("{took:?} {error}"))
    });
}

#[test]
fn a_server_that_falls_silent_is_noticed_after_25_and_20_seconds() {
    is_the_same(A_THOUSAND_TIMES, async || {
        let app = simulated(hello::router()).await?;
        let client = create_socketio_client(&app).timeout(Duration::from_mins(1)).await?;
        let start = VirtualInstant::now();
        client.pause_reading()?;
        let reason = client.disconnected().await?;
        assert_eq!(reason, CloseReason::PingTimeout);
        let took = start.elapsed();
        assert_eq!(took, Duration::from_secs(45));
        close(app).await?;
        Ok(format!("{took:?} {reason}\n{}", frames(&client.transcript())))
    });
}

#[test]
fn a_client_that_falls_silent_is_given_up_by_the_server() {
    is_the_same(A_THOUSAND_TIMES, async || {
        let app = simulated(hello::router()).await?;
        let client = create_socketio_client(&app).timeout(Duration::from_mins(2)).await?;
        client.answer_pings(false)?;
        let start = VirtualInstant::now();
        let reason = client.disconnected().await?;
        assert_eq!(reason, CloseReason::TransportClose);
        let took = start.elapsed();
        close(app).await?;
        Ok(format!("{took:?} {reason}\n{}", frames(&client.transcript())))
    });
}

#[test]
fn ten_reconnection_delays_pass_at_once() {
    is_the_same(A_THOUSAND_TIMES, async || {
        let app = simulated(hello::router()).await?;
        let plan = Reconnection::new().attempts(10);
        let client =
            create_socketio_client(&app).reconnection(plan).timeout(Duration::from_mins(1)).await?;
        let start = VirtualInstant::now();
        close(app).disconnect_clients().await?;
        let events: Vec<_> = client.connection_events().try_collect().await?;
        assert_eq!(events.last(), Some(&ConnectionEvent::ReconnectFailed));
        assert!(start.elapsed() > Duration::from_secs(20), "{:?}", start.elapsed());
        Ok(format!("{:?} {events:?}\n{}", start.elapsed(), frames(&client.transcript())))
    });
}

#[test]
fn a_conversation_is_the_same_on_every_run() {
    is_the_same(100, async || {
        let app = simulated(peer::router()).await?;
        let mut conversations = String::new();
        let polling = [Transport::Polling];
        let first = create_socketio_client(&app).transports(polling).ready("auth").await?;
        let second = create_socketio_client(&app).ready("auth").await?;
        for number in 0..10 {
            first.send("broadcast", ("news", number))?;
            second.send("message", number)?;
            second.once("news").await?;
            second.once("message-back").await?;
        }
        for client in [first, second] {
            client.close().await?;
            conversations += &frames(&client.transcript());
        }
        close(app).await?;
        Ok(conversations)
    });
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn every_transport_works(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(hello::router()).simulated().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
    if via == Via::Upgrade {
        client.upgraded().await?;
    }
    client.close().await?;
    assert_eq!(app.open_connections(), Some(0));
    assert_eq!((app.addr(), app.url().as_str()), (None, "http://simulated:80"));
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_when_all_has_settled_is_not_coming() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("burst", 1_000)?;
    client.settle().await?;
    let mut ticks = client.on("tick");
    for _ in 0..1_000 {
        ticks.next().now_or_never().expect("all have come")?;
    }
    assert!(ticks.next().now_or_never().is_none());
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn settling_lets_no_time_pass_that_a_handler_waits_for() -> Result {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        tokio::time::sleep(Duration::from_secs(10)).await;
        socket.emit("late", &()).ok();
    });
    let app = create_app(Router::new().layer(layer)).simulated().await?;
    let client = create_socketio_client(&app).await?;
    let mut late = Box::pin(client.once("late").timeout(Duration::from_mins(1)));
    client.settle().await?;
    assert!((&mut late).now_or_never().is_none());
    late.await?;
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn over_a_port_a_fence_shows_that_all_has_come(
    #[values(Via::Websocket, Via::Polling)] via: Via,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let sender = create_socketio_client(&app).ready("auth").await?;
    let receiver = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;
    for number in 0..100 {
        sender.send("broadcast", ("news", number))?;
        // The server has told the others before it acks.
        sender.send_with_ack("message-with-ack", ()).await?;
        receiver.settle().await?;
        let news = receiver.once("news").now_or_never().expect("it is there")?;
        assert_eq!(news.args(), [json!(number)]);
    }
    assert!(receiver.connected());
    assert_eq!(app.clients().len(), 2);
    sender.close().await?;
    receiver.close().await?;
    close(app).strict().await
}

#[tokio::test]
async fn a_clock_that_runs_is_refused_with_the_remedy() {
    let error = create_app(hello::router()).simulated().await.unwrap_err();
    assert!(matches!(error, Error::Clock { .. }));
    assert!(error.to_string().contains("#[tokio::test(start_paused = true)]"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_is_refused_for_a_port() {
    let error = create_app(hello::router()).await.unwrap_err();
    assert!(error.to_string().contains(".simulated()"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_a_service_can_be_simulated() {
    let app = create_app("http://127.0.0.1:3000").simulated();
    let error = app.await.unwrap_err().to_string();
    assert!(error.starts_with(".simulated() is not for a URL: "), "{error}");
}

const A_THOUSAND_TIMES: usize = 1_000;

/// What a scenario of minutes takes at most.
const NO_TIME: Duration = Duration::from_millis(50);
