use futures::join;
use tokio::time::Instant;

use crate::{
    Case, Context, Failure, Section,
    raw::{Polling, Session as _, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let messages = Section::Messages;
    vec![
        messages.must(
            "eio.message.polling_carries_text",
            "The server MUST answer a POST with HTTP 200 and the body ok, and send its own packets \
             in the response to a GET.",
            polling_carries_text,
        ),
        messages.must(
            "eio.message.polling_keeps_packets_in_order",
            "A payload may hold several packets, separated by 0x1e; they are handled and answered \
             in their order.",
            polling_keeps_packets_in_order,
        ),
        messages.must(
            "eio.message.polling_carries_binary_as_base64",
            "In a payload, binary MUST be base64-encoded and prefixed with b, beside the text \
             packets.",
            polling_carries_binary_as_base64,
        ),
        messages.should(
            "eio.message.polling_ends_on_an_invalid_packet",
            "A packet without a known packet type ends the session: the session ID is no longer \
             known, which is HTTP 400.",
            polling_ends_on_an_invalid_packet,
        ),
        messages.must(
            "eio.message.polling_ends_on_a_second_poll",
            "Should a client have more than one active GET, the server MUST return HTTP 400 and \
             close the session.",
            polling_ends_on_a_second_poll,
        ),
        messages.must(
            "eio.message.websocket_carries_text",
            "Each packet is sent in its own WebSocket frame; text is UTF-8 after the packet type.",
            websocket_carries_text,
        ),
        messages.must(
            "eio.message.websocket_carries_binary",
            "Binary is sent as is over WebSocket, in a binary frame of its own.",
            websocket_carries_binary,
        ),
        messages.should(
            "eio.message.websocket_closes_on_an_invalid_packet",
            "A packet without a known packet type closes the WebSocket connection.",
            websocket_closes_on_an_invalid_packet,
        ),
    ]
}

async fn polling_carries_text(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    session.connect("/").await?;
    session.post(r#"42["message","héllo €"]"#).await?.expect_ok("ok")?;
    session.expect(r#"42["message-back","héllo €"]"#).await
}

async fn polling_keeps_packets_in_order(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    session.connect("/").await?;
    let packets: Vec<_> = (1..=10).map(|n| format!(r#"42["message",{n}]"#)).collect();
    session.send(&packets.join("\u{1e}")).await?;
    for n in 1..=10 {
        session.expect(&format!(r#"42["message-back",{n}]"#)).await?;
    }
    Ok(())
}

async fn polling_carries_binary_as_base64(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    session.connect("/").await?;
    let event = r#"451-["message",{"_placeholder":true,"num":0}]"#;
    session.send(&format!("{event}\u{1e}bAQIDBA==")).await?;
    session.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#).await?;
    session.expect("bAQIDBA==").await
}

async fn polling_ends_on_an_invalid_packet(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    session.connect("/").await?;
    // How the POST itself ends is left open: servers say 400, say 200, or cut the connection.
    session.post("abc").await.ok();
    session.expect_gone().await
}

async fn polling_ends_on_a_second_poll(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    session.connect("/").await?;
    // A ping may release the first poll before the second arrives; then they did not overlap.
    for _ in 0..3 {
        let asked_at = Instant::now();
        let (one, other) = join!(session.poll(), session.poll());
        // How the other one ends is left open.
        if [&one, &other].iter().any(|reply| matches!(reply, Ok(reply) if reply.status == 400)) {
            session.expect_before_heartbeat(REFUSED, asked_at, Instant::now())?;
            return session.expect_gone().await;
        }
        one?.expect_status(200)?;
        other?.expect_status(200)?;
    }
    Err(Failure::departure(REFUSED, "both were answered with HTTP 200, three times"))
}

async fn websocket_carries_text(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(r#"42["message","héllo €"]"#).await?;
    socket.expect(r#"42["message-back","héllo €"]"#).await
}

async fn websocket_carries_binary(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(r#"451-["message",{"_placeholder":true,"num":0}]"#).await?;
    socket.send_binary(&[1, 2, 3, 4]).await?;
    socket.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#).await?;
    socket.expect_binary(&[1, 2, 3, 4]).await
}

async fn websocket_closes_on_an_invalid_packet(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.expect_close_after("abc", r#"42["message","still open"]"#).await
}

const REFUSED: &str = "HTTP 400 to one of two polls";
