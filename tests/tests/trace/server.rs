//! The server's own view beside that of the clients, and what else happened to the app.

use serde_json::{Value, json};
use socketio_fixtures::peer;
use socketio_harness::{Result, Tracing, Transport, close, create_app, create_socketio_client};
use socketio_tests::becomes;

use crate::{directory, read};

fn entries(trace: &Value) -> &[Value] {
    trace["entries"].as_array().expect("a list")
}

/// The frames of an event, as `from → to`, and whether it was lost.
fn travels(trace: &Value, event: &str) -> Vec<(u64, u64, bool)> {
    let lane = |value: &Value| value.as_u64().expect("a lane");
    let frames = entries(trace).iter().filter(|it| it["kind"] == "frame" && it["event"] == event);
    frames.map(|it| (lane(&it["from"]), lane(&it["to"]), it["lost"] == true)).collect()
}

fn notes<'a>(trace: &'a Value, level: &str) -> Vec<&'a str> {
    let notes = entries(trace).iter().filter(|it| it["level"] == level);
    notes.map(|it| it["title"].as_str().expect("a title")).collect()
}

#[tokio::test]
async fn every_packet_bears_the_time_at_which_the_server_saw_it() -> Result {
    let directory = directory("server-times");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    for transports in [vec![Transport::Websocket], vec![Transport::Polling]] {
        let client = create_socketio_client(&app).transports(transports).ready("auth").await?;
        client.send("burst", 3)?;
        client.expect("tick").times(3).await;
        client.send_with_ack("message-with-ack", bytes::Bytes::from_static(b"\x00")).await?;
        client.close().await?;
    }
    close(app).await?;

    let trace = read(&directory);
    let time = |it: &Value, field: &str| it[field].as_u64();
    let mut seen = 0;
    for entry in entries(&trace).iter().filter(|it| it["event"].is_string()) {
        if entry["packet"] == "attachment" || entry["kind"] == "note" {
            continue;
        }
        let (Some(ours), Some(theirs)) = (time(entry, "at_us"), time(entry, "server_at_us")) else {
            panic!("the server has seen it: {entry}");
        };
        let sent = entry["to"] == 0;
        assert!(if sent { ours <= theirs } else { theirs <= ours }, "{entry}");
        seen += 1;
    }
    // Twice: burst, three ticks, auth, and an event that asks for an ack.
    assert_eq!(seen, 12, "{trace:#}");
    assert_eq!(trace["lanes"].as_array().map(Vec::len), Some(3), "nobody else was there");
    assert!(entries(&trace).iter().all(|it| it.get("lost").is_none()), "{trace:#}");
    Ok(())
}

#[tokio::test]
async fn what_a_fault_has_cost_is_marked_and_the_fault_noted() -> Result {
    let directory = directory("server-lost");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("emit-named", ("before", 1))?;
    client.expect("before").await;

    let frozen = app.faults().freeze();
    client.send("message", "on its way")?;
    becomes(true, || client.transcript().to_string().contains("on its way")).await;
    app.faults().cut();
    client.disconnected().await?;
    frozen.heal();
    client.close().await?;
    close(app).await?;

    let trace = read(&directory);
    assert_eq!(travels(&trace, "emit-named"), [(1, 0, false)]);
    assert_eq!(travels(&trace, "before"), [(0, 1, false)]);
    assert_eq!(travels(&trace, "message"), [(1, 0, true)]);
    let faults = ["freeze begins", "cut: every connection has ended", "freeze ends"];
    assert_eq!(notes(&trace, "fault"), faults);
    Ok(())
}

#[tokio::test]
async fn what_the_server_emits_and_nobody_gets_is_marked() -> Result {
    let directory = directory("server-nobody");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).ready("auth").await?;

    let frozen = app.faults().freeze();
    let other = create_socketio_client(app.url()).ready("auth").await?;
    other.send("broadcast", ("news", 1))?;
    app.for_client(&client).emitted("news").await;
    app.faults().cut();
    client.disconnected().await?;
    drop(frozen);
    client.close().await?;
    other.close().await?;
    close(app).await?;

    let trace = read(&directory);
    assert_eq!(travels(&trace, "news"), [(0, 1, true)]);
    // The other was not made from the app: what is known of it, the server tells.
    let lanes = trace["lanes"].as_array().expect("a list");
    assert_eq!(lanes.len(), 3, "{lanes:#?}");
    assert!(lanes[2]["name"].as_str().is_some_and(|it| it.starts_with("session ")), "{lanes:#?}");
    assert_eq!(travels(&trace, "broadcast"), [(2, 0, false)]);
    Ok(())
}

#[tokio::test]
async fn the_life_of_the_app_and_the_expectations_that_were_met_are_noted() -> Result {
    let directory = directory("server-notes");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).await?;
    client.once("auth").await?;
    client.expect("auth").args([json!({})]).await;
    client.expect_none("kicked").await;
    app.emitted("auth").times(1).await;
    client.send("leave", ())?;
    client.expect_disconnect("io server disconnect").await;
    client.send_with_ack("late", ()).await.expect_err("it is over");
    close(app).await?;

    let trace = read(&directory);
    let met = [
        "once event \"auth\"",
        "event \"auth\" with arguments [{}]",
        "no event \"kicked\"",
        "the server emitted exactly 1 × event \"auth\"",
        "to be disconnected: io server disconnect",
    ];
    assert_eq!(notes(&trace, "passed"), met);
    let life: Vec<_> = notes(&trace, "info").into_iter().filter(|it| it.contains("app")).collect();
    assert_eq!(life, ["app created", "closing the app", "app closed"]);
    Ok(())
}

#[tokio::test]
async fn what_is_left_at_the_end_is_noted() -> Result {
    let directory = directory("server-left");
    let app = create_app(peer::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).await?;
    client.send("emit-named", ("surprise", 1))?;
    client.fence().await?;
    client.close().await?;
    close(app).await?;
    let warnings = read(&directory);
    let warnings = notes(&warnings, "warning").join("\n");
    assert!(warnings.contains("surprise"), "{warnings}");
    Ok(())
}
