//! An app knows the clients that were made for it, and what they have not dealt with.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use serde_json::json;
use socketio_fixtures::{hello, peer};
use socketio_harness::{
    App, Fate, Leftovers, RegisteredClient, Registry, Result, Target, close, create_app,
    create_socketio_client,
};
use socketio_tests::{in_time, scripted};

fn described(app: &App) -> Vec<String> {
    app.clients().iter().map(|client| format!("{client:?}")).collect()
}

#[tokio::test]
async fn clients_are_listed_by_name_until_nothing_of_them_is_left() -> Result {
    let app = create_app(peer::router()).await?;
    let first = create_socketio_client(&app).await?;
    let alice = create_socketio_client(&app).name("alice").await?;
    let custom = first.of("/custom").await?;
    assert_eq!((first.name(), alice.name(), custom.name()), ("client 1", "alice", "client 1"));
    let expected = ["client 1: open", "alice: open", "client 1 in \"/custom\": open"];
    assert_eq!(described(&app), expected);
    // The greeting of the peer server.
    for client in [&first, &alice, &custom] {
        client.once("auth").await?;
    }
    custom.close().await?;
    first.close().await?;
    assert_eq!(described(&app)[2], "client 1 in \"/custom\": closed");
    drop((first, custom));
    assert_eq!(described(&app), ["alice: open"]);
    alice.close().await?;
    close(app).await
}

#[tokio::test]
async fn what_a_client_leaves_over_outlives_it() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    client.send("burst", 3)?;
    client.send("emit-named", ("done", 1))?;
    client.send("ask", "what?")?;
    // Looked at is read; so is claimed.
    client.once("done").await?;
    client.on_any().take(5).collect::<Vec<_>>().await;
    let question = client.once("question").await?;
    drop(client.send_with_ack("no-handler", ()));
    let timed_out = client.send_with_ack("no-handler", ()).timeout(Duration::ZERO).await;
    timed_out.expect_err("nobody answers");
    client.send("burst", 2)?;
    let mut ticks = client.on("tick");
    for _ in 0..4 {
        ticks.next().await?;
    }
    client.send("emit-named", "seen-by-nobody")?;
    client.send_with_ack("message-with-ack", ()).await?;

    client.close().await?;
    drop((client, ticks, question));
    let clients = app.clients();
    let [client] = clients.as_slice() else { panic!("expected one client: {clients:?}") };
    assert_eq!(client.fate(), Fate::Closed);
    assert!(client.transcript().is_none());
    let Leftovers { unread, unacked, unanswered, .. } = client.leftovers();
    assert_eq!(unread, [("seen-by-nobody".to_owned(), 1), ("tick".to_owned(), 1)]);
    assert_eq!(unacked, [("question".to_owned(), 1)]);
    assert_eq!(unanswered, ["no-handler"]);
    close(app).await
}

#[tokio::test]
async fn a_client_whose_end_the_test_was_told_has_ended() -> Result {
    let app = create_app(peer::router()).await?;
    let told = create_socketio_client(&app).await?;
    let waiting = create_socketio_client(&app).await?;
    let unaware = create_socketio_client(&app).await?;
    for client in [&told, &waiting, &unaware] {
        client.send("leave", ())?;
    }
    told.disconnected().await?;
    waiting.once("never").await.expect_err("the server disconnects it");
    let fates: Vec<_> = app.clients().iter().map(RegisteredClient::fate).collect();
    assert_eq!(fates, [Fate::Ended, Fate::Ended, Fate::Open]);
    unaware.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_client_that_was_dropped_while_connecting_leaves_nothing() -> Result {
    let app = create_app(hello::router()).await?;
    let connecting = create_socketio_client(&app).into_future();
    futures::select_biased! {
        _ = connecting.fuse() => panic!("a connection takes a round trip"),
        () = async { tokio::task::yield_now().await }.fuse() => {}
        () = pending().fuse() => {}
    }
    assert_eq!(described(&app), [""; 0]);
    close(app).await
}

#[tokio::test]
async fn a_registry_can_keep_the_transcripts_of_all() -> Result {
    let app = create_app(hello::router()).await?;
    app.registry().keep_all();
    let client = create_socketio_client(&app).await?;
    assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
    client.close().await?;
    drop(client);
    let clients = app.clients();
    let transcript = clients[0].transcript().expect("it was kept");
    assert!(transcript.entries().any(|entry| entry.text == "41"), "{transcript}");
    close(app).await
}

#[tokio::test]
async fn clients_of_a_plain_address_are_listed_where_they_are_told_to() -> Result {
    let app = create_app(hello::router()).await?;
    let registry = Registry::default();
    let target = Target::new("127.0.0.1", app.port()).registry(registry.clone());
    let client = create_socketio_client(target).await?;
    assert_eq!(format!("{registry:?}"), "[client 1: open]");
    client.close().await?;
    assert!(app.clients().is_empty());
    close(app).await
}

#[tokio::test]
async fn a_registry_that_keeps_all_lets_go_of_it_in_the_end() -> Result {
    let marker = Arc::new(());
    let held = Arc::clone(&marker);
    let registry = Registry::default();
    registry.keep_all();
    let target = scripted::memory(move |mut socket| {
        let held = Arc::clone(&held);
        async move {
            socket.accept().await;
            socket.drain().await;
            drop(held);
        }
    });
    let client = create_socketio_client(target.registry(registry.clone())).await?;
    client.close().await?;
    drop(client);
    assert_eq!(registry.clients().len(), 1);
    assert!(Arc::strong_count(&marker) > 1, "it is kept");

    drop(registry);
    let gone = async {
        while Arc::strong_count(&marker) > 1 {
            tokio::task::yield_now().await;
        }
    };
    in_time(gone).await.expect("nothing of it is left");
    Ok(())
}
