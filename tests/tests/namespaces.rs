//! Several namespaces share one connection, and each lives its own life.

use rstest::rstest;
use serde_json::json;
use socketio_fixtures::{Limits, peer};
use socketio_harness::{ClientError, Result, close, create_app, create_socketio_client};
use socketio_tests::{Peer, Via};

#[rstest]
#[tokio::test]
async fn two_namespaces_share_one_connection(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let server = peer::server(Limits::relaxed());
    let app = create_app(server.router()).await?;
    let main = create_socketio_client(&app).transports(via.transports()).await?;
    let custom = main.of("/custom").auth(json!({"token": "abc"})).await?;
    assert_eq!(custom.namespace(), "/custom");
    assert_eq!(custom.once("auth").await?.args(), [json!({"token": "abc"})]);
    assert_eq!((server.sockets("/"), server.sockets("/custom")), (1, 1));
    if via == Via::Websocket {
        assert_eq!(app.open_connections(), Some(1));
    }
    let (one, two) = futures::try_join!(
        main.send_with_ack("message-with-ack", "main"),
        custom.send_with_ack("message-with-ack", "custom"),
    )?;
    assert_eq!((one.values(), two.values()), (&[json!("main")][..], &[json!("custom")][..]));
    main.close().await?;
    custom.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn closing_one_keeps_the_others(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(true, false)] main_first: bool,
) -> Result {
    let app = peer.boot().await?;
    let main = create_socketio_client(&app).await?;
    let custom = main.of("/custom").await?;
    let (first, second) = if main_first { (&main, &custom) } else { (&custom, &main) };
    first.close().await?;
    assert!(!first.connected() && second.connected());
    assert!(matches!(first.send("message", ()), Err(ClientError::NotConnected { .. })));
    second.send_with_ack("message-with-ack", ()).await?;
    second.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn events_do_not_cross(#[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer) -> Result {
    let app = peer.boot().await?;
    let main = create_socketio_client(&app).await?;
    let custom = main.of("/custom").await?;
    custom.send("message", "for custom")?;
    assert_eq!(custom.once("message-back").await?.args(), [json!("for custom")]);
    // The greeting is all that ever came to the main namespace: an answer fences what was before.
    main.send_with_ack("message-with-ack", ()).await?;
    let mut all = main.on_any();
    assert_eq!(all.next().await?.name(), "auth");
    main.close().await?;
    custom.close().await?;
    assert!(all.next().await.is_err());
    close(app).await
}

#[tokio::test]
async fn a_dropped_namespace_is_left_and_can_be_joined_again() -> Result {
    let server = peer::server(Limits::relaxed());
    let app = create_app(server.router()).await?;
    let main = create_socketio_client(&app).await?;
    let custom = main.of("/custom").await?;
    let error = main.of("/custom").await.unwrap_err();
    assert!(error.to_string().contains("\"/custom\" is connected already"), "{error}");

    // A greeting under way would be taken for the next one's.
    custom.once("auth").await?;
    drop(custom);
    // socketioxide ignores a CONNECT that overtakes the end of the socket before it.
    while server.sockets("/custom") > 0 {
        tokio::task::yield_now().await;
    }
    let again = main.of("/custom").await?;
    // The new one begins with a greeting of its own, and with nothing of the old one.
    again.send_with_ack("message-with-ack", ()).await?;
    assert_eq!(server.sockets("/custom"), 1);
    let mut all = again.on_any();
    assert_eq!(all.next().await?.name(), "auth");
    main.close().await?;
    again.close().await?;
    assert!(all.next().await.is_err());
    close(app).await
}

#[tokio::test]
async fn a_namespace_that_was_just_left_can_be_joined_again() -> Result {
    // socketioxide ignores a CONNECT that overtakes the end of the socket before it, and Node's
    // server ends the connection.
    let app = Peer::Python.boot().await?;
    let main = create_socketio_client(&app).await?;
    let custom = main.of("/custom").await?;
    custom.close().await?;
    let again = main.of("/custom").await?;
    assert_eq!(again.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    assert_eq!(main.stray_packets(), 0);
    main.close().await?;
    again.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_refused_namespace_keeps_the_connection(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let main = create_socketio_client(&app).await?;
    let error = main.of("/nope").await.unwrap_err();
    if peer == Peer::Python {
        // python-socketio has no words of its own for a namespace that does not exist.
        assert_eq!(error.to_string(), "connect_error on namespace \"/nope\": Unable to connect");
    } else {
        assert!(matches!(error, ClientError::InvalidNamespace { .. }), "{error}");
    }
    let error = main.of("/refused").await.unwrap_err();
    assert!(matches!(error, ClientError::ConnectError { .. }), "{error}");
    main.send_with_ack("message-with-ack", ()).await?;
    main.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_closed_connection_takes_no_further_namespace() -> Result {
    let app = create_app(peer::router()).await?;
    let main = create_socketio_client(&app).await?;
    main.close().await?;
    let error = main.of("/custom").await.unwrap_err();
    assert!(matches!(error, ClientError::NotConnected { .. }), "{error}");
    close(app).await
}
