//! Who gets what, and in which order, across clients.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::{App, Result, SocketIoClient, close, create_socketio_clients, event, group};
use socketio_tests::{Peer, Via};

async fn three(app: &App, via: Via) -> Result<Vec<SocketIoClient>> {
    let each =
        move |_, client: socketio_harness::ClientBuilder| client.transports(via.transports());
    Ok(create_socketio_clients(app, 3).each(each).await?)
}

#[rstest]
#[tokio::test]
async fn all_but_the_sender_receive_a_broadcast(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let clients = three(&app, via).await?;
    let [a, b, c] = &clients[..] else { panic!("three clients") };
    let everybody = group(&clients);

    everybody.expect_all("auth").await;
    a.send("broadcast", ("news", 1))?;
    everybody.expect_only([b, c], event("news").args(json!([1]))).await;
    everybody.expect_none(event("news").args(json!([2]))).await;
    // b's event is the cause of c's.
    b.send("broadcast", ("second", 2))?;
    everybody.expect_in_order([(b, "news"), (c, "second")]).await;

    for client in &clients {
        client.close().await?;
    }
    close(app).await
}

#[tokio::test]
async fn who_differs_is_named() -> Result {
    let app = Peer::Rust.boot().await?;
    let names = ["alice", "bob", "carol"];
    let each =
        move |number: usize, client: socketio_harness::ClientBuilder| client.name(names[number]);
    let clients = create_socketio_clients(&app, 3).each(each).await?;
    let [alice, bob, carol] = &clients[..] else { panic!("three clients") };
    let everybody = group(&clients);
    alice.send("broadcast", ("news", 1))?;
    bob.expect("news").await;
    carol.expect("news").await;

    let all = everybody.try_expect_all("news").within(Duration::from_millis(50)).await;
    let error = all.expect_err("not alice").to_string();
    assert!(error.starts_with("expected all of 3 clients to get event \"news\"\n"), "{error}");
    assert!(error.contains("\n  alice did not get it; the others are as expected\n"), "{error}");

    let error = everybody.try_expect_only([bob], "news").await.expect_err("carol, too").to_string();
    assert!(error.contains("only bob of 3 clients"), "{error}");
    assert!(error.contains("\n  carol got it, too"), "{error}");
    assert!(error.contains("the conversation of carol"), "{error}");

    bob.send("broadcast", ("reply", 2))?;
    carol.expect("reply").await;
    let wrong = everybody.try_expect_in_order([(carol, "reply"), (bob, "news")]);
    let wrong = wrong.within(Duration::from_millis(50)).await;
    let error = wrong.expect_err("the news came before the reply").to_string();
    assert!(error.contains("1. carol gets event \"reply\": came"), "{error}");
    assert!(error.contains("number 2 came before number 1"), "{error}");
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn an_event_that_was_found_is_not_called_too_early_for_the_next() -> Result {
    let app = Peer::Rust.boot().await?;
    let clients = three(&app, Via::Websocket).await?;
    let [a, ..] = &clients[..] else { panic!("three clients") };
    a.send("burst", 1)?;
    a.expect("tick").await;
    let wrong = group(&clients).try_expect_in_order([(a, "tick"), (a, "tick")]);
    let error = wrong.within(Duration::ZERO).await.unwrap_err().to_string();
    assert!(error.contains("number 2 did not come"), "{error}");
    for client in &clients {
        client.close().await?;
    }
    close(app).await
}
