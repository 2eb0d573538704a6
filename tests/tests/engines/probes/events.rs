//! Events and acks.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use socketio_harness::{ClientError, Event, Target};
use socketio_tests::scripted::{self, Websocket};

use super::{Bench, Outcome, ensure};
use crate::client;

pub(crate) async fn arguments(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let value = json!({"a": [1, -2.5, true, null, ""], "b": {"c": "€𝄞\u{1e}"}});
    client.send("message", (1, &value))?;
    let echo = client.once("message-back").await?;
    client.send("message", &value)?;
    let single = client.once("message-back").await?;
    ensure(
        echo.args() == [json!(1), value.clone()] && single.args() == [value],
        "they come back changed",
    )
}

pub(crate) async fn order(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    for number in 0..1_000 {
        client.send("message", number)?;
    }
    let echoes: Vec<Event> = client.on("message-back").take(1_000).try_collect().await?;
    let expected = (0..1_000).map(|number| json!([number]));
    ensure(expected.eq(echoes.iter().map(|echo| json!(echo.args()))), "they come in disorder")
}

pub(crate) async fn no_arguments_sent(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    // The peer answers with as many arguments as it got, and acks tell of them reliably.
    let answer = client.send_with_ack("message-with-ack", ()).await?;
    ensure(answer.is_empty(), "arguments come from nowhere")
}

pub(crate) async fn no_arguments_received(bench: &Bench<'_>) -> Outcome {
    let event = named(bench, json!("tick")).await?;
    ensure(event.name() == "tick" && event.args().is_empty(), "arrives as `message`")
}

pub(crate) async fn awkward_names(bench: &Bench<'_>) -> Outcome {
    for name in ["message", "open", "close", "error", "ping", ""] {
        let event = named(bench, json!([name, 1])).await?;
        ensure(event.name() == name && event.args() == [json!(1)], "arrives under another name")?;
    }
    Ok(())
}

pub(crate) async fn upper_case(bench: &Bench<'_>) -> Outcome {
    for name in ["Message", "OPEN", "Close", "Error"] {
        let event = named(bench, json!([name, 1])).await?;
        ensure(event.name() == name, "arrives in lower case")?;
    }
    Ok(())
}

/// The event that the peer emits when it is told its name and arguments.
async fn named(bench: &Bench<'_>, args: serde_json::Value) -> Result<Event, super::Shortcoming> {
    let client = bench.client().await?;
    client.once("auth").await?;
    match args.as_array().map(Vec::as_slice) {
        Some([name, argument]) => client.send("emit-named", (name, argument))?,
        _ => client.send("emit-named", args)?,
    }
    Ok(client.on_any().skip(1).next().await.expect("the client is open")?)
}

pub(crate) async fn binary_sent(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let data = Bytes::from_static(b"\x00\x1e\xff");
    client.send("echo-bin", &data)?;
    let echo: Bytes = client.once("echo-bin").await?.parse().expect("bytes");
    ensure(echo == data, "it comes back changed")
}

pub(crate) async fn binary_received(bench: &Bench<'_>) -> Outcome {
    let target = scripted(async |mut socket| {
        socket.accept().await;
        socket.text(r#"451-["data",{"_placeholder":true,"num":0}]"#).await;
        socket.binary(&[1, 2, 3]).await;
        socket.text(r#"42["after",1]"#).await;
        socket.drain().await;
    })
    .await;
    let client = client(target, bench.engine).await?;
    client.once("after").await?;
    let data = client.once("data").await?;
    ensure(data.attachments() == [&[1, 2, 3][..]], "it comes changed")
}

pub(crate) async fn acks(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let questions: Vec<_> =
        (0..100).map(|number| client.send_with_ack("message-with-ack", (number, "x"))).collect();
    for (number, answer) in questions.into_iter().enumerate().rev() {
        let answer = answer.await?;
        ensure(answer.values() == [json!(number), json!("x")], "the answer is another's")?;
    }
    Ok(())
}

pub(crate) async fn ack_deadline(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let unanswered = client.send_with_ack("nobody-answers", 1).timeout(Duration::from_millis(20));
    ensure(matches!(unanswered.await, Err(ClientError::Timeout { .. })), "it passes")
}

pub(crate) async fn ack_after_a_lost_one(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let lost = client.send_with_ack("nobody-answers", 1);
    // The echo shows that the request has left.
    client.send("message", 2)?;
    client.once("message-back").await?;
    drop(lost);
    let next = client.send_with_ack("message-with-ack", 3).await?;
    ensure(next.values() == [json!(3)], "the answer is another's")
}

pub(crate) async fn ack_behind_a_lost_one(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let _lost = client.send_with_ack("nobody-answers", 1);
    let next = client.send_with_ack("message-with-ack", 2).await?;
    ensure(next.values() == [json!(2)], "the answer is another's")
}

pub(crate) async fn binary_ack(bench: &Bench<'_>) -> Outcome {
    let target = scripted(async |mut socket| {
        socket.accept().await;
        while let Some(text) = socket.next().await {
            if let Some((id, _)) = text.strip_prefix("42").and_then(|rest| rest.split_once('[')) {
                let placeholder = r#"{"_placeholder":true,"num":0}"#;
                socket.text(&format!("461-{id}[[1],{placeholder}]")).await;
                socket.binary(&[1, 2, 3]).await;
            }
        }
    })
    .await;
    let client = client(target, bench.engine).await?;
    let answer = client.send_with_ack("question", 1).await?;
    ensure(answer.attachments() == [&[1, 2, 3][..]], "it comes changed")
}

pub(crate) async fn answer(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send("ask", "how many?")?;
    client.once("question").await?.ack(42)?;
    ensure(client.once("answer").await?.args() == [json!(42)], "it comes changed")
}

pub(crate) async fn respond(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    let _responder = client.respond("question", |_| 42)?;
    client.send("ask", "how many?")?;
    ensure(client.once("answer").await?.args() == [json!(42)], "it comes changed")
}

async fn scripted<F: Future<Output = ()> + Send>(
    script: impl FnOnce(Websocket) -> F + Send + 'static,
) -> Target {
    scripted::websocket(script).await.expect("a listener")
}
