//! Getting in: the first moments of a connection, and who may come in.

use serde_json::{Value, json};
use socketio_fixtures::{hello, peer};
use socketio_harness::{ClientError, Result, close, create_app, create_socketio_client};
use socketio_tests::{Peer, http_get};
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

/// Handlers are there when the client is: whatever is sent in the first moment is answered.
#[tokio::test]
async fn pain_01_emitting_straight_after_connect_needs_no_sleep() -> Result {
    let app = create_app(hello::router()).await?;
    for _ in 0..100 {
        let client = create_socketio_client(&app).await?;
        let sum = client.send_with_ack("myEvent", (1, 2, 3)).await?;
        assert_eq!(sum.values(), [json!({"name": "harry", "result": 6})]);
        client.close().await?;
    }
    close(app).await
}

/// A server that registers its handlers late says when it is done, and the client waits for that.
#[tokio::test]
async fn pain_02_a_server_that_registers_late_gets_the_first_event_all_the_same() -> Result {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        // The CONNECT reply has gone out before this runs.
        tokio::task::yield_now().await;
        socket.on("first", async |socket: SocketRef, Data::<Value>(it)| {
            socket.emit("echo", &it).ok();
        });
        socket.emit("ready", &()).ok();
    });
    let app = create_app(axum::Router::new().layer(layer)).await?;

    let client = create_socketio_client(&app).ready("ready").await?;
    client.send("first", "heard")?;
    assert_eq!(client.once("echo").await?.args(), [json!("heard")]);

    client.close().await?;
    close(app).await
}

/// A refusal is an error with what the server said, and what it attached.
#[tokio::test]
async fn pain_18_a_refused_client_is_told_why() -> Result {
    let app = Peer::Node.boot().await?;

    let error = create_socketio_client(&app).namespace("/refused").await.unwrap_err();
    let ClientError::ConnectError { message, data, .. } = error else { panic!("{error}") };
    assert_eq!(message, "not allowed");
    assert_eq!(data, Some(json!({"code": 7})));
    close(app).await
}

/// Whatever the handshake carries is the client's to choose, and the server's to see.
#[tokio::test]
async fn pain_19_cookies_headers_query_and_auth_reach_the_handshake() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app)
        .header("cookie", "session=abc; theme=dark")
        .query("room", "1")
        .auth(json!({"token": "123"}))
        .await?;

    let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
    assert_eq!(seen["headers"]["cookie"], "session=abc; theme=dark");
    assert_eq!(seen["query"]["room"], "1");
    assert_eq!(seen["auth"], json!({"token": "123"}));

    client.close().await?;
    close(app).await
}

/// The application's own router is the subject, its other routes included: nothing to wire.
#[tokio::test]
async fn pain_28_the_application_is_booted_as_it_is() -> Result {
    let health = axum::routing::get(async || "fine");
    let application = hello::router().route("/health", health);

    let app = create_app(application).await?;
    let client = create_socketio_client(&app).await?;
    assert_eq!(http_get(&app, "/health").await, "fine");
    assert_eq!(client.send_with_ack("noEmit", ()).await?.values(), [json!({"a": 1})]);

    client.close().await?;
    close(app).await
}
