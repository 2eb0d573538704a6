//! What else passes a server: older protocols, binary ones, compressed bodies, frames in pieces.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    App, Parser, Protocol, Result, ServerPacketKind, close, create_app, create_socketio_client,
};
use socketio_tests::{Via, node_peer};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

fn assert_readable(app: &App) -> Result {
    let log = app.log()?;
    let undecodable = |kind: &_| matches!(kind, ServerPacketKind::Undecodable { .. });
    assert!(!log.packets().any(|packet| undecodable(&packet.kind)), "{log}");
    assert_eq!(log.problems(), &[] as &[String]);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn older_and_binary_protocols_are_read(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
    #[values(("ALLOW_EIO3", "1"), ("PARSER", "msgpack"))] dialect: (&str, &str),
) -> Result {
    let app = create_app(node_peer("peer.js").env(dialect.0, dialect.1)).observed().await?;
    let client = create_socketio_client(&app).transports(via.transports());
    let client = match dialect.0 {
        "PARSER" => client.parser(Parser::MessagePack),
        _ => client.protocol(Protocol::V3),
    };
    let client = client.ready("auth").await?;

    let data = Bytes::from_static(b"\x00\x1e\xff");
    client.send_with_ack("message-with-ack", ("é", &data, 7)).await?;
    client.send("emit-named", ("result", json!({"a": [1, null]}), &data))?;
    client.expect("result").await;

    app.received("message-with-ack").args(("é", &data, 7)).times(1).await;
    app.emitted("result").args((json!({"a": [1, null]}), &data)).times(1).await;
    app.for_client(&client).emitted("result").times(1).await;
    let custom = client.of("/custom").await?;
    custom.send("emit-named", ("elsewhere", 1))?;
    app.for_client(&custom).emitted("elsewhere").times(1).await;
    app.for_client(&client).emitted("elsewhere").times(0).await;
    custom.close().await?;
    assert_readable(&app)?;

    client.close().await?;
    close(app).await
}

/// Frames cut into pieces by the network, down to single bytes.
#[rstest]
#[tokio::test]
async fn bytes_may_come_one_by_one(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
    #[values(1, 3)] size: usize,
) -> Result {
    let app = create_app(peer::router()).await?;
    let _chopped = app.faults().chop(size);
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;

    let data = Bytes::from(vec![0x1e; 300]);
    client.send("echo-bin", ("€", &data))?;
    client.expect("echo-bin").await;
    app.received("echo-bin").args(("€", &data)).times(1).await;
    app.emitted("echo-bin").args(("€", &data)).times(1).await;
    assert_readable(&app)?;

    client.close().await?;
    close(app).await
}

/// A message in several frames, a ping between them (RFC 6455, "Fragmentation").
#[tokio::test]
async fn messages_may_come_in_several_frames() -> Result {
    let app = create_app(peer::router()).await?;
    let url = app.url().replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket";
    let (mut socket, _) = connect_async(url).await.expect("a websocket");
    socket.send(Message::text("40")).await.expect("it is open");
    // Emitted when the server's handlers are there.
    app.emitted("auth").await;
    let piece = |text: &'static str, opcode, last| {
        Message::Frame(Frame::message(Bytes::from_static(text.as_bytes()), opcode, last))
    };
    for message in [
        piece(r#"42["emit-na"#, OpCode::Data(Data::Text), false),
        Message::Ping(Bytes::new()),
        piece(r#"med","result","#, OpCode::Data(Data::Continue), false),
        piece("6]", OpCode::Data(Data::Continue), true),
    ] {
        socket.send(message).await.expect("it is open");
    }

    app.received("emit-named").args(json!(["result", 6])).await;
    app.emitted("result").args([6]).await;
    assert_readable(&app)?;

    socket.close(None).await.expect("it is open");
    while let Some(Ok(_)) = socket.next().await {}
    close(app).await
}

/// Compressed bodies are not read; an expectation that fails for it says so.
#[tokio::test]
async fn what_could_not_be_read_is_told_by_the_failure() -> Result {
    let app = create_app(node_peer("peer.js")).observed().await?;
    let client = create_socketio_client(&app)
        .transports(Via::Polling.transports())
        .header("accept-encoding", "gzip")
        .ready("auth")
        .await?;

    // Above engine.io's threshold of 1 KiB. The client asked for what it cannot read, and ends.
    client.send("emit-named", ("large", "x".repeat(5_000)))?;
    client.disconnected().await?;
    let error = app.try_emitted("large").within(std::time::Duration::from_millis(200)).await;
    let error = error.expect_err("it is compressed").to_string();
    assert!(error.contains("hint: the server's log is not complete: "), "{error}");
    assert!(error.contains("compressed polling bodies"), "{error}");

    client.close().await?;
    close(app).disconnect_clients().await
}
