use crate::{
    Case, Context, Failure, Section,
    raw::{Session as _, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let events = Section::Events;
    vec![
        events.must(
            "sio.ack.answers_with_the_same_id",
            "The receiver MUST answer an EVENT that holds an event ID with an ACK of the same ID.",
            answers_with_the_same_id,
        ),
        events.must(
            "sio.ack.carries_binary_attachments",
            "An answer that includes binary is a BINARY_ACK of the same ID, with placeholders and \
             attachments.",
            carries_binary_attachments,
        ),
        events.must(
            "sio.ack.closes_on_an_invalid_id",
            "The acknowledgment ID is an integer: a packet with another cannot be decoded and the \
             server closes the connection.",
            closes_on_an_invalid_id,
        ),
    ]
}

async fn answers_with_the_same_id(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#).await?;
    socket.expect(r#"43456[1,"2",{"3":[false]}]"#).await
}

async fn carries_binary_attachments(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(&format!(r#"452-789["message-with-ack",{TWO_ATTACHMENTS}]"#)).await?;
    socket.send_binary(&[1, 2, 3]).await?;
    socket.send_binary(&[4, 5, 6, 7]).await?;
    let ack = format!("462-789[{TWO_ATTACHMENTS}]");
    socket.expect_attached(&ack, &[&[1, 2, 3], &[4, 5, 6, 7]]).await
}

async fn closes_on_an_invalid_id(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket
        .expect_close_after(r#"42abc["message-with-ack",1]"#, r#"42["message","still open"]"#)
        .await
}

pub(super) const TWO_ATTACHMENTS: &str =
    r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
