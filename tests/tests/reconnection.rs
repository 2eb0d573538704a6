//! A client that was told to reconnects, tells what happens, and loses nothing it was given.

use std::time::Duration;

use futures::TryStreamExt;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, CloseReason, ConnectionEvent, Reconnection, Result, SocketIoClient, close,
    create_app, create_socketio_client,
};
use socketio_tests::{Peer, Via};

fn quickly() -> Reconnection {
    Reconnection::new().delay(Duration::from_millis(1)).jitter(0.0)
}

async fn reconnected(client: &SocketIoClient) -> Result {
    let mut events = client.connection_events();
    loop {
        let event = events.try_next().await?.expect("the connection comes back");
        if matches!(event, ConnectionEvent::Reconnected { .. }) {
            return Ok(());
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_dropped_connection_is_made_again(
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client =
        create_socketio_client(&app).transports(via.transports()).reconnection(quickly()).await?;
    let custom = client.of("/custom").await?;
    let id = client.id();
    let waiting = client.once("message-back");
    let unanswered = client.send_with_ack("ask", "a question that stays open");

    client.drop_connection();
    let error = unanswered.await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    // Kept until the connection is back.
    client.send("message", "after all")?;
    let ack = custom.send_with_ack("message-with-ack", 7);
    assert_eq!(waiting.await?.args(), [json!("after all")]);
    assert_eq!(ack.await?.values(), [json!(7)]);
    assert_ne!(client.id(), id);
    assert!(client.connected() && !client.recovered());

    let (delay, attempt) = (Duration::from_millis(1), 1);
    let reason = CloseReason::TransportError("dropped by the client".into());
    let mut events = client.connection_events();
    for expected in [
        ConnectionEvent::Disconnected { reason },
        ConnectionEvent::Reconnecting { attempt, delay },
        ConnectionEvent::Reconnected { attempt },
    ] {
        assert_eq!(events.try_next().await?, Some(expected));
    }
    client.close().await?;
    custom.close().await?;
    assert_eq!(events.try_next().await?, None);
    close(app).await
}

#[tokio::test]
async fn a_server_that_comes_back_is_found() -> Result {
    let app = create_app(peer::router()).await?;
    let port = app.port();
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    close(app).disconnect_clients().await?;
    let mut events = client.connection_events();
    loop {
        let event = events.try_next().await?.expect("the client goes on trying");
        if let ConnectionEvent::ReconnectError { attempt: 2, error } = event {
            assert!(error.contains("cannot connect"), "{error}");
            break;
        }
    }
    let app = create_app(peer::router()).port(port).await?;
    reconnected(&client).await?;
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_namespace_asked_for_meanwhile_is_joined_by_the_next_connection() -> Result {
    let app = create_app(peer::router()).await?;
    let port = app.port();
    let main = create_socketio_client(&app).reconnection(quickly()).await?;
    close(app).disconnect_clients().await?;
    let mut events = main.connection_events();
    while !matches!(events.try_next().await?, Some(ConnectionEvent::ReconnectError { .. })) {}
    let joining = main.of("/custom").into_future();
    let booting = create_app(peer::router()).port(port).into_future();
    let (custom, app) = futures::join!(joining, booting);
    let (custom, app) = (custom?, app?);
    assert_eq!(custom.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    custom.close().await?;
    main.close().await?;
    close(app).await
}

#[tokio::test]
async fn attempts_end_and_everybody_is_told() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).reconnection(quickly().attempts(3)).await?;
    let waiting = client.once("never");
    let kept = client.send_with_ack("message-with-ack", ());
    kept.await?;
    close(app).disconnect_clients().await?;
    let unsent = client.send_with_ack("message-with-ack", "too late");
    for error in [waiting.await.unwrap_err(), unsent.await.unwrap_err()] {
        assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    }
    let events: Vec<_> = client.connection_events().try_collect().await?;
    let errors = events.iter().filter(|e| matches!(e, ConnectionEvent::ReconnectError { .. }));
    assert_eq!(errors.count(), 3);
    assert_eq!(events.last(), Some(&ConnectionEvent::ReconnectFailed));
    assert!(matches!(client.send("message", ()), Err(ClientError::NotConnected { .. })));
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn closing_ends_the_attempts() -> Result {
    let app = create_app(peer::router()).await?;
    let slowly = Reconnection::new().delay(Duration::from_hours(1));
    let client = create_socketio_client(&app).reconnection(slowly).await?;
    close(app).disconnect_clients().await?;
    let mut events = client.connection_events();
    while !matches!(events.try_next().await?, Some(ConnectionEvent::Reconnecting { .. })) {}
    client.close().await?;
    assert_eq!(events.try_next().await?, None);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn whom_the_server_disconnects_stays_away(
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    client.send("leave", ())?;
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    assert_eq!(client.connection_events().try_next().await?, None);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn without_being_told_a_client_never_reconnects() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    client.drop_connection();
    client.disconnected().await?;
    assert_eq!(client.connection_events().try_next().await?, None);
    client.close().await?;
    close(app).await
}
