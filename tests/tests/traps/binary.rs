//! Attachments before, between and after text.

use bytes::Bytes;
use rstest::rstest;
use serde_json::json;
use socketio_harness::{
    ClientError, CloseReason, Event, Result, SocketIoClient, Transport, close,
    create_socketio_client,
};
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use socketio_tests::{Peer, Via};

/// An event of this name that announces attachments.
fn announce(name: &str, attachments: usize) -> String {
    let placeholders = (0..attachments).map(|num| json!({"_placeholder": true, "num": num}));
    let payload: Vec<_> = std::iter::once(json!(name)).chain(placeholders).collect();
    format!("45{attachments}-{}", json!(payload))
}

/// Text, then binary with twelve attachments, a third of them empty, then text.
async fn is_understood(client: &SocketIoClient) -> Result {
    let mut events = client.on_any();
    assert_eq!(events.next().await?.args(), [json!("before")]);
    let parts: Event = events.next().await?;
    let expected: Vec<Bytes> = (0..12_u8).map(|n| vec![n; usize::from(n % 3)].into()).collect();
    assert_eq!(parts.attachments(), expected);
    assert_eq!(events.next().await?.args(), [json!("between")]);
    assert_eq!(events.next().await?.attachments(), [&[][..]]);
    assert_eq!(events.next().await?.args(), [json!("after")]);
    Ok(())
}

#[tokio::test]
async fn attachments_stand_between_text_on_a_websocket() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text(r#"42["text","before"]"#).await;
        socket.text(&announce("binary", 12)).await;
        for n in 0..12_u8 {
            // Engine.IO's own packets are no text between attachments.
            socket.text(if n % 2 == 0 { "2" } else { "6" }).await;
            socket.binary(&vec![n; usize::from(n % 3)]).await;
        }
        socket.text(r#"42["text","between"]"#).await;
        socket.text(&announce("binary", 1)).await;
        socket.binary(&[]).await;
        socket.text(r#"42["text","after"]"#).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    is_understood(&client).await?;
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn attachments_stand_between_text_in_a_polling_body() -> Result {
    let mut packets = vec![r#"42["text","before"]"#.to_owned(), announce("binary", 12)];
    let base64 = [
        "b", "bAQ==", "bAgI=", "b", "bBA==", "bBQU=", "b", "bBw==", "bCAg=", "b", "bCg==", "bCws=",
    ];
    for (part, own) in base64.into_iter().zip(["2", "6"].into_iter().cycle()) {
        packets.extend([own.to_owned(), part.to_owned()]);
    }
    packets.push(r#"42["text","between"]"#.to_owned());
    packets.extend([announce("binary", 1), "b".to_owned()]);
    packets.push(r#"42["text","after"]"#.to_owned());
    let bodies = [OPEN.to_owned(), CONNECTED.to_owned(), packets.join("\u{1e}")];
    let server = PollingServer::start(bodies).await?;
    let client = create_socketio_client(&server.app).transports([Transport::Polling]).await?;
    is_understood(&client).await?;
    client.close().await?;
    close(server.app).await
}

/// socket.io takes ten attachments, and ends the connection over an eleventh.
#[rstest]
#[case::rust(Peer::Rust, 12)]
#[case::node(Peer::Node, 10)]
#[case::python(Peer::Python, 12)]
#[tokio::test]
async fn servers_take_so_many_attachments_and_their_refusal_is_told(
    #[case] peer: Peer,
    #[case] taken: u8,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let parts = |count: u8| (0..count).map(|n| Bytes::from(vec![n; 3])).collect::<Vec<_>>();
    client.send("echo-bin", parts(taken))?;
    assert_eq!(client.once("echo-bin").await?.parse::<Vec<Bytes>>()?, parts(taken));
    if peer == Peer::Node {
        let waiting = client.send_with_ack("message-with-ack", parts(taken + 1));
        let error = waiting.await.expect_err("the end of the connection");
        assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
        let reason = client.disconnected().await?;
        let by_server = [CloseReason::TransportClose, CloseReason::ServerDisconnect];
        let broken = matches!(reason, CloseReason::TransportError(_));
        assert!(by_server.contains(&reason) || broken, "{reason}");
    }
    client.close().await?;
    close(app).await
}
