//! The test: written once, with no word about what it talks to.

use bytes::Bytes;
use serde_json::json;
use socketio_harness::{
    AppBuilder, ClientError, CloseReason, Result, assert_emitted, assert_not_emitted, close,
    create_socketio_client, group,
};

/// Tests the peer, whatever it is, and returns what was said, without what differs from run to
/// run.
pub(crate) async fn converse(app: AppBuilder) -> Result<String> {
    let app = app.strict().await?;
    let alice = create_socketio_client(&app).name("alice").ready("auth").await?;

    // Events.
    alice.send("message", (1, "two", json!({"three": [3]})))?;
    assert_emitted!(alice, "message-back", [1, "two", {"three": [3]}]);

    // Acks, of either side.
    let ack = alice.send_with_ack("message-with-ack", ("a", 1)).await?;
    assert_eq!(ack.values(), [json!("a"), json!(1)]);
    alice.send("ask", "how many?")?;
    alice.once("question").await?.ack(42)?;
    assert_emitted!(alice, "answer", [42]);

    // Binary.
    let data = Bytes::from_static(&[0, 0x1e, 0xff]);
    alice.send("echo-bin", json!({"name": "x"}).to_string())?;
    alice.once("echo-bin").await?;
    alice.send("echo-bin", (&data, "and", &data))?;
    assert_eq!(alice.once("echo-bin").await?.attachments(), [data.clone(), data]);

    // Namespaces.
    let custom = alice.of("/custom").await?;
    custom.once("auth").await?;
    assert_eq!(custom.send_with_ack("message-with-ack", ()).await?.values(), [] as [&str; 0]);
    custom.close().await?;
    let refused = alice.of("/refused").await.expect_err("it lets nobody in");
    assert!(matches!(refused, ClientError::ConnectError { .. }), "{refused}");

    // A broadcast, to all but its sender.
    let bob = create_socketio_client(&app).name("bob").ready("auth").await?;
    let carol = create_socketio_client(&app).name("carol").ready("auth").await?;
    alice.send("broadcast", ("news", 1))?;
    assert_emitted!(bob, "news", [1]);
    assert_emitted!(carol, "news", [1]);
    assert_not_emitted!(alice, "news");

    // The end, by the server and by the client.
    bob.send("leave", ())?;
    assert_eq!(bob.disconnected().await?, CloseReason::ServerDisconnect);
    alice.send_with_ack("message-with-ack", ()).await?;

    let said = group([&alice, &bob, &carol]).redacted().to_string();
    for client in [alice, bob, carol] {
        client.close().await?;
    }
    close(app).await?;
    Ok(said)
}
