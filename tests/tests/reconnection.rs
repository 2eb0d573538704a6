//! A client that was told to reconnects, tells what happens, and loses nothing it was given.

use std::time::Duration;

use futures::TryStreamExt;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, CloseReason, ConnectionEvent, Reconnection, ReservedPort, Result, Transport,
    close, create_app, create_socketio_client,
};
use socketio_tests::scripted::{self, CONNECTED, Listener, OPEN};
use socketio_tests::{Peer, Via, back_in, in_time, quickly};
use tokio::sync::oneshot;

#[rstest]
#[tokio::test]
async fn a_dropped_connection_is_made_again(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client =
        create_socketio_client(&app).transports(via.transports()).reconnection(quickly()).await?;
    let custom = client.of("/custom").await?;
    let id = client.id();
    let waiting = client.once("message-back");
    let unanswered = client.send_with_ack("ask", "a question that stays open");

    client.drop_connection();
    let error = unanswered.await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    // Kept until the connection is back.
    client.send("message", "after all")?;
    let ack = custom.send_with_ack("message-with-ack", 7);
    assert_eq!(waiting.await?.args(), [json!("after all")]);
    assert_eq!(ack.await?.values(), [json!(7)]);
    assert_ne!(client.id(), id);
    assert!(client.connected() && !client.recovered());

    let (delay, attempt) = (Duration::from_millis(1), 1);
    let reason = CloseReason::TransportError("dropped by the client".into());
    let mut events = client.connection_events();
    for expected in [
        ConnectionEvent::Disconnected { reason },
        ConnectionEvent::Reconnecting { attempt, delay },
        ConnectionEvent::Reconnected { attempt },
        back("/", client.id()),
        back("/custom", custom.id()),
    ] {
        assert_eq!(events.next().await?, expected);
    }
    client.close().await?;
    custom.close().await?;
    assert_eq!(events.try_next().await?, None);
    let error = events.next().await.unwrap_err().to_string();
    let ended = "disconnected (io client disconnect) while waiting for a connection event";
    assert!(error.starts_with(ended), "{error}");
    close(app).await
}

fn back(namespace: &str, id: String) -> ConnectionEvent {
    ConnectionEvent::NamespaceReconnected { namespace: namespace.to_owned(), id, recovered: false }
}

#[tokio::test]
async fn when_a_namespace_is_told_to_be_back_its_client_is() -> Result {
    let script = async |listener: Listener| {
        let Some(mut socket) = listener.websocket().await else { return };
        socket.accept().await;
        socket.next().await;
        socket.text(r#"40/chat,{"sid":"chat 1"}"#).await;
        drop(socket);
        let Some(mut socket) = listener.websocket().await else { return };
        socket.text(OPEN).await;
        let (first, second) = (socket.next().await, socket.next().await);
        socket.text(r#"40/chat,{"sid":"chat 2"}"#).await;
        // The other namespace is answered when this one has sent something.
        let chat = socket.next().await;
        socket.text(r#"40{"sid":"main 2"}"#).await;
        socket.text(&format!("42{}", json!(["saw", [first, second, chat]]))).await;
        socket.drain().await;
    };
    let target = scripted::listener(script).await.expect("a listener");
    let main = create_socketio_client(target).reconnection(quickly()).await?;
    let chat = main.of("/chat").await?;
    let mut events = main.connection_events();
    while !matches!(events.try_next().await?, Some(ConnectionEvent::Reconnected { .. })) {}
    assert_eq!(events.try_next().await?, Some(back("/chat", "chat 2".into())));
    assert!(chat.connected() && !main.connected());
    assert_eq!((chat.id(), main.id()), ("chat 2".into(), "socket-id".into()));
    chat.connection_events().reconnected().await?;
    chat.send("hello", ())?;
    main.connection_events().reconnected().await?;
    assert!(main.connected());
    assert_eq!(events.try_next().await?, Some(back("/", "main 2".into())));
    let saw = main.once("saw").await?;
    assert_eq!(saw.args(), [json!(["40", "40/chat,", r#"42/chat,["hello"]"#])]);
    main.close().await?;
    chat.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_refused_when_it_comes_back_has_ended() -> Result {
    let script = async |listener: Listener| {
        let Some(mut socket) = listener.websocket().await else { return };
        socket.accept().await;
        drop(socket);
        let Some(mut socket) = listener.websocket().await else { return };
        socket.text(OPEN).await;
        socket.next().await;
        socket.text(r#"44{"message":"banned"}"#).await;
        socket.drain().await;
    };
    let target = scripted::listener(script).await.expect("a listener");
    let client = create_socketio_client(target).reconnection(quickly()).await?;
    let waiting = client.once("never");
    let error = "connect_error on namespace \"/\": banned".to_owned();
    let refused = ConnectionEvent::NamespaceRefused { namespace: "/".into(), error };
    let told: Vec<_> = client.connection_events().try_collect().await?;
    assert_eq!(told.last(), Some(&refused), "{told:?}");
    let error = waiting.await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    let error = client.connection_events().reconnected().await.unwrap_err().to_string();
    let refused = "disconnected (io server disconnect) while waiting for the reconnection";
    assert!(error.starts_with(refused), "{error}");
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    assert!(!client.connected());
    assert!(matches!(client.send("message", ()), Err(ClientError::NotConnected { .. })));
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_comes_back_is_found() -> Result {
    let port = ReservedPort::pick()?;
    let app = create_app(peer::router()).port(port.number()).await?;
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    close(app).disconnect_clients().await?;
    let mut events = client.connection_events();
    loop {
        let event = events.try_next().await?.expect("the client goes on trying");
        if let ConnectionEvent::ReconnectError { attempt: 2, error } = event {
            assert!(error.contains("cannot connect"), "{error}");
            break;
        }
    }
    let app = create_app(peer::router()).port(port.number()).await?;
    let (id, recovered) = back_in("/", &mut events).await?;
    assert_eq!((id, recovered), (client.id(), false));
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_namespace_asked_for_meanwhile_is_joined_by_the_next_connection() -> Result {
    let port = ReservedPort::pick()?;
    let app = create_app(peer::router()).port(port.number()).await?;
    let main = create_socketio_client(&app).reconnection(quickly()).await?;
    close(app).disconnect_clients().await?;
    let mut events = main.connection_events();
    while !matches!(events.try_next().await?, Some(ConnectionEvent::ReconnectError { .. })) {}
    let joining = main.of("/custom").into_future();
    let booting = create_app(peer::router()).port(port.number()).into_future();
    let (custom, app) = futures::join!(joining, booting);
    let (custom, app) = (custom?, app?);
    assert_eq!(custom.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    custom.close().await?;
    main.close().await?;
    close(app).await
}

#[tokio::test]
async fn attempts_end_and_everybody_is_told() -> Result {
    let port = ReservedPort::pick()?;
    let app = create_app(peer::router()).port(port.number()).await?;
    let client = create_socketio_client(&app).reconnection(quickly().attempts(3)).await?;
    let waiting = client.once("never");
    let kept = client.send_with_ack("message-with-ack", ());
    kept.await?;
    close(app).disconnect_clients().await?;
    let unsent = client.send_with_ack("message-with-ack", "too late");
    for error in [waiting.await.unwrap_err(), unsent.await.unwrap_err()] {
        // Why it was lost, not that it was given up.
        let reason = CloseReason::TransportClose;
        assert!(
            matches!(&error, ClientError::Disconnected { reason: r, .. } if *r == reason),
            "{error}"
        );
    }
    let events: Vec<_> = client.connection_events().try_collect().await?;
    let errors = events.iter().filter(|e| matches!(e, ConnectionEvent::ReconnectError { .. }));
    assert_eq!(errors.count(), 3);
    assert_eq!(events.last(), Some(&ConnectionEvent::ReconnectFailed));
    assert!(matches!(client.send("message", ()), Err(ClientError::NotConnected { .. })));
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn closing_ends_the_attempts() -> Result {
    let app = create_app(peer::router()).await?;
    let slowly = Reconnection::new().delay(Duration::from_hours(1));
    let client = create_socketio_client(&app).reconnection(slowly).await?;
    close(app).disconnect_clients().await?;
    let mut events = client.connection_events();
    while !matches!(events.try_next().await?, Some(ConnectionEvent::Reconnecting { .. })) {}
    client.close().await?;
    assert_eq!(events.try_next().await?, None);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn whom_the_server_disconnects_stays_away(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).reconnection(quickly()).await?;
    client.send("leave", ())?;
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    assert_eq!(client.connection_events().try_next().await?, None);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn without_being_told_a_client_never_reconnects() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    client.drop_connection();
    client.disconnected().await?;
    assert_eq!(client.connection_events().try_next().await?, None);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_session_that_opens_while_the_client_closes_is_ended() -> Result {
    let ((asked, asking), (closing, closes)) = (oneshot::channel(), oneshot::channel());
    let (tell, told) = oneshot::channel();
    let script = async move |listener: Listener| {
        let Some(mut down) = listener.http().await else { return };
        down.answer(OPEN).await;
        let Some(mut up) = listener.http().await else { return };
        up.answer("ok").await;
        down.answer(CONNECTED).await;
        down.request().await;
        drop((up, down));
        let Some(mut down) = listener.http().await else { return };
        let _ = asked.send(down.request().await);
        let _ = closes.await;
        down.reply(&OPEN.replace("engine-id", "second")).await;
        let Some(mut up) = listener.http().await else { return };
        let _ = tell.send(up.request().await);
        up.reply("ok").await;
    };
    let target = scripted::listener(script).await.unwrap();
    let client = create_socketio_client(target)
        .transports([Transport::Polling])
        .reconnection(quickly())
        .await?;
    let request = asking.await.expect("a second session is asked for");
    assert!(request.starts_with("GET ") && !request.contains("sid="), "{request}");
    let goodbye = client.close();
    closing.send(()).expect("the server runs");
    let told = in_time(told).await.expect("it is ended");
    let farewell = told.expect("the server runs");
    assert!(farewell.starts_with("POST ") && farewell.contains("sid=second"), "{farewell}");
    assert!(farewell.ends_with("\r\n\r\n1"), "{farewell}");
    goodbye.await?;
    Ok(())
}

#[tokio::test]
async fn an_event_whose_ack_is_waited_for_no_longer_is_taken_back() -> Result {
    let (back, comes_back) = oneshot::channel();
    let script = async move |listener: Listener| {
        let Some(mut socket) = listener.websocket().await else { return };
        socket.accept().await;
        drop(socket);
        let _ = comes_back.await;
        let Some(mut socket) = listener.websocket().await else { return };
        socket.accept().await;
        let sent = [socket.next().await, socket.next().await];
        socket.text(&format!("42{}", json!(["saw", sent]))).await;
        socket.drain().await;
    };
    let target = scripted::listener(script).await.expect("a listener");
    let client = create_socketio_client(target).reconnection(quickly()).await?;
    let mut events = client.connection_events();
    assert!(matches!(events.try_next().await?, Some(ConnectionEvent::Disconnected { .. })));
    drop(client.send_with_ack("dropped", ()));
    let error = client.send_with_ack("late", ()).timeout(Duration::from_millis(20)).await;
    assert!(matches!(error, Err(ClientError::Timeout { .. })), "{error:?}");
    client.send("last", ())?;
    back.send(()).expect("the server runs");
    let saw = client.once("saw").await?;
    assert_eq!(saw.args(), [json!([r#"420["dropped"]"#, r#"42["last"]"#])]);
    client.close().await?;
    Ok(())
}
