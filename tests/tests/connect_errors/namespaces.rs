//! The connection opens, and the namespace is refused.

use std::time::Duration;

use serde_json::json;
use socketio_fixtures::{hello, peer};
use socketio_harness::{Result, close, create_app, create_socketio_client};
use socketio_tests::{Peer, node_peer, scripted};

use crate::{BOTH, Failure, says};

#[tokio::test]
async fn the_namespace_does_not_exist() -> Result {
    for app in [create_app(hello::router()).await?, create_app(node_peer("peer.js")).await?] {
        for transport in BOTH {
            let error = create_socketio_client(&app)
                .namespace("/nope")
                .transports([transport])
                .await
                .unwrap_err();
            assert!(matches!(error, Failure::InvalidNamespace { .. }), "{error}");
            says(&error, &["no namespace \"/nope\"", "agrees on both sides"]);
        }
        close(app).await?;
    }
    Ok(())
}

#[tokio::test]
async fn python_says_of_no_namespace_what_is_wrong() -> Result {
    let app = Peer::Python.boot().await?;
    for transport in BOTH {
        let error = create_socketio_client(&app)
            .namespace("/nope")
            .transports([transport])
            .await
            .unwrap_err();
        let text = "connect_error on namespace \"/nope\": Unable to connect";
        assert_eq!(error.to_string(), text);
    }
    close(app).await
}

#[tokio::test]
async fn a_middleware_refuses() -> Result {
    for peer in [Peer::Node, Peer::Python] {
        let app = peer.boot().await?;
        let error = create_socketio_client(&app).namespace("/refused").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "connect_error on namespace \"/refused\": not allowed {\"code\":7}"
        );
        let Failure::ConnectError { data, .. } = error else { panic!("{error}") };
        assert_eq!(data, Some(json!({"code": 7})));
        close(app).await?;
    }

    let rust = create_app(peer::router()).await?;
    let error = create_socketio_client(&rust).namespace("/refused").await.unwrap_err();
    assert_eq!(error.to_string(), "connect_error on namespace \"/refused\": not allowed");
    close(rust).await
}

#[tokio::test]
async fn a_server_refuses_with_a_bare_string() -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        socket.next().await;
        socket.text("44\"Unable to connect\"").await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let error = create_socketio_client(target).await.unwrap_err();
    assert_eq!(error.to_string(), "connect_error on namespace \"/\": Unable to connect");
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_accepts_the_namespace() -> Result {
    let script = async |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let timeout = Duration::from_secs(1);
    let error = create_socketio_client(target).timeout(timeout).await.unwrap_err();
    assert!(matches!(error, Failure::Timeout { .. }), "{error}");
    says(&error, &["the CONNECT reply of namespace \"/\"", "middleware", "→ CONNECT"]);
    Ok(())
}
