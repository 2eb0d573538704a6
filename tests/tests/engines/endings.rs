//! How a connection fails, and how it ends, is told alike on either engine.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::{ClientError, CloseReason, Engine, ReservedPort, Result, close, create_app};
use socketio_tests::{Peer, scripted};
use tokio::sync::mpsc;

use crate::client;

/// A busy machine has connected by then.
const SHORT: Duration = Duration::from_secs(1);

#[rstest]
#[tokio::test]
async fn each_failure_to_connect_has_its_error(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
) -> Result {
    let app = create_app(socketio_fixtures::peer::router()).await?;
    let error = client(&app, engine).path("/elsewhere").await.unwrap_err();
    assert!(matches!(error, ClientError::NotSocketIo { .. }), "{error}");
    assert!(error.to_string().contains("404"), "{error}");
    close(app).await?;
    let port = ReservedPort::pick()?;
    let error = client(port.number(), engine).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");

    let target = scripted::http("").await.expect("a listener");
    let error = client(target, engine).timeout(SHORT).await.unwrap_err();
    assert!(matches!(error, ClientError::Silent { after: SHORT, .. }), "{error}");

    let target = scripted::http("SSH-2.0-OpenSSH_9.2\r\n").await.expect("a listener");
    let error = client(target, engine).await.unwrap_err();
    assert!(matches!(error, ClientError::NotSocketIo { .. }), "{error}");

    let script = async |mut socket: scripted::Websocket| {
        socket.text(scripted::OPEN).await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    // Long enough for the open packet to come on a busy machine.
    let error = client(target, engine).timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("the CONNECT reply of namespace \"/\""), "{error}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_refused_namespace_is_told_from_one_that_does_not_exist(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let error = client(&app, engine).namespace("/nope").await.unwrap_err();
    assert!(matches!(error, ClientError::InvalidNamespace { .. }), "{error}");
    let error = client(&app, engine).namespace("/refused").await.unwrap_err();
    let ClientError::ConnectError { message, data, .. } = error else { panic!("{error}") };
    assert_eq!(message, "not allowed");
    assert_eq!(data, (peer == Peer::Node).then(|| json!({"code": 7})));
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_disconnect_by_the_server_ends_every_wait(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
    #[values("leave", "kick")] event: &str,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;
    let (ack, once) = (client.send_with_ack("nobody-answers", 1), client.once("never"));
    client.send(event, ())?;
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    for error in [ack.await.map(|_| ()).unwrap_err(), once.await.map(|_| ()).unwrap_err()] {
        assert!(
            matches!(
                error,
                ClientError::Disconnected { reason: CloseReason::ServerDisconnect, .. }
            ),
            "{error}"
        );
    }
    assert!(!client.connected());
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_lost_connection_ends_every_wait(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;
    // An answer shows that the ack's request has left.
    let (ack, once) = (client.send_with_ack("nobody-answers", 1), client.once("never"));
    client.send("message", 2)?;
    client.once("message-back").await?;
    close(app).disconnect_clients().await?;
    let lost = |reason: &CloseReason| {
        matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_))
    };
    let reason = client.disconnected().await?;
    // socket.io says goodbye first.
    let goodbye = peer == Peer::Node && reason == CloseReason::ServerDisconnect;
    assert!(lost(&reason) || goodbye, "{reason}");
    for error in [ack.await.map(|_| ()).unwrap_err(), once.await.map(|_| ()).unwrap_err()] {
        assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    }
    let error = client.send("message", 3).unwrap_err();
    assert!(matches!(error, ClientError::NotConnected { .. }), "{error}");
    client.close().await?;
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_dropped_connection_is_lost_at_once(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = client(&app, engine).await?;
    client.drop_connection();
    let reason = client.disconnected().await?;
    assert_eq!(reason, CloseReason::TransportError("dropped by the client".into()));
    if peer == Peer::Node {
        socketio_tests::no_client_is_left_in(&app).await;
    }
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn what_was_sent_before_the_close_leaves_before_it(
    #[values(Engine::Native, Engine::RustSocketio)] engine: Engine,
) -> Result {
    let (came, mut coming) = mpsc::unbounded_channel();
    let script = async move |mut socket: scripted::Websocket| {
        socket.accept().await;
        while let Some(text) = socket.next().await {
            // Heartbeat and close packets are the engine's own affair.
            if text.starts_with('4') && !text.starts_with("40") {
                came.send(text).expect("the test listens");
            }
        }
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = client(target, engine).await?;
    let _ack = client.send_with_ack("question", 0);
    for number in 1..=100 {
        client.send("event", number)?;
    }
    client.close().await?;
    let mut frames = Vec::new();
    while let Some(text) = coming.recv().await {
        frames.push(text);
    }
    let question = frames.remove(0);
    assert!(question.starts_with("42") && question.ends_with("[\"question\",0]"), "{question}");
    let mut expected: Vec<_> = (1..=100).map(|n| format!("42[\"event\",{n}]")).collect();
    expected.push("41".into());
    assert_eq!(frames, expected);
    Ok(())
}
