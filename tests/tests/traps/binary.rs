//! Attachments before, between and after text.

use bytes::Bytes;
use serde_json::json;
use socketio_harness::{Event, Result, SocketIoClient, Transport, close, create_socketio_client};
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};

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
