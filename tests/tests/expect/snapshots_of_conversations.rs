//! A conversation as a snapshot: the same on every run, transport, server and engine, and in virtual
//! time.

use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    App, Engine, Result, SocketIoClient, assert_emitted, assert_not_emitted, close, create_app,
    create_socketio_client, group, matchers,
};
use socketio_tests::{Peer, Via};

async fn converse(client: &SocketIoClient) -> Result {
    client.send_with_ack("message-with-ack", ("x", 1)).await?;
    client.send("emit-named", ("result", json!({"a": [1, 2]})))?;
    client.expect("result").await;
    client.send("leave", ())?;
    client.disconnected().await?;
    Ok(())
}

async fn connected(app: &App, via: Via, engine: Engine) -> Result<SocketIoClient> {
    let client = create_socketio_client(app).transports(via.transports()).engine(engine);
    Ok(client.ready("auth").await?)
}

/// One snapshot for all.
fn assert_as_always(client: &SocketIoClient) {
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("conversation", client.transcript().redacted());
    });
}

#[rstest]
#[tokio::test]
async fn is_equal_on_every_transport_and_server(
    #[values(Peer::Rust, Peer::Node)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connected(&app, via, Engine::Native).await?;
    converse(&client).await?;
    assert_as_always(&client);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn is_equal_in_virtual_time(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = connected(&app, via, Engine::Native).await?;
    converse(&client).await?;
    assert_as_always(&client);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn is_equal_on_the_second_engine(#[values(Peer::Rust, Peer::Node)] peer: Peer) -> Result {
    let app = peer.boot().await?;
    let client = connected(&app, Via::Websocket, Engine::RustSocketio).await?;
    converse(&client).await?;
    assert_as_always(&client);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn names_the_ids_of_all_clients_of_a_group() -> Result {
    let app = Peer::Rust.boot().await?;
    let alice = create_socketio_client(&app).name("alice").ready("auth").await?;
    let bob = create_socketio_client(&app).name("bob").ready("auth").await?;
    alice.send("broadcast", ("joined", alice.id()))?;
    bob.expect("joined").args([alice.id()]).await;
    // A fence belongs to the toolkit, not to the conversation.
    bob.fence().await?;
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(group([&alice, &bob]).redacted());
    });
    alice.close().await?;
    bob.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_macros_are_the_functions_in_one_line() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    client.send("emit-named", ("joined", json!({"id": client.id(), "room": "lobby"})))?;
    assert_emitted!(client, "joined");
    let event = assert_emitted!(
        client,
        "joined",
        [{"id": matchers::session_id(), "room": "lobby"}]
    );
    assert_eq!(event.name(), "joined");
    assert_not_emitted!(client, "left");
    assert_not_emitted!(client, "joined", [{"room": "secret"}]);
    client.close().await?;
    close(app).await
}
