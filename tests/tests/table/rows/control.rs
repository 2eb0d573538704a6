//! What no well-behaved client does.

use std::time::Duration;

use serde_json::json;
use socketio_fixtures::{Limits, peer};
use socketio_harness::{
    ChildProcess, ClientError, CloseReason, Parser, Result, close, create_app, scaled,
};
use socketio_tests::witness::Heartbeat;
use socketio_tests::{Peer, node_peer, python_peer};

use crate::{Column, name};

pub(super) async fn reading(column: &Column) -> Result {
    let client = column.client().await?;
    client.once("auth").await?;
    client.pause_reading()?;
    client.send("message", "unread")?;
    let unread = client.once("message-back").timeout(Duration::from_millis(20)).await;
    assert!(matches!(unread, Err(ClientError::Timeout { .. })));
    client.resume_reading()?;
    assert_eq!(client.once("message-back").await?.args(), [json!("unread")]);
    Ok(client.close().await?)
}

pub(super) async fn raw_packets(column: &Column) -> Result {
    let client = column.client().await?;
    client.send_raw(column.packet())?;
    assert_eq!(client.once("message-back").await?.args(), [json!("by hand")]);
    Ok(client.close().await?)
}

pub(super) async fn dropping(column: &Column) -> Result {
    let client = column.client().await?;
    client.drop_connection();
    let reason = client.disconnected().await?;
    assert_eq!(reason, CloseReason::TransportError("dropped by the client".into()));
    let error = client.send("message", ()).expect_err("a failure");
    assert!(matches!(error, ClientError::NotConnected { .. }), "{error}");
    Ok(client.close().await?)
}

pub(super) async fn pings(column: &Column) -> Result {
    if column.peer == Peer::Rust && column.parser == Parser::MessagePack {
        // Heartbeats know no parser.
        return Ok(());
    }
    let impatient = |child: ChildProcess| {
        child
            .env("PING_INTERVAL", "200")
            .env("PING_TIMEOUT", "3000")
            .env("PARSER", name(column.parser))
    };
    // A busy machine must not make the one that answers too late.
    let (interval, timeout) = (Duration::from_millis(200), Duration::from_secs(3));
    let limits = Limits { ping_interval: interval, ping_timeout: timeout, ..Limits::relaxed() };
    let app = match column.peer {
        Peer::Rust => create_app(peer::server(limits).router()).await?,
        Peer::Node => create_app(impatient(node_peer("peer.js"))).await?,
        Peer::Python => create_app(impatient(python_peer("peer.py"))).await?,
    };
    let patience = scaled(Heartbeat::MISSED_WITHIN);
    let patient = async || column.client_of(&app).timeout(patience).await;
    let (silent, answering) = (patient().await?, patient().await?);
    silent.answer_pings(false)?;
    answering.answer_pings(true)?;
    silent.disconnected().await?;
    assert_eq!(answering.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    answering.close().await?;
    silent.close().await?;
    close(app).await
}
