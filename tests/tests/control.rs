//! What a test can do to a connection.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_fixtures::{Limits, contract, peer};
use socketio_harness::{
    ChildProcess, ClientError, CloseReason, Result, SocketIoClient, Transport, Upgrade, close,
    create_app, create_socketio_client, create_socketio_clients,
};
use socketio_tests::{Peer, Via, becomes, no_client_is_left_in, node_peer, python_peer};

#[rstest]
#[tokio::test]
async fn an_upgrade_happens_when_told(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app)
        .transports(Via::Upgrade.transports())
        .upgrade(Upgrade::OnRequest)
        .await?;
    client.send_with_ack("message-with-ack", ()).await?;
    assert_eq!(client.transport(), Transport::Polling);
    client.upgrade();
    client.upgraded().await?;
    assert_eq!(client.transport(), Transport::Websocket);
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn an_upgrade_that_is_given_up_is_told_at_once_and_can_be_tried_again() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app)
        .transports(Via::Upgrade.transports())
        .upgrade(Upgrade::OnRequest)
        .timeout(Duration::from_hours(1))
        .await?;
    client.send_with_ack("message-with-ack", ()).await?;
    let refused = app.faults().refuse();
    client.upgrade();
    let failed = client.upgraded().await.expect_err("nothing connects");
    assert!(matches!(failed, ClientError::UpgradeFailed { .. }), "{failed}");
    assert!(failed.to_string().contains("refused"), "{failed}");
    assert_eq!(client.transport(), Transport::Polling);
    refused.heal();
    client.upgrade();
    client.upgraded().await?;
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn nobody_waits_for_the_upgrade_of_a_connection_that_has_ended() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app)
        .transports(Via::Upgrade.transports())
        .upgrade(Upgrade::OnRequest)
        .timeout(Duration::from_hours(1))
        .await?;
    let upgraded = client.upgraded();
    client.drop_connection();
    let failed = upgraded.await.expect_err("it has ended");
    assert!(matches!(failed, ClientError::Disconnected { .. }), "{failed}");
    client.close().await?;
    close(app).disconnect_clients().await
}

#[rstest]
#[tokio::test]
async fn an_upgrade_can_be_refused(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app)
        .transports(Via::Upgrade.transports())
        .upgrade(Upgrade::Never)
        .await?;
    for _ in 0..10 {
        client.send_with_ack("message-with-ack", ()).await?;
    }
    assert_eq!(client.transport(), Transport::Polling);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up_by_the_server(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let hasty = |peer: ChildProcess| peer.env("PING_INTERVAL", "300").env("PING_TIMEOUT", "3000");
    // Long enough for a client that is about to read no more.
    let ping_timeout = Duration::from_secs(3);
    let server = contract::server(Limits { ping_timeout, ..Limits::contract() });
    let app = match peer {
        Peer::Rust => create_app(server.router()).await?,
        Peer::Node => create_app(hasty(node_peer("peer.js"))).await?,
        Peer::Python => create_app(hasty(python_peer("peer.py"))).await?,
    };
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    client.once("auth").await?;
    client.pause_reading()?;
    match peer {
        Peer::Rust => becomes(0, || server.sockets("/")).await,
        Peer::Node | Peer::Python => no_client_is_left_in(&app).await,
    }
    client.resume_reading()?;
    client.disconnected().await?;
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn reading_goes_on_where_it_was_paused(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    client.once("auth").await?;
    client.pause_reading()?;
    client.send("message", 1)?;
    let echo = client.once("message-back").timeout(Duration::from_millis(50));
    assert!(matches!(echo.await, Err(ClientError::Timeout { .. })));
    client.resume_reading()?;
    assert_eq!(client.once("message-back").await?.args(), [json!(1)]);
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn raw_packets_go_out_as_they_are(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    client.send_raw("42[\"message\",\"by hand\"]")?;
    assert_eq!(client.once("message-back").await?.args(), [json!("by hand")]);
    client.send_raw("451-[\"echo-bin\",{\"_placeholder\":true,\"num\":0}]")?;
    client.send_raw(vec![1, 2, 3])?;
    assert_eq!(client.once("echo-bin").await?.attachments(), [&[1, 2, 3][..]]);
    client.send_raw("4rubbish")?;
    if peer == Peer::Python {
        // python-socketio logs what it cannot read, and goes on.
        client.send_with_ack("message-with-ack", ()).await?;
    } else {
        let reason = client.disconnected().await?;
        assert!(
            matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_)),
            "{reason}"
        );
    }
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_responder_answers_until_it_is_dropped(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).await?;
    let mut asked = 0;
    let responder = client.respond("question", move |question| {
        asked += 1;
        (asked, question.args().to_vec())
    })?;
    for expected in 1..=3 {
        client.send("ask", ("a", "b"))?;
        assert_eq!(client.once("answer").await?.args(), [json!(expected), json!(["a", "b"])]);
    }
    drop(responder);
    client.send("ask", "c")?;
    client.once("question").await?.ack("by hand")?;
    assert_eq!(client.once("answer").await?.args(), [json!("by hand")]);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_thousand_clients_connect_at_once() -> Result {
    let server = peer::server(Limits::relaxed());
    let app = create_app(server.router()).await?;
    let clients = create_socketio_clients(&app, 1_000)
        .each(|number, client| client.auth(json!({"number": number})))
        .await?;
    assert_eq!(server.sockets("/"), 1_000);
    for (number, client) in clients.iter().enumerate() {
        assert_eq!(client.once("auth").await?.args(), [json!({"number": number})]);
    }
    futures::future::try_join_all(clients.iter().map(SocketIoClient::close)).await?;
    // A client waits a second for the server's side of a close, which is busy with the others'.
    becomes(0, || server.sockets("/")).await;
    close(app).await
}

#[tokio::test]
async fn a_late_ack_is_counted_and_given_to_nobody() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    client.pause_reading()?;
    let late = client.send_with_ack("message-with-ack", "late").timeout(Duration::from_millis(10));
    let error = late.await.unwrap_err();
    client.resume_reading()?;
    assert!(error.to_string().starts_with("ack 0 of \"message-with-ack\" did not come"), "{error}");
    assert_eq!(client.send_with_ack("message-with-ack", 2).await?.values(), [json!(2)]);
    assert_eq!(client.stray_packets(), 1);
    assert!(client.transcript().to_string().contains("← ACK 0 \"late\""));
    client.close().await?;
    close(app).await
}
