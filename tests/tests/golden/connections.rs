//! What the recordings tell of connections in words alone; acted out with the toolkit's client.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use socketio_fixtures::layer::Counts;
use socketio_fixtures::reference::{App, Config, build};
use socketio_harness::{ClientError, Result, close, create_app, create_socketio_client, scaled};
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use tokio_tungstenite::tungstenite::Message;

use crate::player::Kind;
use crate::stage::Stage;

/// 09: the session and the sockets of a connection share one id, of 16 characters.
/// socketioxide makes it, and has no switch for another; see the table of deviations.
#[tokio::test]
async fn one_id_for_the_session_and_its_sockets() -> Result {
    let stage = Stage::set("01-hello-sum", Kind::Toolkit).await?;
    let client = create_socketio_client(stage.app()).await?;
    let opened = client.transcript().to_string();
    assert!(opened.contains(&format!("\"sid\":\"{}\"", client.id())), "{opened}");
    assert_eq!(client.id().len(), 16);
    assert!(client.id().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    let other = client.of("/myNamespace").await?;
    assert_eq!(other.id(), client.id());
    other.close().await?;
    client.close().await?;
    stage.strike().await
}

/// 20: each connection that cannot be made is an error of its own, and nothing waits for ever.
#[tokio::test]
async fn what_cannot_be_connected_is_told() -> Result {
    let reference = build::<LocalAdapter>(&Config::default(), (), App::Base);
    let app = create_app(reference.router).await?;

    let refused = create_socketio_client(&app).namespace("/nope").await;
    assert!(matches!(refused, Err(ClientError::InvalidNamespace { .. })), "{refused:?}");

    let client = create_socketio_client(&app).await?;
    let failed: Value = client.send_with_ack("throws", ()).await?.parse()?;
    assert_eq!(failed, json!({ "error": { "name": "Error", "message": "boom" } }));

    for reserved in ["connect", "connect_error", "disconnect", "disconnecting"] {
        assert!(client.send(reserved, ()).is_err(), "{reserved} is reserved");
    }

    // Emitted before anybody asks for it.
    client.send("b.emit", ())?;
    client.send_with_ack("noEmit", ()).await?;
    let late = client.once("hello").await?;
    assert_eq!(late.args(), [json!("can you hear me?"), json!(1), json!(2), json!("abc")]);

    client.close().await?;
    let closed = client.send("hello", ());
    assert!(matches!(closed, Err(ClientError::NotConnected { .. })), "{closed:?}");
    assert!(client.send_with_ack("hello", ()).await.is_err());

    let port = app.port();
    close(app).await?;
    let nobody = create_socketio_client(port).await;
    assert!(matches!(nobody, Err(ClientError::Unreachable { .. })), "{nobody:?}");
    Ok(())
}

/// 22: namespaces share a connection if the test says so; the connection ends with the last.
#[tokio::test]
async fn namespaces_that_share_a_connection_are_one_connection() -> Result {
    let reference = build::<LocalAdapter>(&Config::default(), (), App::Namespaces);
    let app = create_app(reference.router).await?;
    let io = reference.io;

    let c1 = create_socketio_client(&app).await?;
    assert_eq!(io.connections(), 1);
    let c2 = c1.of("/test").await?;
    assert_eq!(io.connections(), 1);
    let c3 = create_socketio_client(&app).await?;
    assert_eq!(io.connections(), 2);
    let c4 = c1.of("/dynamic-1").await?;
    assert_eq!(io.connections(), 2);

    c1.close().await?;
    // Answered on the same connection, behind the leaving.
    c2.of("/a-fence").await.expect_err("there is no such namespace");
    assert_eq!((io.connections(), io.clients("/")), (2, 1));
    c2.close().await?;
    c4.close().await?;
    connections_become(&io, 1).await;

    c3.close().await?;
    close(app).await
}

async fn connections_become(io: &SocketIo, count: usize) {
    let becoming = async {
        while io.connections() != count {
            tokio::task::yield_now().await;
        }
    };
    let became = tokio::time::timeout(scaled(Duration::from_secs(5)), becoming).await;
    assert!(became.is_ok(), "{} connections, not {count}", io.connections());
}

/// 23: a connection that joins no namespace is closed, without a code.
#[tokio::test]
async fn a_connection_that_joins_no_namespace_is_closed() -> Result {
    let connect_timeout = Duration::from_millis(300);
    let config = Config { connect_timeout, ..Config::default() };
    let reference = build::<LocalAdapter>(&config, (), App::Base);
    let app = create_app(reference.router).await?;
    let url = format!("ws://127.0.0.1:{}/socket.io/?EIO=4&transport=websocket", app.port());

    let begun = std::time::Instant::now();
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a websocket opens");
    let mut frames = Vec::new();
    let receiving = async {
        while let Some(Ok(frame)) = socket.next().await {
            frames.push(frame);
        }
    };
    let ended = tokio::time::timeout(scaled(Duration::from_secs(5)), receiving).await;
    assert!(ended.is_ok(), "the server closes; so far it sent {frames:?}");
    assert!(begun.elapsed() >= connect_timeout, "not before {connect_timeout:?}");

    let mut frames = frames.into_iter();
    let open = frames.next().and_then(|frame| Some(frame.to_text().ok()?.to_owned()));
    let open = open.expect("the server opens with a text");
    let mut open: Value = serde_json::from_str(open.trim_start_matches('0')).expect("it is JSON");
    open["sid"].take();
    assert_eq!(
        open,
        json!({ "sid": null, "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1_000_000 })
    );
    // engineioxide pings at once, where the original waits for the interval to pass, and says
    // that it closes before it does.
    let rest: Vec<_> = frames.filter(|frame| *frame != Message::text("2")).collect();
    assert_eq!(rest, [Message::text("1"), Message::Close(None)]);
    close(app).await
}

/// 24: port 0 is a free port, on loopback.
#[tokio::test]
async fn port_0_is_a_free_port() -> Result {
    let reference = build::<LocalAdapter>(&Config::default(), (), App::Base);
    let app = create_app(reference.router).port(0).await?;
    assert_ne!(app.port(), 0);
    assert!(app.addr().is_some_and(|address| address.ip().is_loopback()));
    let client = create_socketio_client(app.port()).await?;
    client.close().await?;
    close(app).await
}
