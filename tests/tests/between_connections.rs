//! What a client does between two connections, of which it makes the second by itself, and what of
//! the first must not reach the second.

use std::time::Duration;

use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    App, ClientError, CloseReason, ConnectionEvent, Fault, Result, SocketIoClient, close,
    create_app, create_socketio_client,
};
use socketio_tests::quickly;
use socketio_tests::scripted::{self, Listener};

#[tokio::test]
async fn a_namespace_may_be_joined_while_there_is_no_connection() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    client.drop_connection();
    let custom = client.of("/custom").await?;
    assert_eq!(custom.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    client.close().await?;
    custom.close().await?;
    close(app).await
}

/// Cuts every connection and refuses new ones; resolves when the client knows of it.
async fn cut_off(app: &App, client: &SocketIoClient) -> Result<Fault> {
    let refused = app.faults().refuse();
    app.faults().cut();
    let mut events = client.connection_events();
    while !matches!(events.next().await?, ConnectionEvent::Disconnected { .. }) {}
    Ok(refused)
}

#[tokio::test(start_paused = true)]
async fn who_joins_a_namespace_in_vain_is_told_that_there_is_no_connection() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let goes_on = create_socketio_client(&app).reconnection(quickly()).await?;
    let refused = cut_off(&app, &goes_on).await?;
    let error = goes_on.of("/custom").await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("the connection is down, and is being made"), "{error}");
    refused.heal();
    goes_on.connection_events().reconnected().await?;

    let plan = quickly().delay(Duration::from_secs(1)).attempts(1);
    let gives_up = create_socketio_client(&app).reconnection(plan).await?;
    let _refused = cut_off(&app, &gives_up).await?;
    let error = gives_up.of("/custom").await.unwrap_err();
    let ClientError::Disconnected { reason, .. } = &error else { return Err(error.into()) };
    assert_ne!(*reason, CloseReason::Dropped, "{error}");
    goes_on.close().await?;
    gives_up.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_sent_is_refused_at_once() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    let _refused = cut_off(&app, &client).await?;
    let error = client.send("disconnect", ()).unwrap_err();
    assert!(matches!(error, ClientError::Protocol(_)), "{error}");
    let error = client.send_with_ack("disconnect", ()).await.unwrap_err();
    assert!(matches!(error, ClientError::Protocol(_)), "{error}");
    client.close().await?;
    close(app).await
}

/// The numbers of acks begin anew with each connection.
#[tokio::test]
async fn an_ack_of_the_connection_before_is_not_taken_for_one_of_this() -> Result {
    let script = async move |listener: Listener| {
        let Some(mut before) = listener.websocket().await else { return };
        before.accept().await;
        before.text(r#"420["question"]"#).await;
        let Some(mut after) = listener.websocket().await else { return };
        after.accept().await;
        // The event that waited for the connection, and a mark.
        after.next().await;
        after.text(r#"42["asked"]"#).await;
        after.next().await;
        after.text("430[1]").await;
        after.tell_next().await;
        after.drain().await;
    };
    let target = scripted::listener(script).await.expect("a listener");
    let client = create_socketio_client(target).reconnection(quickly()).await?;
    let question = client.once("question").await?;
    let lost = client.send_with_ack("lost", ());
    client.drop_connection();
    let kept = client.send_with_ack("kept", ());
    client.once("asked").await?;

    lost.await.expect_err("its connection has ended");
    let error = question.ack("late").unwrap_err();
    assert!(error.to_string().contains("a connection that has ended since"), "{error}");
    client.send("go", ())?;
    assert_eq!(kept.await?.values(), [json!(1)]);
    client.send("last", ())?;
    assert_eq!(client.once("saw").await?.args(), [json!("42[\"last\"]")], "nothing was acked");
    client.close().await?;
    Ok(())
}
