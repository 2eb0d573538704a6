//! The raw connection against a server that is scripted frame by frame.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use socketio_conformance::{
    Context, FailureKind, Subject,
    raw::{Packet, Polling, Session as _, WebSocket, expect_websocket_refused},
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};

const OPEN: &str = r#"0{"sid":"a","upgrades":[],"pingInterval":300,"pingTimeout":200}"#;

/// The other side of the conversation.
struct Script(WebSocketStream<TcpStream>);

impl Script {
    async fn send(&mut self, frame: &str) {
        self.0.send(Message::text(frame)).await.unwrap();
    }

    async fn expect(&mut self, frame: &str) {
        let came = self.0.next().await.unwrap().unwrap();
        assert_eq!(came, Message::text(frame));
    }
}

/// A server that accepts one connection and then follows `script`.
async fn serve<Fut>(script: impl FnOnce(Script) -> Fut + Send + 'static) -> Context
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        script(Script(accept_async(stream).await.unwrap())).await;
    });
    Context::new(Subject::parse(&url).unwrap(), Duration::from_secs(10))
}

#[tokio::test]
async fn pings_are_answered_and_never_stand_between_packets() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        server.send("2").await;
        server.expect("3").await;
        server.send("6").await;
        server.send("4hello").await;
        server.expect("4bye").await;
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    assert_eq!(socket.receive("hello").await.unwrap(), Packet::Text("4hello".to_owned()));
    socket.next_ping().await.unwrap();
    socket.send("4bye").await.unwrap();
}

#[tokio::test]
async fn pongs_stop_on_request() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        server.expect("4stopped").await;
        server.send("2").await;
        server.expect("4no pong before this").await;
        server.send("4done").await;
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    socket.stop_pongs();
    socket.send("4stopped").await.unwrap();
    socket.next_ping().await.unwrap();
    socket.send("4no pong before this").await.unwrap();
    socket.expect("4done").await.unwrap();
}

#[tokio::test]
async fn a_close_that_is_under_way_may_follow_the_answer_to_the_fence() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        server.expect("4bad").await;
        server.expect("4fence").await;
        server.send("4answer").await;
        server.0.close(None).await.unwrap();
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    socket.expect_close_after("4bad", "4fence").await.unwrap();
}

#[tokio::test]
async fn a_fence_that_is_answered_shows_that_the_connection_stays_open() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        server.expect("4bad").await;
        server.expect("4fence").await;
        server.send("4answer").await;
        // Open until the client gives up.
        while server.0.next().await.is_some_and(|frame| frame.is_ok()) {}
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    let failure = socket.expect_close_after("4bad", "4fence").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Departure);
    assert_eq!(failure.came, "it stays open after 4bad and carries 4answer");
}

#[tokio::test]
async fn a_connection_that_ends_says_how() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        server.send("1").await;
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    let failure = socket.receive("a packet").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Disconnected);
    assert_eq!(failure.came, "the connection was ended with a close packet");
}

#[tokio::test]
async fn attachments_are_found_by_their_placeholders() {
    let ctx = serve(|mut server| async move {
        server.send(OPEN).await;
        let placeholders = r#"{"num":1,"_placeholder":true},{"num":0,"_placeholder":true}"#;
        server.send(&format!(r#"452-["a",{placeholders}]"#)).await;
        server.0.send(Message::binary(vec![2])).await.unwrap();
        server.0.send(Message::binary(vec![1])).await.unwrap();
        server.0.next().await;
    })
    .await;

    let mut socket = WebSocket::open(&ctx).await.unwrap();
    let packet = r#"452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    socket.expect_attached(packet, &[&[1], &[2]]).await.unwrap();
}

#[tokio::test]
async fn a_session_is_not_a_refusal() {
    let accepting = serve(|mut server| async move {
        server.send(OPEN).await;
        server.0.next().await;
    })
    .await;
    let failure = expect_websocket_refused(&accepting, "EIO=4").await.unwrap_err();
    assert_eq!(failure.came, OPEN);

    let closing = serve(|mut server| async move { server.0.close(None).await.unwrap() }).await;
    expect_websocket_refused(&closing, "EIO=4").await.unwrap();
}

#[tokio::test]
async fn a_port_without_a_server_is_unreachable() {
    // Held, so that nobody else listens there.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let ctx = Context::new(Subject::parse(&url).unwrap(), Duration::from_secs(10));

    let failure = WebSocket::open(&ctx).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
}

#[tokio::test]
async fn a_session_id_of_any_characters_is_written_as_a_url_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let targets = tokio::spawn(async move {
        let mut targets = Vec::new();
        for _ in 0..3 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
            }
            targets.push(head.split(' ').nth(1).unwrap().to_owned());
            let open = OPEN.replace(r#""a""#, r#""a+b/c=&d#é""#);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{open}", open.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        targets
    });
    let ctx = Context::new(Subject::parse(&url).unwrap(), Duration::from_secs(10));
    let session = Polling::open(&ctx).await.unwrap();
    session.poll().await.unwrap();
    session.websocket().await.unwrap_err();
    for (target, transport) in
        targets.await.unwrap().iter().zip(["polling", "polling", "websocket"])
    {
        let opens = target == "/socket.io/?EIO=4&transport=polling";
        let sid = "a%2Bb%2Fc%3D%26d%23%C3%A9";
        let follows = format!("/socket.io/?EIO=4&transport={transport}&sid={sid}");
        assert!(opens || *target == follows, "{target}");
    }
}
