//! Events, acks, and what is kept of them.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use socketio_harness::{ClientError, CloseReason, Content, Direction, Packet, Result};

use crate::Column;

/// Something of everything that arguments can hold.
fn arguments() -> (u8, String, serde_json::Value, Bytes, Vec<Bytes>) {
    let data = Bytes::from_static(b"\x00\x04\x1e\xff");
    let json = json!({"3": [true, null, -1.5], "": {}});
    (1, "zwei €𝄞".into(), json, data.clone(), vec![data, Bytes::new()])
}

pub(super) async fn events(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("message", arguments())?;
    client.send("message", ())?;
    client.send("message", json!([1, 2]))?;
    let echoes = [client.once("message-back"), client.once("message-back")];
    let [everything, nothing] = echoes;
    let everything = everything.await?;
    assert_eq!(
        everything.parse::<(u8, String, serde_json::Value, Bytes, Vec<Bytes>)>()?,
        arguments()
    );
    assert!(nothing.await?.args().is_empty());
    assert_eq!(client.once("message-back").await?.args(), [json!([1, 2])], "one argument");
    let early = client.once("message-back").timeout(Duration::ZERO).await.expect_err("a failure");
    assert!(matches!(early, ClientError::Timeout { after: Duration::ZERO, .. }), "{early}");
    let reserved = client.send("connect", ()).expect_err("a failure");
    assert!(matches!(reserved, ClientError::Protocol(_)), "{reserved}");
    client.close().await?;
    let closed = client.send("message", ()).expect_err("a failure");
    assert!(matches!(closed, ClientError::NotConnected { .. }), "{closed}");
    Ok(())
}

pub(super) async fn acks(column: &Column) -> Result {
    let client = column.client().await?;
    let many: Vec<_> = (0..20).map(|n| client.send_with_ack("message-with-ack", n)).collect();
    let ack = client.send_with_ack("message-with-ack", arguments()).await?;
    assert_eq!(ack.parse::<(u8, String, serde_json::Value, Bytes, Vec<Bytes>)>()?, arguments());
    assert!(client.send_with_ack("message-with-ack", ()).await?.is_empty());
    for (number, ack) in many.into_iter().enumerate().rev() {
        assert_eq!(ack.await?.values(), [json!(number)]);
    }
    let short = Duration::from_millis(1);
    let error =
        client.send_with_ack("nobody-answers", 1).timeout(short).await.expect_err("a failure");
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    Ok(client.close().await?)
}

pub(super) async fn streams(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("burst", 3)?;
    let (mut ticks, mut all) = (client.on("tick"), client.on_any());
    for number in 0..3 {
        assert_eq!(ticks.next().await?.args(), [json!(number)]);
    }
    let mut none = client.on("tick").timeout(Duration::ZERO);
    let error = none.next().await.expect_err("a failure");
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(all.next().await?.name().to_owned());
    }
    assert_eq!(names, ["auth", "tick", "tick", "tick"]);
    client.close().await?;
    let error = ticks.next().await.expect_err("a failure");
    assert!(
        matches!(error, ClientError::Disconnected { reason: CloseReason::ClientDisconnect, .. }),
        "{error}"
    );
    Ok(())
}

pub(super) async fn answers(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("ask", (1, 2))?;
    let question = client.once("question").await?;
    assert!(question.wants_ack());
    let answer = arguments();
    question.ack(&answer)?;
    let again = question.ack(1).expect_err("a failure");
    assert!(matches!(again, ClientError::CannotAck { .. }), "{again}");
    let echo = client.once("answer").await?;
    assert_eq!(echo.parse::<(u8, String, serde_json::Value, Bytes, Vec<Bytes>)>()?, answer);

    let answering = client.respond("question", |question| question.args().len())?;
    for count in 1..4 {
        client.send("ask", vec![json!(0); count])?;
        assert_eq!(client.once("answer").await?.parse::<usize>()?, 1, "a Vec is one argument");
    }
    drop(answering);
    client.send("ask", 1)?;
    assert!(client.once("question").await?.wants_ack(), "nobody has answered for us");
    Ok(client.close().await?)
}

pub(super) async fn records(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("message", "hello")?;
    client.once("message-back").await?;
    let log = client.log();
    let names: Vec<_> = log.iter().map(|entry| entry.event.name().to_owned()).collect();
    assert_eq!(names, ["auth", "message-back"]);
    let unread: Vec<_> = log.unread().map(|entry| entry.event.name().to_owned()).collect();
    assert_eq!(unread, ["auth"]);
    let packets = client.transcript().packets();
    let events = packets.iter().filter_map(|packet| match &packet.content {
        Content::Packet(Packet::Event { name, .. }) => Some((packet.direction, &**name)),
        _ => None,
    });
    // The greeting may come before the message leaves, or after.
    let messages: Vec<_> = events.filter(|(_, name)| *name != "auth").collect();
    assert_eq!(messages, [(Direction::Sent, "message"), (Direction::Received, "message-back")]);
    Ok(client.close().await?)
}

pub(super) async fn strays(column: &Column) -> Result {
    let client = column.client().await?;
    drop(client.send_with_ack("message-with-ack", 1));
    // The answer stands before this one.
    client.send_with_ack("message-with-ack", 2).await?;
    assert_eq!(client.stray_packets(), 1);
    Ok(client.close().await?)
}

pub(super) async fn endings(column: &Column) -> Result {
    let client = column.client().await?;
    let (waiting, ack) = (client.once("never"), client.send_with_ack("nobody-answers", 1));
    client.send("leave", ())?;
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    let errors = [waiting.await.map(drop), ack.await.map(drop)];
    for error in errors.map(|result| result.expect_err("a failure")) {
        assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    }
    client.close().await?;
    let client = column.client().await?;
    client.close().await?;
    client.close().await?;
    assert_eq!(client.disconnected().await?, CloseReason::ClientDisconnect);
    Ok(())
}
