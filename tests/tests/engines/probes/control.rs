//! The life of a connection, and what a test does to it.

use std::time::Duration;

use serde_json::json;
use socketio_harness::{ClientError, CloseReason, Reconnection};
use socketio_tests::no_client_is_left_in;

use super::{Bench, Outcome, ensure};

pub(crate) async fn id(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    ensure(!client.id().is_empty(), "empty")
}

pub(crate) async fn server_disconnect(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send("leave", ())?;
    ensure(client.disconnected().await? == CloseReason::ServerDisconnect, "told as something else")
}

pub(crate) async fn reconnection(bench: &Bench<'_>) -> Outcome {
    let soon = Reconnection::new().delay(Duration::from_millis(1));
    let client = bench.client().reconnection(soon).await?;
    client.once("auth").await?;
    client.drop_connection();
    client.once("auth").await?;
    Ok(())
}

pub(crate) async fn drop_connection(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.drop_connection();
    let reason = client.disconnected().await?;
    ensure(matches!(reason, CloseReason::TransportError(_)), "told as something else")
}

pub(crate) async fn unanswered_pings(bench: &Bench<'_>) -> Outcome {
    bench.client().await?.answer_pings(false)?;
    Ok(())
}

pub(crate) async fn pause_reading(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.once("auth").await?;
    client.pause_reading()?;
    client.send("message", 1)?;
    let early = client.once("message-back").timeout(Duration::from_millis(50)).await;
    ensure(matches!(early, Err(ClientError::Timeout { .. })), "it goes on")?;
    client.resume_reading()?;
    client.once("message-back").await?;
    Ok(())
}

pub(crate) async fn send_raw(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send_raw("42[\"message\",\"by hand\"]")?;
    ensure(client.once("message-back").await?.args() == [json!("by hand")], "it comes changed")
}

pub(crate) async fn transcript(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send("message", 1)?;
    client.once("message-back").await?;
    let text = client.transcript().to_string();
    let said = text.contains(r#"→ EVENT "message" 1"#);
    ensure(said && text.contains(r#"← EVENT "message-back" 1"#), "it is missing")
}

pub(crate) async fn close(bench: &Bench<'_>) -> Outcome {
    for _ in 0..10 {
        bench.client().await?.close().await?;
    }
    if bench.app.open_connections().is_none() {
        no_client_is_left_in(bench.app).await;
    }
    // A server in this process is asked by the app's own close, which follows all probes.
    Ok(())
}
