//! On a websocket: what comes when, ids of every kind.

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_harness::{
    ClientError, CloseReason, Reconnection, Result, SocketIoClient, create_socketio_client,
};
use socketio_tests::cut::Cut;
use socketio_tests::scripted::{self, CONNECTED, Listener, OPEN, Websocket};
use tokio::io::AsyncWriteExt;

/// What the server says that the client has sent.
async fn saw(client: &SocketIoClient) -> Result<String> {
    Ok(client.once("saw").await?.parse()?)
}

#[tokio::test]
async fn a_ping_right_after_the_open_packet_is_answered_before_anything_else() -> Result {
    let script = async |mut socket: Websocket| {
        socket.text(OPEN).await;
        socket.text("2").await;
        let sent = [socket.next().await, socket.next().await];
        socket.text(CONNECTED).await;
        socket.text(&format!("42{}", json!(["saw", sent]))).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    let mut sent: Vec<String> = client.once("saw").await?.parse()?;
    sent.sort_unstable();
    assert_eq!(sent, ["3", "40"]);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn noop_packets_come_at_any_time() -> Result {
    let script = async |mut socket: Websocket| {
        for packet in [OPEN, "6"] {
            socket.text(packet).await;
        }
        socket.next().await;
        for packet in ["6", CONNECTED, "6", "6", r#"42["event",1]"#, "6"] {
            socket.text(packet).await;
        }
        socket.tell_next().await;
        socket.text("6").await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    assert_eq!(client.once("event").await?.args(), [json!(1)]);
    client.send("still here", ())?;
    // None was answered.
    assert_eq!(saw(&client).await?, r#"42["still here"]"#);
    assert_eq!(client.stray_packets(), 0);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn an_interval_of_zero_is_not_a_dead_server() -> Result {
    let script = async |mut socket: Websocket| {
        socket.text(r#"0{"sid":"e","upgrades":[],"pingInterval":0,"pingTimeout":0}"#).await;
        socket.next().await;
        socket.text(CONNECTED).await;
        // Answers a ping long after every deadline that could be read from the handshake.
        for _ in 0..100 {
            socket.text("2").await;
            socket.next().await;
        }
        socket.text(r#"42["alive"]"#).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    client.once("alive").await?;
    assert!(client.connected());
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn an_event_before_the_connect_reply_is_delivered_after_it() -> Result {
    let script = async |mut socket: Websocket| {
        socket.text(OPEN).await;
        socket.next().await;
        socket.text(r#"42["early",1]"#).await;
        socket.text(r#"451-["early",{"_placeholder":true,"num":0}]"#).await;
        socket.binary(b"\xff").await;
        socket.text(CONNECTED).await;
        socket.text(r#"42["early",3]"#).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    assert_eq!(client.once("early").await?.parse::<u8>()?, 1);
    assert_eq!(client.once("early").await?.parse::<Bytes>()?, [0xff][..]);
    assert_eq!(client.once("early").await?.parse::<u8>()?, 3);
    client.close().await?;
    Ok(())
}

#[rstest]
#[case::of_the_first_namespace("/", r#"44"Unable to connect""#)]
#[case::of_another_namespace("/x", r#"44/x,"Unable to connect""#)]
#[tokio::test]
async fn a_connect_error_may_be_a_bare_string(
    #[case] namespace: &str,
    #[case] refusal: &'static str,
) {
    let script = async move |mut socket: Websocket| {
        socket.text(OPEN).await;
        socket.next().await;
        socket.text(refusal).await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.unwrap();
    let error = create_socketio_client(target).namespace(namespace).await.unwrap_err();
    let expected = format!("connect_error on namespace \"{namespace}\": Unable to connect");
    assert_eq!(error.to_string(), expected);
}

/// Frames that a server sends in one piece: the open packet stands for itself, the CONNECT reply
/// and the first event come together.
#[tokio::test]
async fn the_reply_and_the_first_event_may_come_in_one_segment_split_anywhere() -> Result {
    let together = [frame(CONNECTED), frame(r#"42["first",{"n":1}]"#)].concat();
    let whole = HANDSHAKE_ANSWER + frame(OPEN).len() + together.len();
    for cut in 0..=whole {
        let together = together.clone();
        let script = async move |mut socket: Websocket| {
            socket.text(OPEN).await;
            socket.next().await;
            socket.raw().write_all(&together).await.expect("the client listens");
            socket.drain().await;
        };
        let target = scripted::websocket(script).await.unwrap().connector(Cut(cut));
        let client = create_socketio_client(target).await?;
        let first: Value = client.once("first").await?.parse()?;
        assert_eq!((client.id().as_str(), first), ("socket-id", json!({"n": 1})), "cut at {cut}");
        client.close().await?;
    }
    Ok(())
}

/// A server's text frame of less than 126 bytes.
fn frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    assert!(length < 126);
    [&[0x81, length], text.as_bytes()].concat()
}

/// Bytes of the answer to the WebSocket handshake: the status line and three headers.
const HANDSHAKE_ANSWER: usize = 129;

#[tokio::test]
async fn events_wait_for_the_connect_reply() -> Result {
    let script = async |listener: Listener| {
        let Some(mut socket) = listener.websocket().await else { return };
        socket.accept().await;
        drop(socket);
        let Some(mut socket) = listener.websocket().await else { return };
        socket.text(OPEN).await;
        let connect = socket.next().await;
        // An answer to this fences what was sent before it.
        socket.text("2").await;
        let fence = socket.next().await;
        socket.text(CONNECTED).await;
        let event = socket.next().await;
        socket.text(&format!("42{}", json!(["saw", [connect, fence, event]]))).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::listener(script).await.unwrap())
        .reconnection(Reconnection::new().delay(Duration::from_millis(1)))
        .await?;
    client.disconnected().await?;
    client.send("kept", ())?;
    let saw: Vec<String> = client.once("saw").await?.parse()?;
    assert_eq!(saw, ["40", "3", r#"42["kept"]"#]);
    client.close().await?;
    Ok(())
}

#[rstest]
#[case::one_character("x", "y")]
#[case::sixteen("0123456789abcdef", "fedcba9876543210")]
#[case::twenty("lv_VI97HAXpY6yYWAAAC", "CAAAWYy6YpXAH79IV_vl")]
#[case::four_hundred(&"é/+=".repeat(100), "x")]
#[case::the_same_twice("0123456789abcdef", "0123456789abcdef")]
#[tokio::test]
async fn session_ids_have_any_length(#[case] session: &str, #[case] id: &str) -> Result {
    let open =
        format!(r#"0{{"sid":"{session}","upgrades":[],"pingInterval":25000,"pingTimeout":20000}}"#);
    let reply = format!(r#"40{{"sid":"{id}"}}"#);
    let script = async move |mut socket: Websocket| {
        socket.text(&open).await;
        socket.next().await;
        socket.text(&reply).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    assert_eq!(client.id(), id);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn ack_ids_above_2_to_the_53_stay_exact() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text(r#"429007199254740993["question"]"#).await;
        socket.tell_next().await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    client.once("question").await?.ack("answer")?;
    assert_eq!(saw(&client).await?, r#"439007199254740993["answer"]"#);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn acks_nobody_waits_for_go_to_nobody() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text("4399[\"never used\"]").await;
        socket.next().await;
        socket.text("430[\"answer\"]").await;
        socket.text("430[\"again\"]").await;
        socket.next().await;
        socket.text("431[\"second answer\"]").await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    assert_eq!(client.send_with_ack("ask", ()).await?.values(), [json!("answer")]);
    assert_eq!(client.send_with_ack("ask", ()).await?.values(), [json!("second answer")]);
    assert_eq!(client.stray_packets(), 2);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn an_ack_id_that_is_no_number_ends_the_connection() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.next().await;
        socket.text("43Infinity[1]").await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    let error = client.send_with_ack("ask", ()).await.unwrap_err();
    let ClientError::Disconnected { reason: CloseReason::ParseError(_), .. } = error else {
        panic!("{error}")
    };
    Ok(())
}
