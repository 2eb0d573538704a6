//! What clients had sent that are gone, and those that come back.

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{App, Result, SocketIoClient, close, create_app, create_socketio_client};
use socketio_tests::{Via, quickly};
use tokio::time::Instant;

/// Does not arrive at once.
const LARGE: Bytes = Bytes::from_static(&[7; 1 << 20]);

#[rstest]
#[tokio::test]
async fn what_a_dropped_client_had_sent_is_waited_for(
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;
    say_twice(&client)?;
    drop(client);
    counts_twice(&app).await;
    close(app).await
}

#[tokio::test]
async fn what_a_client_had_sent_whose_close_nobody_awaits_is_waited_for() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    say_twice(&client)?;
    drop(client.close());
    counts_twice(&app).await;
    assert!(app.for_client(&client).try_received("message").times(1).await.is_err());
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_client_had_sent_to_a_simulated_app_is_waited_for() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("message", ())?;
    drop(client);
    assert!(app.try_received("message").times(0).await.is_err(), "it came");
    close(app).await
}

fn say_twice(client: &SocketIoClient) -> Result {
    client.send("message", ())?;
    client.send("burst", LARGE)?;
    Ok(client.send("message", ())?)
}

async fn counts_twice(app: &App) {
    assert!(app.try_received("message").times(1).await.is_err(), "it came twice");
    app.received("message").times(2).await;
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_client_is_the_same_after_a_reconnection(
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client =
        create_socketio_client(&app).transports(via.transports()).reconnection(quickly()).await?;
    let first = client.id();
    client.send("message", 1)?;
    app.for_client(&client).received("message").times(1).await;

    client.drop_connection();
    let same = app.for_client(&client);
    client.send("message", 2)?;
    // Looks on from before the client is back.
    same.emitted("auth").times(2).await;
    let both = same.received("message").times(2).await;
    assert_eq!([both[0].args(), both[1].args()], [[json!(1)], [json!(2)]]);
    assert_eq!(client.ids().so_far(), [first, client.id()]);

    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn an_event_is_a_clients_as_soon_as_it_learns_its_id() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).reconnection(quickly()).ready("auth").await?;
    // So long does only the server know it, and says nothing after it.
    let late = app.faults().latency(Duration::from_millis(50));
    let start = Instant::now();
    client.drop_connection();
    app.for_client(&client).emitted("auth").times(2).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());

    drop(late);
    client.close().await?;
    close(app).await
}
