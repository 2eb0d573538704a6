//! What was not sent, proved by a fence; in virtual time see `simulated`.

use rstest::rstest;
use serde_json::json;
use socketio_fixtures::hello;
use socketio_harness::{
    ClientError, Engine, Parser, Protocol, Result, close, create_app, create_socketio_client,
    event, group,
};
use socketio_tests::scripted::{self, Listener};
use socketio_tests::{Peer, Via, node_peer, quickly};

#[rstest]
#[tokio::test]
async fn what_the_server_did_not_send_is_proved_without_a_pause(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let connect = || create_socketio_client(&app).transports(via.transports());
    let (sender, other) = (connect().await?, connect().await?);

    sender.send("broadcast", ("news", 1))?;
    // The ack comes after whatever the sender could have got.
    sender.send_with_ack("message-with-ack", ()).await?;
    sender.expect_none("news").await;
    other.expect("news").args([1]).times(1).await;
    other.expect_none(event("news").args([2])).await;

    sender.close().await?;
    other.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn an_event_on_its_way_is_not_overlooked(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    for number in 0..20 {
        // Emitted in the order of arrival: the fence is behind it.
        client.send("emit-named", ("late", number))?;
        let wrong = client.try_expect_none("late").args([number]).await;
        let error = wrong.expect_err("the server emits it").to_string();
        assert!(error.contains("expected no event \"late\""), "{error}");
    }
    assert_eq!(client.stray_packets(), 0);

    client.close().await?;
    close(app).await
}

/// socketioxide runs them in tasks of their own.
#[rstest]
#[tokio::test]
async fn an_event_of_an_async_handler_is_not_overlooked(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    for number in 0..50 {
        client.send("myEvent", (number, 0, 0))?;
        let result = event("myEventResult").args_include(json!([{"result": number}]));
        let wrong = client.try_expect_none(result).await;
        assert!(wrong.is_err(), "the server emits number {number}");
    }

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn nothing_can_come_on_a_connection_that_has_ended() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    client.close().await?;
    client.fence().await?;
    client.expect_none("anything").await;
    close(app).await
}

#[tokio::test]
async fn a_fence_leaves_nothing_behind() -> Result {
    let app = Peer::Node.boot().await?;
    let client = create_socketio_client(&app).await?;
    let (first, second) = tokio::join!(client.fence(), client.fence());
    first?;
    second?;
    socketio_tests::connections_become(&app, |held| {
        let sockets = json!({"/": 1, "/custom": 0, "/refused": 0});
        held["engine"] == 1 && held["sockets"] == sockets
    })
    .await;
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(app).await
}

/// The other dialects answer a fence, too, each in its own way.
#[rstest]
#[tokio::test]
async fn older_and_binary_protocols_have_fences(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
    #[values(("ALLOW_EIO3", "1"), ("PARSER", "msgpack"))] dialect: (&str, &str),
) -> Result {
    let app = create_app(node_peer("peer.js").env(dialect.0, dialect.1)).await?;
    let client = create_socketio_client(&app).transports(via.transports());
    let client = match dialect.0 {
        "PARSER" => client.parser(Parser::MessagePack).await?,
        _ => client.protocol(Protocol::V3).await?,
    };

    client.expect_none("late").await;
    client.send("emit-named", ("late", 1))?;
    client.expect("late").times(1).await;
    client.try_expect_none("late").await.expect_err("the server has emitted it");

    client.close().await?;
    close(app).await
}

/// What an expectation needs that the engine has not is told before anything is waited for.
#[tokio::test]
async fn the_second_engine_says_at_once_that_it_has_no_fence() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).engine(Engine::RustSocketio).await?;
    let native = create_socketio_client(&app).await?;

    let everybody = group([&client, &native]);
    let unsupported = |error: &ClientError| matches!(error, ClientError::Unsupported { .. });
    // None of these comes: waited for, each would be a timeout.
    let refused = [
        client.try_expect_none("never").await.map(drop),
        client.try_expect("never").times(2).await.map(drop),
        everybody.try_expect_only([&native], "never").await.map(drop),
        app.try_emitted("never").times(2).await.map(drop),
        app.for_client(&client).try_emitted("never").times(2).await.map(drop),
        client.fence().await,
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.expect_err("there is no fence");
        assert!(unsupported(&error), "number {number}: {error}");
        assert!(error.to_string().contains("Engine::Native, which does"), "{error}");
    }
    // What is proved on the other client alone is.
    native.expect_none("never").await;

    client.close().await?;
    native.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_loss_of_a_connection_that_comes_back_proves_nothing() -> Result {
    let script = async move |listener: Listener| {
        let Some(mut before) = listener.websocket().await else { return };
        before.accept().await;
        // The fence, which gets no answer.
        before.next().await;
        drop(before);
        let Some(mut after) = listener.websocket().await else { return };
        after.accept().await;
        after.text(r#"42["missed"]"#).await;
        while let Some(frame) = after.next().await {
            if let Some(namespace) = frame.strip_prefix("40") {
                after.text(&format!("44{namespace}{{\"message\":\"Invalid namespace\"}}")).await;
            }
        }
    };
    let target = scripted::listener(script).await.expect("a listener");
    let client = create_socketio_client(target).reconnection(quickly()).await?;
    client.fence().await?;
    assert_eq!(client.log().named("missed").count(), 1);
    client.close().await?;
    Ok(())
}
