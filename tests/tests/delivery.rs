//! Every event arrives: once, in order, under its own name, with the bytes it was sent with.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use rstest::rstest;
use serde_json::{Value, json};
use socketio_harness::{
    App, Args, Event, Result, SocketIoClient, close, create_socketio_client, scaled,
};
use socketio_tests::{Peer, Via};

#[rstest]
#[tokio::test]
async fn ten_thousand_events_arrive_in_order(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;

    client.send("burst", 10_000)?;
    let ticks: Vec<Event> = client.on("tick").take(10_000).try_collect().await?;
    for (expected, tick) in ticks.iter().enumerate() {
        assert_eq!(tick.parse::<usize>()?, expected);
    }

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn what_is_sent_during_an_upgrade_arrives_in_order(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, Via::Upgrade).await?;

    let echoes = client.on("message-back");
    let mut sent = 0;
    let mut upgraded = Box::pin(client.upgraded());
    loop {
        client.send("message", sent)?;
        sent += 1;
        // One event at each step of the upgrade, and a hundred after it.
        if futures::poll!(&mut upgraded).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
    for number in sent..sent + 100 {
        client.send("message", number)?;
    }
    let echoes: Vec<Event> = echoes.take(sent + 100).try_collect().await?;
    for (expected, echo) in echoes.iter().enumerate() {
        assert_eq!(echo.parse::<usize>()?, expected);
    }

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn each_of_a_hundred_acks_gets_its_own_answer(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;

    let questions: Vec<_> =
        (0..100).map(|number| client.send_with_ack("message-with-ack", (number, "x"))).collect();
    // Awaited in the order opposite to the one they were asked in.
    for (number, answer) in questions.into_iter().enumerate().rev() {
        assert_eq!(answer.await?.parse::<(usize, String)>()?, (number, "x".to_owned()));
    }
    assert_eq!(client.stray_packets(), 0);

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn binary_of_any_size_survives(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;

    for size in [0, 1, 2, 3, 30, 125, 126, 65_535, 65_536, 1 << 20, 5 << 20] {
        let data = noise(size);
        client.send("echo-bin", &data)?;
        let echo: Bytes = client.once("echo-bin").await?.parse()?;
        assert!(echo == data, "{size} bytes came back changed");
        let ack: Bytes = client.send_with_ack("message-with-ack", &data).await?.parse()?;
        assert!(ack == data, "{size} bytes were acked changed");
    }

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn binary_stands_anywhere_in_the_arguments(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Upload {
        name: String,
        parts: Vec<Bytes>,
        checksum: Option<Bytes>,
    }
    let upload = Upload {
        name: "two parts".into(),
        parts: vec![noise(3), Bytes::new()],
        checksum: Some(noise(32)),
    };
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;

    let args = (noise(7), 5, &upload, noise(2));
    let ack: (Bytes, u8, Upload, Bytes) =
        client.send_with_ack("message-with-ack", args).await?.parse()?;
    assert_eq!(ack, (noise(7), 5, upload, noise(2)));

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn large_text_travels_by_polling(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(60_000, 70_000, 1 << 20, 5 << 20)] size: usize,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, Via::Polling).await?;

    let text = "ß".repeat(size / 2);
    client.send("message", &text)?;
    let echo: String = client.once("message-back").await?.parse()?;
    assert!(echo == text, "{size} bytes of text came back changed");

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn events_arrive_under_their_own_names(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;
    // The greeting of the contract.
    client.once("auth").await?;

    let names = ["open", "message", "error", "close", "ping", "", "ünïcödé \"quoted\"\n", "2"];
    let all = client.on_any();
    for name in names {
        client.send("emit-named", name)?;
        let event = client.once(name).await?;
        assert_eq!((event.name(), event.args()), (name, &[] as &[Value]));
        client.send("emit-named", (name, 1, Value::Null))?;
        assert_eq!(client.once(name).await?.args(), [json!(1), json!(null)]);
    }
    let seen: Vec<Event> = all.skip(1).take(2 * names.len()).try_collect().await?;
    let seen: Vec<_> = seen.iter().map(Event::name).collect();
    assert_eq!(seen, names.iter().flat_map(|name| [*name, *name]).collect::<Vec<_>>());

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn the_client_answers_the_servers_acks(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = connect(&app, via).await?;

    client.send("ask", "how many?")?;
    let question = client.once("question").await?;
    assert_eq!(question.args(), [json!("how many?")]);
    assert!(question.wants_ack());
    question.ack((42, noise(3)))?;
    let answer: (u8, Bytes) = client.once("answer").await?.parse()?;
    assert_eq!(answer, (42, noise(3)));
    let again = question.ack(43).unwrap_err().to_string();
    assert_eq!(again, "cannot ack event \"question\": it has been acked before");

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn arguments_keep_their_json(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).await?;

    let value =
        json!({"a": [1, -2.5, 1e300, true, null, ""], "b": {"c": {"d": []}}, "": "€\u{1e}"});
    let ack: Args = client.send_with_ack("message-with-ack", (&value, vec![1, 2])).await?;
    assert_json_diff::assert_json_eq!(json!(ack.values()), json!([value, [1, 2]]));

    client.close().await?;
    close(app).await
}

/// A client with time for what takes a server in Python seconds.
async fn connect(app: &App, via: Via) -> Result<SocketIoClient> {
    let client = create_socketio_client(app).transports(via.transports());
    Ok(client.timeout(scaled(Duration::from_secs(20))).await?)
}

/// Bytes without a pattern, the same on every run. 0x1e, the separator of polling, is among them.
fn noise(size: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ size as u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::once(0x1e).chain(std::iter::repeat_with(next)).take(size).collect()
}
