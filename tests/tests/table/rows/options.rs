//! What a client is made with.

use std::time::Duration;

use serde_json::{Value, json};
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, Engine, Parser, Protocol, Reconnection, Result, Transport, Upgrade, close,
    create_app, create_socketio_clients,
};
use socketio_tests::{Peer, Via, back_in, node_peer, python_peer, tls};

use crate::{Column, handshake, name, sees};

pub(super) async fn query_headers_and_auth(column: &Column) -> Result {
    let auth = json!({"token": "123", "nested": {"list": [1, null]}});
    let client = column
        .client()
        .query("room", "a b&c=ü")
        .query("empty", "x")
        .header("x-test", "one")
        .header("cookie", "a=b")
        .auth(&auth)
        .await?;
    let seen = handshake(&client).await?;
    sees(&seen, "/query/room", "a b&c=ü");
    sees(&seen, "/query/empty", "x");
    sees(&seen, "/query/EIO", "4");
    sees(&seen, "/headers/x-test", "one");
    sees(&seen, "/headers/cookie", "a=b");
    sees(&seen, "/headers/host", format!("127.0.0.1:{}", column.app.port()));
    sees(&seen, "/auth", auth);
    Ok(client.close().await?)
}

pub(super) async fn none(column: &Column) -> Result {
    let client = column.client().await?;
    let seen = handshake(&client).await?;
    assert!(client.connected());
    // What socketioxide keeps when a CONNECT has no payload is null.
    assert!(matches!(seen.pointer("/auth"), Some(Value::Null | Value::Object(_))), "{seen}");
    sees(&seen, "/id", client.id());
    assert_eq!(seen.pointer("/headers/cookie"), None);
    client.close().await?;
    assert!(!client.connected());
    Ok(())
}

pub(super) async fn names(column: &Column) -> Result {
    let client = column.client().name("harry").await?;
    assert_eq!(client.name(), "harry");
    client.close().await?;
    let client = column.client().await?;
    assert!(client.name().starts_with("client "), "{}", client.name());
    Ok(client.close().await?)
}

pub(super) async fn namespaces(column: &Column) -> Result {
    let auth = json!({"by": "option"});
    let url = format!("{}/custom?room=1", column.app.url());
    let main = column.client().await?;
    assert_eq!(main.namespace(), "/");
    for client in [
        column.client().namespace("custom").auth(&auth).await?,
        column.client_of(url).auth(&auth).await?,
        main.of("/custom").auth(&auth).await?,
    ] {
        assert_eq!(client.namespace(), "/custom");
        assert_eq!(client.once("auth").await?.args(), std::slice::from_ref(&auth));
        let seen = handshake(&client).await?;
        sees(&seen, "/id", client.id());
        sees(&seen, "/auth", auth.clone());
        client.close().await?;
    }
    assert!(main.connected(), "the namespace leaves the connection to the others");
    Ok(main.close().await?)
}

pub(super) async fn path(column: &Column) -> Result {
    if column.peer == Peer::Rust && column.parser == Parser::MessagePack {
        // The same code as on the other parser, in the client and in socketioxide.
        return Ok(());
    }
    let elsewhere = |child: socketio_harness::ChildProcess| {
        child.env("SOCKETIO_PATH", "/testPath").env("PARSER", name(column.parser))
    };
    let app = match column.peer {
        Peer::Rust => create_app(peer::at_path("/testPath")).path("/testPath").await?,
        Peer::Node => create_app(elsewhere(node_peer("peer.js"))).path("/testPath").await?,
        Peer::Python => create_app(elsewhere(python_peer("peer.py"))).path("/testPath").await?,
    };
    let by_app = column.client_of(&app).await?;
    let by_option = column.client_of(app.port()).path("testPath").await?;
    for client in [by_app, by_option] {
        sees(&handshake(&client).await?, "/id", client.id());
        client.close().await?;
    }
    close(app).await
}

pub(super) async fn address(column: &Column) -> Result {
    let elsewhere = column.client_of("http://nowhere.invalid:1");
    let client = elsewhere.host("127.0.0.1").port(column.app.port()).await?;
    let seen = handshake(&client).await?;
    sees(&seen, "/headers/host", format!("127.0.0.1:{}", column.app.port()));
    Ok(client.close().await?)
}

pub(super) async fn transports(column: &Column) -> Result {
    let client = column.client().transports(column.via.transports()).await?;
    if column.via == Via::Upgrade {
        client.upgraded().await?;
    }
    let last = if column.via == Via::Polling { Transport::Polling } else { Transport::Websocket };
    assert_eq!(client.transport(), last);
    sees(&handshake(&client).await?, "/transport", last.name());
    Ok(client.close().await?)
}

pub(super) async fn timeout(column: &Column) -> Result {
    // Long enough for a busy machine to connect in.
    let client = column.client().timeout(Duration::from_secs(6)).await?;
    client.once("auth").await?;
    // Nothing else is coming: the clock need not be waited for.
    tokio::time::pause();
    let error = client.once("never").await.expect_err("a failure");
    tokio::time::resume();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("did not come within 6s"), "{error}");
    client.close().await?;
    let error = column.client().timeout(Duration::ZERO).await.expect_err("a failure");
    assert!(error.to_string().contains("did not come within 0ns"), "{error}");
    Ok(())
}

pub(super) async fn ready(column: &Column) -> Result {
    let client = column.client().ready("auth").await?;
    client.send("message", ())?;
    client.once("message-back").await?;
    let again = client.once("auth").timeout(Duration::ZERO).await.expect_err("a failure");
    assert!(matches!(again, ClientError::Timeout { .. }), "{again}");
    Ok(client.close().await?)
}

pub(super) async fn engine(column: &Column) -> Result {
    let second = column.client().engine(Engine::RustSocketio).await;
    if column.via == Via::Websocket && column.parser == Parser::Default {
        let client = second?;
        client.send("message", 1)?;
        assert_eq!(client.once("message-back").await?.args(), [json!(1)]);
        client.close().await?;
    } else {
        let error = second.expect_err("a refusal");
        assert!(matches!(error, ClientError::Unsupported { .. }), "{error}");
    }
    Ok(())
}

pub(super) async fn protocol_and_parser(column: &Column) -> Result {
    let client = column.client().protocol(Protocol::V4).parser(column.parser).await?;
    client.send("message", 1)?;
    assert_eq!(client.once("message-back").await?.args(), [json!(1)]);
    client.close().await?;
    // The old one is spoken by the JavaScript server alone.
    if column.peer == Peer::Node {
        let client = column.client().protocol(Protocol::V3).await?;
        sees(&handshake(&client).await?, "/query/EIO", "3");
        client.close().await?;
    } else {
        column.client().protocol(Protocol::V3).await.expect_err("another protocol");
    }
    Ok(())
}

pub(super) async fn upgrade(column: &Column) -> Result {
    let client = column.client().upgrade(Upgrade::OnRequest).await?;
    let first = if column.via == Via::Websocket { "websocket" } else { "polling" };
    sees(&handshake(&client).await?, "/transport", first);
    client.upgrade();
    if column.via == Via::Polling {
        // It was given one transport, and keeps to it.
        client.fence().await?;
        sees(&handshake(&client).await?, "/transport", "polling");
    } else {
        client.upgraded().await?;
        sees(&handshake(&client).await?, "/transport", "websocket");
    }
    Ok(client.close().await?)
}

pub(super) async fn root_certificate(column: &Column) -> Result {
    let (port, certificate) = tls::encrypt(&column.app).await;
    let secure = || column.client_of(format!("https://localhost:{port}"));
    let client = secure().root_certificate(certificate).await?;
    sees(&handshake(&client).await?, "/id", client.id());
    client.close().await?;
    let error = secure().await.expect_err("a failure").to_string();
    assert!(error.contains("certificate"), "{error}");
    Ok(())
}

pub(super) async fn many(column: &Column) -> Result {
    let (transports, parser) = (column.via.transports(), column.parser);
    let clients = create_socketio_clients(&column.app, 10)
        .each(move |number, client| {
            let client = client.transports(transports.clone()).parser(parser);
            client.auth(json!({"number": number}))
        })
        .await?;
    assert_eq!(clients.len(), 10);
    for (number, client) in clients.iter().enumerate() {
        sees(&handshake(client).await?, "/auth/number", number);
    }
    for client in clients {
        client.close().await?;
    }
    Ok(())
}

pub(super) async fn reconnection(column: &Column) -> Result {
    let client = column.client().reconnection(soon()).await?;
    client.once("auth").await?;
    let seen = handshake(&client).await?;
    assert_eq!(seen.pointer("/headers/cookie"), None);
    let first = client.id();
    let mut events = client.connection_events();
    client.drop_connection();
    let (second, recovered) = back_in("/", &mut events).await?;
    assert!(second != first && !recovered && !client.recovered());
    assert_eq!(client.ids().so_far(), [first, second.clone()]);
    client.once("auth").await?;
    let seen = handshake(&client).await?;
    sees(&seen, "/id", second);
    let cookie = seen.pointer("/headers/cookie").and_then(Value::as_str).unwrap_or_default();
    // What the server has set comes back. socketioxide sets none, and no server on a websocket of
    // its own but python-socketio's.
    if column.peer != Peer::Rust && column.via != Via::Websocket {
        assert!(cookie.starts_with("io="), "{seen}");
    }
    client.close().await?;
    recovery(column).await
}

/// Kept sessions are an offer of the JavaScript server alone.
async fn recovery(column: &Column) -> Result {
    if column.peer != Peer::Node {
        return Ok(());
    }
    let node = node_peer("peer.js").env("RECOVERY", "1").env("PARSER", name(column.parser));
    let app = create_app(node).await?;
    let client = column.client_of(&app).reconnection(soon()).await?;
    // Its last argument tells where to go on.
    client.once("auth").await?;
    if column.via == Via::Upgrade {
        // In the middle of it the server does not notice that the client goes.
        client.upgraded().await?;
    }
    let (id, mut events) = (client.id(), client.connection_events());
    client.drop_connection();
    assert_eq!(back_in("/", &mut events).await?, (id.clone(), true));
    assert!(client.recovered());
    assert_eq!(client.ids().so_far(), [id]);
    client.close().await?;
    close(app).await
}

fn soon() -> Reconnection {
    Reconnection::new()
        .delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(10))
        .factor(1.5)
        .jitter(0.5)
        .seed(7)
        .attempts(50)
}
