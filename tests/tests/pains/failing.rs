//! Failures on purpose.

use std::time::Duration;

use serde_json::{Value, json};
use socketio_fixtures::peer;
use socketio_harness::{
    CloseReason, IntoTarget, Reconnection, Result, close, create_app, create_socketio_client,
};
use socketio_tests::gate::Gate;
use socketio_tests::{back_in, connections_become, node_peer};

/// A client that no longer answers pings is given up by the server: after 45 seconds, at once.
#[tokio::test(start_paused = true)]
async fn pain_16_a_ping_timeout_can_be_caused() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).timeout(Duration::from_mins(2)).await?;

    client.answer_pings(false)?;
    let reason = client.disconnected().await?;
    assert!(matches!(reason, CloseReason::TransportClose), "{reason}");

    client.close().await?;
    close(app).await
}

/// A connection is gone from one moment to the next, without a word to the server.
#[tokio::test]
async fn pain_16_a_transport_error_can_be_caused() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;

    client.drop_connection();
    let reason = client.disconnected().await?;
    assert!(matches!(reason, CloseReason::TransportError(_)), "{reason}");

    client.close().await?;
    close(app).await
}

/// The connection is cut, the client comes back when the test lets it, and the server resumes the
/// session.
#[tokio::test]
async fn pain_17_connection_recovery_is_exercised() -> Result {
    let app = create_app(node_peer("peer.js").env("RECOVERY", "1")).await?;
    let network = Gate::open();
    let client = create_socketio_client((&app).into_target()?.connector(network.clone()))
        .reconnection(Reconnection::new().delay(Duration::from_millis(1)))
        .await?;
    // Recovery resumes after the last event received.
    client.once("auth").await?;
    let id = client.id();

    network.shut();
    client.drop_connection();
    connections_become(&app, |held: &Value| held.pointer("/sockets/~1") == Some(&json!(0))).await;
    network.reopen();

    let recovered = (id.clone(), true);
    assert_eq!(back_in("/", &mut client.connection_events()).await?, recovered);
    assert_eq!((client.id(), client.recovered()), recovered);

    client.close().await?;
    close(app).await
}
