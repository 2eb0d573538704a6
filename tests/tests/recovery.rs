//! Connection state recovery: a server that offers it keeps what a lost client misses.

use std::time::Duration;

use futures::TryStreamExt;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_harness::{
    App, IntoTarget, Reconnection, Result, SocketIoClient, close, create_app,
    create_socketio_client,
};
use socketio_tests::gate::Gate;
use socketio_tests::{Via, back_in, connections_become, node_peer};

/// A client whose connections pass the gate, and that has received something: recovery resumes
/// after the last event.
async fn connect(app: &App, via: Via, gate: &Gate) -> Result<SocketIoClient> {
    let client = create_socketio_client(app.into_target()?.connector(gate.clone()))
        .transports(via.transports())
        .reconnection(Reconnection::new().delay(Duration::from_millis(1)))
        .await?;
    client.once("auth").await?;
    if via == Via::Upgrade {
        // In the middle of it the server does not notice that the client goes.
        client.upgraded().await?;
    }
    Ok(client)
}

/// The client loses its connection, misses `news` from 1 to 3 and is let in again.
async fn misses_news(client: &SocketIoClient, app: &App, gate: &Gate) -> Result {
    let reporter = create_socketio_client(app).await?;
    gate.shut();
    client.drop_connection();
    let alone = |held: &Value| held.pointer("/sockets/~1") == Some(&json!(1));
    connections_become(app, alone).await;
    for number in 1..=3 {
        reporter.send("broadcast", ("news", number))?;
    }
    reporter.send_with_ack("message-with-ack", "after the news").await?;
    reporter.close().await?;
    gate.reopen();
    Ok(())
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
#[tokio::test]
async fn a_recovered_client_gets_what_it_missed_and_stays_who_it_was(#[case] via: Via) -> Result {
    let app = create_app(node_peer("peer.js").env("RECOVERY", "1")).await?;
    let gate = Gate::open();
    let client = connect(&app, via, &gate).await?;
    let id = client.id();
    let mut news = client.on("news");
    assert!(!client.recovered());

    misses_news(&client, &app, &gate).await?;
    assert_eq!(back_in("/", &mut client.connection_events()).await?, (id.clone(), true));
    assert_eq!((client.id(), client.recovered()), (id.clone(), true));
    for number in 1..=3 {
        // With its offset, which socket.io adds to the arguments where recovery is on.
        let (seen, _offset): (u32, String) = news.next().await?.parse()?;
        assert_eq!(seen, number);
    }
    assert!(client.recovered());
    assert_eq!(client.id(), id);
    let ack = client.send_with_ack("message-with-ack", "still there").await?;
    assert_eq!(ack.values(), [json!("still there")]);

    client.close().await?;
    close(app).await
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[tokio::test]
async fn a_client_is_recovered_as_often_as_it_is_lost(#[case] via: Via) -> Result {
    let app = create_app(node_peer("peer.js").env("RECOVERY", "1")).await?;
    let gate = Gate::open();
    let client = connect(&app, via, &gate).await?;
    let id = client.id();
    let (mut news, mut events) = (client.on("news"), client.connection_events());
    for _ in 0..3 {
        misses_news(&client, &app, &gate).await?;
        assert_eq!(back_in("/", &mut events).await?, (id.clone(), true));
        for number in 1..=3 {
            assert_eq!(news.next().await?.parse::<(u32, String)>()?.0, number);
        }
    }
    assert!(client.recovered());
    assert_eq!(client.id(), id);
    client.close().await?;
    close(app).await
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
#[tokio::test]
async fn without_recovery_a_client_misses_what_it_missed(#[case] via: Via) -> Result {
    let app = create_app(node_peer("peer.js")).await?;
    let gate = Gate::open();
    let client = connect(&app, via, &gate).await?;
    let id = client.id();
    let news = client.on_any();

    misses_news(&client, &app, &gate).await?;
    let back = back_in("/", &mut client.connection_events()).await?;
    assert_eq!(back, (client.id(), false));
    // The greeting of the new connection, and after an answer that fences the news: nothing else.
    client.once("auth").await?;
    client.send_with_ack("message-with-ack", ()).await?;
    assert!(!client.recovered());
    assert_ne!(client.id(), id);
    client.close().await?;
    let seen: Vec<_> = news.try_collect().await?;
    let names: Vec<_> = seen.iter().map(socketio_harness::Event::name).collect();
    assert_eq!(names, ["auth", "auth"]);
    close(app).await
}
