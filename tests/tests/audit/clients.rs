//! What the test has left behind.

use socketio_fixtures::{hello, peer};
use socketio_harness::{
    App, CloseReason, Error, Leftover, Result, close, create_app, create_socketio_client,
};

use super::only;

#[tokio::test]
async fn a_client_that_was_never_closed_fails_the_test() -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).name("alice").await?;
    let error = close(app).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the app was not left in order:\n  alice was never closed: `client.close().await?` before \
         the app, or `close(app).disconnect_clients()`"
    );
    // The server went all the same.
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    Ok(())
}

#[tokio::test]
async fn a_client_whose_end_the_test_did_not_see_is_told_with_the_reason() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).name("alice").ready("auth").await?;
    let neighbour = create_socketio_client(&app).ready("auth").await?;
    client.send("leave", ())?;
    // Looking is no wait for its end.
    while client.connected() {
        neighbour.send_with_ack("message-with-ack", ()).await?;
    }
    neighbour.close().await?;
    let error = close(app).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the app was not left in order:\n  alice was disconnected (io server disconnect), and the \
         test did not look: await `client.disconnected()` or `client.expect_disconnect(..)`, or \
         close it"
    );
    Ok(())
}

#[tokio::test]
async fn clients_that_were_closed_dropped_or_known_to_have_ended_are_in_order() -> Result {
    let app = create_app(peer::router()).await?;
    let closed = create_socketio_client(&app).await?;
    closed.close().await?;
    drop(create_socketio_client(&app).await?);
    let ended = create_socketio_client(&app).await?;
    ended.send("leave", ())?;
    ended.disconnected().await?;
    let report = close(app).report().await;
    assert_eq!(report.failures().count(), 0, "{report}");
    Ok(())
}

#[tokio::test]
async fn clients_may_be_left_to_be_disconnected() -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).await?;
    close(app).disconnect_clients().await?;
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    Ok(())
}

#[tokio::test]
async fn events_nobody_read_and_acks_nobody_gave_are_warnings_unless_strict() -> Result {
    let leave = async |strict: bool| -> Result<App> {
        let app = create_app(peer::router());
        let app = if strict { app.strict() } else { app }.await?;
        let client = create_socketio_client(&app).ready("auth").await?;
        client.send("burst", 2)?;
        client.send("ask", ())?;
        client.once("question").await?;
        drop(client.send_with_ack("nobody-answers", ()));
        client.send_with_ack("message-with-ack", ()).await?;
        client.close().await?;
        Ok(app)
    };
    let expected = [
        "client 1 was given no ack of its \"nobody-answers\", and did not wait for it",
        "client 1 never acked \"question\"",
        "client 1 never read \"tick\" (2 of them)",
    ];
    let report = close(leave(false).await?).report().await;
    assert_eq!(report.warnings().map(Leftover::to_string).collect::<Vec<_>>(), expected);
    assert_eq!(report.failures().count(), 0);
    close(leave(false).await?).await?;
    for strict in [close(leave(false).await?).strict(), close(leave(true).await?)] {
        let Err(Error::Leftovers(report)) = strict.await else { panic!("strict is strict") };
        assert_eq!(report.failures().map(Leftover::to_string).collect::<Vec<_>>(), expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_was_not_left_is_named() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    let custom = client.of("/custom").await?;
    custom.once("auth").await?;
    client.close().await?;
    let report = close(app).report().await;
    assert!(only(&report).to_string().starts_with("client 1 in \"/custom\" was never closed"));
    Ok(())
}
