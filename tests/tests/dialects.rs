//! Servers that speak another dialect: the protocol's older version, or packets as `MessagePack`.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use rstest::rstest;
use serde_json::json;
use socketio_harness::{
    App, ClientBuilder, ClientError, CloseReason, Event, Parser, Protocol, Result, close,
    create_app, create_socketio_client,
};
use socketio_tests::{Via, node_peer};

/// A server's dialect, and the option that makes the client speak it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Engine.IO 3 with the packets of Socket.IO 2.
    Old,
    MessagePack,
}

impl Dialect {
    async fn boot(self) -> Result<App> {
        let peer = node_peer("peer.js");
        create_app(match self {
            Self::Old => peer.env("ALLOW_EIO3", "1"),
            Self::MessagePack => peer.env("PARSER", "msgpack"),
        })
        .await
    }

    fn speak(self, app: &App, via: Via) -> ClientBuilder {
        let client = create_socketio_client(app).transports(via.transports());
        match self {
            Self::Old => client.protocol(Protocol::V3),
            Self::MessagePack => client.parser(Parser::MessagePack),
        }
    }
}

#[rstest]
#[tokio::test]
async fn events_acks_and_binary_travel(
    #[values(Dialect::Old, Dialect::MessagePack)] dialect: Dialect,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = dialect.boot().await?;
    let client = dialect.speak(&app, via).await?;
    assert!(!client.id().is_empty());

    let data = Bytes::from_static(b"\x00\x04\x1e\xff");
    let args = (1, "zwei €𝄞", json!({"3": [true, null, -1.5]}), &data, vec![data.clone()]);
    client.send("message", &args)?;
    let echo: (u8, String, serde_json::Value, Bytes, Vec<Bytes>) =
        client.once("message-back").await?.parse()?;
    assert_eq!((echo.0, &echo.1[..], &echo.2), (1, args.1, &args.2));
    assert_eq!((&echo.3, &echo.4), (&data, &vec![data.clone()]));
    let ack = client.send_with_ack("message-with-ack", (&data, 7)).await?;
    assert_eq!(ack.parse::<(Bytes, u8)>()?, (data, 7));
    assert!(client.send_with_ack("message-with-ack", ()).await?.is_empty());

    client.send("ask", "why?")?;
    client.once("question").await?.ack(("because", 2))?;
    assert_eq!(client.once("answer").await?.args(), [json!("because"), json!(2)]);

    client.send("burst", 1_000)?;
    let ticks: Vec<Event> = client.on("tick").take(1_000).try_collect().await?;
    for (expected, tick) in ticks.iter().enumerate() {
        assert_eq!(tick.parse::<usize>()?, expected);
    }
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn namespaces_are_joined_left_and_refused(
    #[values(Dialect::Old, Dialect::MessagePack)] dialect: Dialect,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = dialect.boot().await?;
    let main = dialect.speak(&app, via).await?;
    let custom = main.of("/custom").await?;
    assert_eq!(custom.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    let error = main.of("/nope").await.unwrap_err();
    assert!(matches!(error, ClientError::InvalidNamespace { .. }), "{error}");
    custom.close().await?;
    assert_eq!(main.send_with_ack("message-with-ack", 2).await?.values(), [json!(2)]);

    let alone = dialect.speak(&app, via).namespace("/custom").await?;
    assert_eq!(alone.send_with_ack("message-with-ack", 3).await?.values(), [json!(3)]);
    alone.send("kick", ())?;
    assert_eq!(alone.disconnected().await?, CloseReason::ServerDisconnect);
    main.close().await?;
    alone.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_server_that_speaks_another_version_says_so() -> Result {
    let app = create_app(node_peer("peer.js")).await?;
    let error = Dialect::Old.speak(&app, Via::Polling).await.unwrap_err();
    assert!(matches!(error, ClientError::SessionRefused { code: 5, .. }), "{error}");
    assert!(error.to_string().contains("Unsupported protocol version"), "{error}");
    // Over websocket, Node writes its HTTP answer behind the finished handshake.
    let error = Dialect::Old.speak(&app, Via::Websocket).await.unwrap_err();
    assert!(matches!(error, ClientError::NotSocketIo { .. }), "{error}");
    close(app).await
}

#[tokio::test]
async fn a_client_with_the_wrong_parser_is_told() -> Result {
    let app = Dialect::MessagePack.boot().await?;
    let error = create_socketio_client(&app).await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    close(app).await?;

    let app = create_app(node_peer("peer.js")).await?;
    let error = Dialect::MessagePack.speak(&app, Via::Websocket).await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    close(app).await
}
