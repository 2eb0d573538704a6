//! What the server received and emitted, seen without a change to it.

mod clients;
mod dialects;

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_fixtures::peer;
use socketio_harness::{
    Engine, Flow, Result, ServerPacketKind, Transport, close, create_app, create_socketio_client,
};
use socketio_tests::{Peer, Via, becomes, node_peer, python_peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[rstest]
#[tokio::test]
async fn both_directions_are_seen_on_every_transport(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;
    if via == Via::Upgrade {
        client.upgraded().await?;
    }

    let answer = client.send_with_ack("message-with-ack", ("é", json!({"a": [1]}))).await?;
    client.send("burst", 3)?;

    let asked = app.for_client(&client).received("message-with-ack").times(1).await;
    assert_eq!(asked[0].args(), [json!("é"), json!({"a": [1]})]);
    let ticks = app.for_client(&client).emitted("tick").times(3).await;
    let numbers: Vec<_> = ticks.iter().map(|tick| tick.args().to_vec()).collect();
    assert_eq!(numbers, [[json!(0)], [json!(1)], [json!(2)]]);

    let log = app.log()?;
    let acks = log.packets().filter_map(|packet| match &packet.kind {
        ServerPacketKind::Ack { event, args, .. } => Some((packet.flow, event.as_deref(), args)),
        _ => None,
    });
    let acks: Vec<_> = acks.collect();
    assert_eq!(acks.len(), 1, "{log}");
    assert_eq!((acks[0].0, acks[0].1), (Flow::Emitted, Some("message-with-ack")), "{log}");
    assert_eq!(acks[0].2.values(), answer.values());
    let sessions: Vec<_> = log.packets().map(|packet| &packet.session).collect();
    assert!(sessions.windows(2).all(|pair| pair[0] == pair[1]), "one session:\n{log}");
    assert!(log.packets().zip(log.packets().skip(1)).all(|(a, b)| a.at <= b.at), "{log}");
    let last = log.received().last().expect("the burst");
    let expected = if via == Via::Polling { Transport::Polling } else { Transport::Websocket };
    assert_eq!(last.transport, expected, "{log}");
    assert_eq!(log.problems(), &[] as &[String]);

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn binary_is_put_in_place(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;

    let (small, large) = (Bytes::from_static(&[1, 2, 3]), Bytes::from(vec![7; 80_000]));
    client.send_with_ack("message-with-ack", ("file", &small, &large)).await?;

    let sent = app.received("message-with-ack").times(1).await;
    assert_eq!(sent[0].parse::<(String, Bytes, Bytes)>()?, ("file".into(), small, large));
    let log = app.log()?;
    let undecodable = |kind: &_| matches!(kind, ServerPacketKind::Undecodable { .. });
    assert!(!log.packets().any(|packet| undecodable(&packet.kind)), "{log}");

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn clients_and_namespaces_are_told_apart() -> Result {
    let app = create_app(peer::router()).await?;
    let first = create_socketio_client(&app).ready("auth").await?;
    let second =
        create_socketio_client(&app).transports([Transport::Polling]).ready("auth").await?;
    let elsewhere = first.of("/custom").await?;

    first.send("burst", 2)?;
    elsewhere.send("burst", 1)?;
    app.for_client(&first).emitted("tick").times(2).await;
    app.for_client(&elsewhere).emitted("tick").times(1).await;
    app.emitted("tick").times(3).await;
    app.for_client(&second).received("burst").times(0).await;

    let ticks = app.for_client(&second).try_emitted("tick").within(Duration::ZERO);
    let error = ticks.await.unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("expected event \"tick\"\n  it did not come so far"), "{message}");

    elsewhere.close().await?;
    first.close().await?;
    second.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_second_engine_is_seen_too() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).engine(Engine::RustSocketio).ready("auth").await?;
    client.send("burst", 1)?;
    app.received("burst").args(json!([1])).await;
    app.emitted("tick").args(json!([0])).await;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_failed_expectation_shows_what_passed() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("burst", 2)?;
    app.emitted("tick").times(2).await;

    let ticks = app.try_emitted("tick").args(json!([2])).within(Duration::ZERO);
    let messages = [
        ticks.await.unwrap_err(),
        app.try_emitted("tick").times(1).await.unwrap_err(),
        app.try_received("burst").times(0).await.unwrap_err(),
    ];
    let [nearest, too_many, not_none] = messages.map(|error| error.to_string());
    let holds = |message: &str, lines: &[&str]| {
        for line in lines {
            assert!(message.contains(line), "{line:?} is missing in\n{message}");
        }
    };
    holds(
        &nearest,
        &["event \"tick\" with arguments [2]", "nearest: [\"tick\",0]", "[0]: expected 2"],
    );
    holds(&nearest, &["the conversation of all clients with the server", "server_log/main.rs"]);
    holds(&too_many, &["exactly 1 × event \"tick\"\n  2 came\n  too many: [\"tick\",1]"]);
    holds(&not_none, &["exactly 0 × event \"burst\"\n  1 came\n  too many: [\"burst\",2]"]);

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn what_is_dropped_is_counted_and_later_clients_still_have_names() -> Result {
    let app = create_app(peer::router()).log_limit(64 << 10).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    for number in 0..400 {
        client.send_with_ack("message-with-ack", (number, "x".repeat(2_000))).await?;
    }

    let log = app.log()?;
    assert!(log.dropped() > 700, "{} were dropped", log.dropped());
    let last = log.received().last().expect("the end is kept");
    assert_eq!(last.args()[0], json!(399));
    assert_eq!(last.socket_id.as_deref(), Some(&*client.id()));
    assert!(log.packets().len() < 40, "{} packets were kept", log.packets().len());

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_server_that_cannot_be_seen_says_so() -> Result {
    let app = Peer::Node.boot().await?;
    let error = app.try_received("anything").await.unwrap_err();
    assert!(
        error.to_string().contains("runs in a process of its own; boot it with `.observed()`"),
        "{error}"
    );
    // Of all things, an absence.
    let error = app.try_emitted("anything").times(0).await.unwrap_err();
    assert!(error.to_string().contains("boot it with `.observed()`"), "{error}");
    close(app).await?;

    let app = create_app(peer::router()).log_limit(0).await?;
    let error = app.log().unwrap_err();
    assert!(error.to_string().contains("log_limit(0)"), "{error}");
    close(app).await
}

/// The explicit way, for servers whose own connections are out of reach.
#[rstest]
#[tokio::test]
async fn a_server_in_any_language_is_seen_when_asked_for(
    #[values("peer.js", "peer.py")] script: &str,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let peer = if script == "peer.js" { node_peer(script) } else { python_peer(script) };
    let app = create_app(peer).observed().await?;
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;
    let other = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;

    client.send("broadcast", ("news", json!({"n": 1}), Bytes::from_static(b"\x00")))?;
    other.expect("news").await;
    let news = (json!({"n": 1}), Bytes::from_static(b"\x00"));
    app.received("broadcast").times(1).await;
    app.emitted("news").args(&news).times(1).await;
    app.for_client(&other).emitted("news").times(1).await;
    app.for_client(&client).emitted("news").times(0).await;
    let log = app.log()?;
    assert_eq!(log.problems(), &[] as &[String]);
    assert_eq!(log.received().count(), 1, "{log}");

    client.close().await?;
    other.close().await?;
    close(app).await
}

/// What a fault keeps from the server has not been received.
#[tokio::test]
async fn what_could_not_be_decoded_proves_nothing() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    app.received("x").times(0).await;
    // It may have been the event, in another format.
    client.send_raw("4x")?;
    client.disconnected().await?;
    let error = app.try_received("x").times(0).await.unwrap_err().to_string();
    assert!(error.contains("what was in the frames that could not be decoded (1)"), "{error}");
    app.received("x").from_now().times(0).await;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn what_is_encrypted_cannot_be_observed() {
    // Nothing would ever have been received, whatever was.
    let error = create_app("https://127.0.0.1:1").observed().await.unwrap_err().to_string();
    assert!(error.contains("observed() is not for a server that speaks TLS"), "{error}");
}

#[tokio::test]
async fn faults_stand_between_the_clients_and_what_is_observed() -> Result {
    let app = create_app(node_peer("peer.js")).observed().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    let frozen = app.faults().freeze();
    client.send("emit-named", ("result", 1))?;
    becomes(true, || client.transcript().to_string().contains("result")).await;
    let early = app.try_received("emit-named").within(Duration::ZERO).await;
    early.expect_err("it is on its way");
    frozen.heal();
    client.expect("result").await;
    app.received("emit-named").times(1).await;
    client.close().await?;
    close(app).await
}

/// The log of the server and those of its clients are two views of the same conversation.
#[rstest]
#[tokio::test]
async fn server_and_clients_agree(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = create_socketio_client(&app).transports(via.transports());
        clients.push(client.ready("auth").await?);
    }
    for (number, client) in clients.iter().enumerate() {
        client.send("burst", 20 * (number + 1))?;
    }
    for (number, client) in clients.iter().enumerate() {
        let ticks = app.for_client(client).emitted("tick").times(20 * (number + 1)).await;
        let mut received = client.on("tick");
        for tick in ticks {
            assert_eq!(received.next().await?.args(), tick.args());
        }
    }
    let total: Vec<Value> = app
        .log()?
        .emitted()
        .filter(|p| p.event() == Some("tick"))
        .map(|p| p.args()[0].clone())
        .collect();
    assert_eq!(total.len(), 20 + 40 + 60 + 80);
    for client in clients {
        client.close().await?;
    }
    close(app).await
}

#[tokio::test]
async fn what_was_dropped_unread_is_not_proved_absent() -> Result {
    let app = create_app(peer::router()).log_limit(4_000).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    let from_now = app.try_received("late").from_now();
    client.send("early", ())?;
    client.send_with_ack("message-with-ack", "x".repeat(8_000)).await?;

    assert!(app.log()?.dropped() > 0, "{}", app.log()?);
    let error = app.try_received("early").times(0).await.expect_err("it came, and was dropped");
    assert!(error.to_string().contains("log_limit"), "{error}");
    assert!(from_now.times(0).await.is_err(), "something was dropped since");
    app.received("early").from_now().times(0).await;

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn what_cannot_be_read_is_not_proved_absent() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    app.received("never").times(0).await;

    let mut stream = TcpStream::connect(("127.0.0.1", app.port())).await.expect("the app");
    let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: app\r\n\
                   connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("an open stream");
    let mut answer = Vec::new();
    while !answer.contains(&b'{') {
        stream.read_buf(&mut answer).await.expect("an open packet");
    }
    // A compressed frame, as browsers send them to servers that agree to it.
    stream.write_all(&[0xc1, 0x81, 0, 0, 0, 0, 0]).await.expect("an open stream");
    stream.read_to_end(&mut answer).await.expect("the end");

    let error = app.try_received("never").times(0).await.expect_err("nobody knows");
    assert!(error.to_string().contains("compressed"), "{error}");
    // This client's connection is another.
    app.for_client(&client).received("never").times(0).await;

    client.close().await?;
    close(app).await
}
