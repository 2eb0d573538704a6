//! The end of a connection, and its refusal.

use rstest::rstest;
use serde_json::json;
use socketio_harness::{CloseReason, Result, close, create_socketio_client};
use socketio_tests::Peer;

#[rstest]
#[tokio::test]
async fn the_reason_of_a_disconnection(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).await?;
    let ended = client.expect_disconnect(CloseReason::ServerDisconnect);
    client.send("leave", ())?;
    ended.await;
    client.expect_disconnect("io server disconnect").await;
    let wrong = client.try_expect_disconnect(CloseReason::PingTimeout).await;
    let error = wrong.expect_err("the server ended it").to_string();
    assert!(error.contains("it was disconnected: io server disconnect"), "{error}");
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_message_and_the_data_of_a_refusal() -> Result {
    let app = Peer::Node.boot().await?;
    let refused = || create_socketio_client(&app).namespace("/refused");
    refused().expect_connect_error("not allowed").await;
    let payload = json!({"message": "not allowed", "data": {"code": 7}});
    assert_eq!(refused().expect_connect_error(payload.clone()).await, payload);
    let wrong = refused().try_expect_connect_error(json!({"message": "not allowed"})).await;
    assert!(wrong.expect_err("there is data, too").to_string().contains("data"));

    let client = create_socketio_client(&app).await?;
    client.of("/refused").expect_connect_error("not allowed").await;
    client.of("/nowhere").expect_connect_error("Invalid namespace").await;
    client.close().await?;
    close(app).await
}
