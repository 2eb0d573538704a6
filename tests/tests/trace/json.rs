use bytes::Bytes;
use serde_json::{Value, json};
use socketio_fixtures::hello;
use socketio_harness::{
    Parser, Result, Tracing, Transport, close, create_app, create_socketio_client,
};

use socketio_tests::node_peer;

use crate::{directory, read};

/// Without what differs from run to run: times, session ids, heartbeats.
fn steady(trace: &Value) -> Vec<Value> {
    let mut entries = trace["entries"].as_array().expect("a list").clone();
    entries.retain(|entry| !matches!(entry["engine"].as_str(), Some("ping" | "pong" | "open")));
    for entry in &mut entries {
        let fields = entry.as_object_mut().expect("an entry is an object");
        assert!(fields.remove("at_us").is_some_and(|at| at.is_u64()));
        // Of the last word the server hears only if the connection is still there.
        fields.remove("server_at_us");
        fields.remove("lost");
        if fields.get("data").is_some_and(|data| data.get("sid").is_some()) {
            for field in ["data", "raw", "bytes"] {
                fields.remove(field);
            }
        }
    }
    entries
}

#[tokio::test]
async fn a_conversation_is_written_down_to_the_letter() -> Result {
    let directory = directory("letter");
    let app = create_app(hello::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).name("alice").await?;
    client.send_with_ack("myEvent", (1, 2, 3)).await?;
    app.note("half-way");
    client.send("unheard of", Bytes::from_static(&[0, 255]))?;
    client.close().await?;
    let url = app.url();
    close(app).await?;

    let trace = read(&directory);
    assert_eq!(trace["format"], "socketio-trace");
    assert_eq!(trace["version"], 1);
    assert_eq!(trace["test"], "trace::json::a_conversation_is_written_down_to_the_letter");
    assert_eq!(trace["outcome"], "passed");
    let lanes = json!([
        {"id": 0, "kind": "server", "name": "server", "detail": url, "dropped": 0},
        {"id": 1, "kind": "client", "name": "alice", "detail": format!("{url}/socket.io/"), "dropped": 0},
    ]);
    assert_eq!(trace["lanes"], lanes);
    let to_server = |fields: Value| frame(1, 0, fields);
    let to_client = |fields: Value| frame(0, 1, fields);
    let of_the_app =
        |title: &str| json!({"kind": "note", "lane": 0, "level": "info", "title": title});
    let expected = [
        json!({"kind": "note", "lane": 0, "level": "info", "title": "app created", "text": url}),
        to_server(json!({"packet": "connect", "namespace": "/", "bytes": 2, "raw": "40"})),
        to_client(json!({"packet": "connect", "namespace": "/"})),
        to_server(json!({
            "packet": "event", "namespace": "/", "event": "myEvent", "ack": 0, "args": [1, 2, 3],
            "bytes": 20, "raw": "420[\"myEvent\",1,2,3]",
        })),
        to_client(json!({
            "packet": "ack", "namespace": "/", "ack": 0, "args": [{"name": "harry", "result": 6}],
            "bytes": 32, "raw": "430[{\"name\":\"harry\",\"result\":6}]",
        })),
        json!({
            "kind": "note", "lane": 1, "level": "passed", "title": "ack of \"myEvent\"",
            "namespace": "/", "event": "myEvent",
        }),
        json!({"kind": "note", "lane": 0, "level": "mark", "title": "half-way"}),
        to_server(json!({
            "packet": "binary_event", "namespace": "/", "event": "unheard of", "attachments": 1,
            "args": [{"_placeholder": true, "num": 0}],
            "bytes": 48, "raw": "451-[\"unheard of\",{\"_placeholder\":true,\"num\":0}]",
        })),
        to_server(json!({
            "packet": "attachment", "namespace": "/", "event": "unheard of", "attachment": 0,
            "bytes": 2, "raw_hex": "00ff",
        })),
        to_server(json!({"packet": "disconnect", "namespace": "/", "bytes": 2, "raw": "41"})),
        json!({
            "kind": "note", "lane": 1, "level": "info",
            "title": "connection closed: io client disconnect",
        }),
        of_the_app("closing the app"),
        of_the_app("app closed"),
    ];
    let written = steady(&trace);
    for (written, expected) in written.iter().zip(&expected) {
        assert_eq!(written, expected);
    }
    assert_eq!(written.len(), expected.len(), "{written:#?}");
    Ok(())
}

fn frame(from: u64, to: u64, mut fields: Value) -> Value {
    let frame = json!({
        "kind": "frame", "from": from, "to": to, "transport": "websocket", "engine": "message",
    });
    let fields = fields.as_object_mut().expect("fields");
    fields.extend(frame.as_object().expect("an object").clone());
    Value::Object(fields.clone())
}

#[tokio::test]
async fn packets_over_polling_are_entries_of_their_own() -> Result {
    let directory = directory("polling");
    let app = create_app(hello::router()).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).transports([Transport::Polling]).await?;
    let acks = [client.send_with_ack("myEvent", (1, 2, 3)), client.send_with_ack("hello", ())];
    futures::future::try_join_all(acks).await?;
    client.close().await?;
    close(app).await?;
    let trace = read(&directory);
    let with_ack = steady(&trace).into_iter().filter(|entry| entry.get("ack").is_some());
    let seen: Vec<_> = with_ack
        .map(|entry| format!("{} {} {}", entry["transport"], entry["packet"], entry["ack"]))
        .collect();
    for (packet, ack) in [("event", 0), ("event", 1), ("ack", 0), ("ack", 1)] {
        assert!(seen.contains(&format!(r#""polling" "{packet}" {ack}"#)), "{seen:?}");
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    Ok(())
}

#[tokio::test]
async fn messagepack_is_decoded_too() -> Result {
    let directory = directory("messagepack");
    let server = node_peer("peer.js").env("PARSER", "msgpack");
    let app = create_app(server).trace(Tracing::always(&directory)).await?;
    let client = create_socketio_client(&app).parser(Parser::MessagePack).await?;
    client.send_with_ack("message-with-ack", (1, "zwei")).await?;
    client.close().await?;
    close(app).await?;
    let entries = steady(&read(&directory));
    let ack = entries.iter().find(|entry| entry["packet"] == "ack").expect("an ack came");
    assert_eq!((&ack["ack"], &ack["args"]), (&json!(0), &json!([1, "zwei"])));
    Ok(())
}
