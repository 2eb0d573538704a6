//! In virtual time nothing is taken on trust: an absence is proved by everything having come to rest.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::{
    App, Result, SocketIoClient, close, create_app, create_socketio_client, event, group,
};
use socketio_tests::Via;
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use tokio::time::Instant;

/// `slow` works on, always ready to, for a thousand turns; `late` waits for a second; each then
/// emits `done` to everybody.
async fn boot() -> Result<App> {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("slow", async |socket: SocketRef, Data::<u64>(number)| {
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            socket.broadcast().emit("done", &number).await.ok();
            socket.emit("done", &number).ok();
        });
        socket.on("late", async |socket: SocketRef, Data::<u64>(number)| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            socket.emit("done", &number).ok();
        });
    });
    create_app(axum::Router::new().layer(layer)).simulated().await
}

async fn connect(app: &App, via: Via) -> Result<SocketIoClient> {
    Ok(create_socketio_client(app).transports(via.transports()).await?)
}

/// A fence would have been answered long before the handler came to its emit.
#[rstest]
#[tokio::test(start_paused = true)]
async fn a_handler_at_work_is_waited_for(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = boot().await?;
    let client = connect(&app, via).await?;

    client.expect_none("done").await;
    client.send("slow", 1)?;
    let wrong = client.try_expect_none("done").await;
    let error = wrong.expect_err("the handler emits it").to_string();
    assert!(error.starts_with("expected no event \"done\"\n  it came\n"), "{error}");
    client.expect("done").times(1).await;
    client.expect_none(event("done").args(json!([2]))).await;
    app.emitted("done").times(1).await;

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn who_gets_nothing_is_proved_for_a_group(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = boot().await?;
    let [alice, bob] = [connect(&app, via).await?, connect(&app, via).await?];
    let both = group([&alice, &bob]);

    alice.send("slow", 1)?;
    both.try_expect_none("done").await.expect_err("both get it");
    both.expect_all("done").await;
    bob.send("late", 2)?;
    let late = event("done").args(json!([2]));
    both.expect_none(late.clone()).await;
    both.expect_only([&bob], late).await;

    alice.close().await?;
    bob.close().await?;
    close(app).await
}

/// What only the passing of time can bring has not been sent; the proof moves the clock by a
/// millisecond, not further.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_time_has_not_been_sent() -> Result {
    let app = boot().await?;
    let client = connect(&app, Via::Websocket).await?;
    let begun = Instant::now();

    client.send("late", 1)?;
    client.expect_none("done").await;
    app.emitted("done").times(0).await;
    assert!(begun.elapsed() < Duration::from_millis(10), "{:?}", begun.elapsed());
    client.expect("done").await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());

    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_proves_nothing() -> Result {
    let app = boot().await?;
    let client = connect(&app, Via::Websocket).await?;
    client.pause_reading()?;
    client.send("slow", 1)?;
    let error = client.try_expect_none("done").await.unwrap_err().to_string();
    assert!(error.contains("pause_reading() is in force"), "{error}");
    client.resume_reading()?;
    client.expect("done").await;
    client.close().await?;
    close(app).await
}
