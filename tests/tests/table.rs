//! Every option and method of the client, against every peer, on every transport that applies.
//! What a server sees of an option is told by the peers' event `handshake`.

use std::time::Duration;

use axum::http::Method;
use futures::TryStreamExt;
use rstest::rstest;
use rstest_reuse::{apply, template};
use serde_json::{Value, json};
use socketio_fixtures::hello;
use socketio_harness::{
    App, ClientBuilder, ClientError, Reconnection, Result, SocketIoClient, Transport, Upgrade,
    close, create_app, create_socketio_client, create_socketio_clients,
};
use socketio_tests::polling::{Answer, PollingServer};
use socketio_tests::scripted::{CONNECTED, OPEN};
use socketio_tests::{Peer, Via, node_peer};

#[template]
#[rstest]
#[tokio::test]
async fn everywhere(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) {
}

/// Connects with some options, and asks the server what it saw of them.
async fn handshake(
    app: &App,
    via: Via,
    options: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<(SocketIoClient, Value)> {
    let builder = create_socketio_client(app).transports(via.transports());
    let client = options(builder).await?;
    let seen = client.send_with_ack("handshake", ()).await?.parse()?;
    Ok((client, seen))
}

/// A field of what the server saw, by its path.
#[track_caller]
fn sees(seen: &Value, path: &str, expected: &Value) {
    assert_eq!(seen.pointer(path), Some(expected), "{path} of {seen}");
}

#[apply(everywhere)]
async fn the_server_sees_query_headers_and_auth(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let (client, seen) = handshake(&app, via, |client| {
        client
            .query("room", "a b&c=ü")
            .query("empty", "x")
            .header("x-test", "one")
            .header("cookie", "a=b")
            .auth(json!({"token": "123", "nested": {"list": [1, null]}}))
    })
    .await?;
    sees(&seen, "/query/room", &json!("a b&c=ü"));
    sees(&seen, "/query/empty", &json!("x"));
    sees(&seen, "/query/EIO", &json!("4"));
    sees(&seen, "/headers/x-test", &json!("one"));
    sees(&seen, "/headers/cookie", &json!("a=b"));
    sees(&seen, "/headers/host", &json!(format!("127.0.0.1:{}", app.port())));
    sees(&seen, "/auth", &json!({"token": "123", "nested": {"list": [1, null]}}));
    client.close().await?;
    close(app).await
}

#[apply(everywhere)]
async fn without_options_the_server_sees_none(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let (client, seen) = handshake(&app, via, |client| client).await?;
    assert_eq!((client.namespace(), client.connected()), ("/", true));
    // What socketioxide keeps when a CONNECT has no payload is null.
    assert!(matches!(seen.pointer("/auth"), Some(Value::Null | Value::Object(_))), "{seen}");
    sees(&seen, "/id", &json!(client.id()));
    assert_eq!(seen.pointer("/headers/cookie"), None);
    client.close().await?;
    assert!(!client.connected());
    close(app).await
}

#[apply(everywhere)]
async fn the_transport_is_the_one_chosen(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let (client, seen) = handshake(&app, via, |client| client).await?;
    match via {
        Via::Websocket => sees(&seen, "/transport", &json!("websocket")),
        Via::Polling => sees(&seen, "/transport", &json!("polling")),
        Via::Upgrade => {
            client.upgraded().await?;
            let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
            sees(&seen, "/transport", &json!("websocket"));
        }
    }
    let last = if via == Via::Polling { Transport::Polling } else { Transport::Websocket };
    assert_eq!(client.transport(), last);
    client.close().await?;
    close(app).await
}

#[apply(everywhere)]
async fn a_namespace_is_named_by_option_url_or_call(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let transports = via.transports();
    let auth = json!({"by": "option"});
    let option = create_socketio_client(&app).namespace("custom").auth(&auth);
    let url = create_socketio_client(format!("{}/custom?room=1", app.url()));
    let main = create_socketio_client(&app).transports(transports.clone()).await?;
    for client in [
        option.transports(transports.clone()).await?,
        url.auth(&auth).transports(transports).await?,
        main.of("/custom").auth(&auth).await?,
    ] {
        assert_eq!(client.namespace(), "/custom");
        assert_eq!(client.once("auth").await?.args(), std::slice::from_ref(&auth));
        let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
        sees(&seen, "/id", &json!(client.id()));
        sees(&seen, "/auth", &auth);
        client.close().await?;
    }
    main.close().await?;
    close(app).await
}

#[apply(everywhere)]
async fn ready_waits_for_an_event_and_claims_it(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let (client, _) = handshake(&app, via, |client| client.ready("auth")).await?;
    client.send("message", ())?;
    client.once("message-back").await?;
    let again = client.once("auth").timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(again, ClientError::Timeout { .. }), "{again}");
    let never = create_socketio_client(&app)
        .transports(via.transports())
        .ready("never")
        .timeout(Duration::from_millis(100));
    let error = never.await.unwrap_err().to_string();
    assert!(error.starts_with("event \"never\" did not come within 100ms"), "{error}");
    client.close().await?;
    close(app).await
}

#[apply(everywhere)]
async fn many_clients_are_many_to_the_server(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let clients = create_socketio_clients(&app, 10)
        .each(move |number, client| {
            client.transports(via.transports()).auth(json!({"number": number}))
        })
        .await?;
    for (number, client) in clients.iter().enumerate() {
        let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
        sees(&seen, "/auth/number", &json!(number));
    }
    for client in clients {
        client.close().await?;
    }
    close(app).await
}

#[apply(everywhere)]
async fn what_is_read_and_sent_can_be_controlled(peer: Peer, via: Via) -> Result {
    let app = peer.boot().await?;
    let (client, _) = handshake(&app, via, |client| {
        client.upgrade(Upgrade::OnRequest).reconnection(Reconnection::new().delay(Duration::ZERO))
    })
    .await?;
    let _answering = client.respond("question", |question| question.args().len());
    client.send("ask", (1, 2, 3))?;
    assert_eq!(client.once("answer").await?.parse::<usize>()?, 3);
    client.send_raw(r#"42["message","by hand"]"#)?;
    assert_eq!(client.once("message-back").await?.args(), [json!("by hand")]);

    client.pause_reading()?;
    client.send("message", "unread")?;
    let unread = client.once("message-back").timeout(Duration::from_millis(20)).await;
    assert!(matches!(unread, Err(ClientError::Timeout { .. })));
    client.resume_reading()?;
    assert_eq!(client.once("message-back").await?.args(), [json!("unread")]);

    if via == Via::Upgrade {
        client.upgrade();
        client.upgraded().await?;
    }
    let id = client.id();
    client.drop_connection();
    let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
    assert_ne!(client.id(), id);
    sees(&seen, "/id", &json!(client.id()));
    assert!(!client.recovered());
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_path_of_the_apps_own(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(hello::Server::new().path("/testPath").router()).path("/testPath").await?;
    let by_app = create_socketio_client(&app).transports(via.transports()).await?;
    let by_option =
        create_socketio_client(app.port()).path("testPath").transports(via.transports()).await?;
    for client in [by_app, by_option] {
        assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
        client.close().await?;
    }
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_cookie_of_the_server_comes_back_with_the_next_connection(
    #[values(Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(node_peer("peer.js").env("COOKIE", "1")).await?;
    let reconnection = Reconnection::new().delay(Duration::ZERO);
    let (client, seen) = handshake(&app, via, |client| client.reconnection(reconnection)).await?;
    assert_eq!(seen.pointer("/headers/cookie"), None);
    client.drop_connection();
    let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
    let cookie = seen.pointer("/headers/cookie").and_then(Value::as_str).unwrap_or_default();
    assert!(cookie.starts_with("io="), "{seen}");
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn cookies_are_kept_across_polls() -> Result {
    let answers = [
        Answer::from(OPEN).cookie("lb=1; Path=/"),
        Answer::from(CONNECTED).cookie("io=e"),
        Answer::from(r#"42["event"]"#).cookie("lb=; Max-Age=0"),
    ];
    let mut server = PollingServer::start(answers).await?;
    let client = create_socketio_client(&server.app).transports([Transport::Polling]).await?;
    client.on("event").try_next().await?;
    for expected in [None, Some("lb=1"), Some("io=e; lb=1"), Some("io=e")] {
        let request = server.next(Method::GET).await;
        let cookie = request.headers.get("cookie").map(|cookie| cookie.to_str().expect("text"));
        assert_eq!(cookie, expected);
    }
    client.close().await?;
    close(server.app).await
}
