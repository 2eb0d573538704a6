use super::acks::TWO_ATTACHMENTS;
use crate::{
    Case, Context, Failure, Section,
    raw::{Session as _, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let events = Section::Events;
    vec![
        events.must(
            "sio.event.echoes_arguments_in_order",
            "The payload of an EVENT is an array of any JSON, which arrives unchanged and in its \
             order.",
            echoes_arguments_in_order,
        ),
        events.must(
            "sio.event.carries_binary_attachments",
            "Binary in a BINARY_EVENT is replaced by numbered placeholders and follows as as many \
             attachments.",
            carries_binary_attachments,
        ),
        events.must(
            "sio.event.closes_on_an_unknown_packet_type",
            "A packet whose type the protocol does not define cannot be decoded: the server closes \
             the connection.",
            closes_on_an_unknown_packet_type,
        ),
        events.must(
            "sio.event.closes_on_an_invalid_payload",
            "The payload of an EVENT is mandatory and MUST be a non-empty array; if it is not, the \
             receiver MUST close the connection.",
            closes_on_an_invalid_payload,
        ),
    ]
}

async fn echoes_arguments_in_order(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(r#"42["message",1,"2",{"3":[true]}]"#).await?;
    socket.expect(r#"42["message-back",1,"2",{"3":[true]}]"#).await
}

async fn carries_binary_attachments(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.send(&format!(r#"452-["message",{TWO_ATTACHMENTS}]"#)).await?;
    socket.send_binary(&[1, 2, 3]).await?;
    socket.send_binary(&[4, 5, 6, 7]).await?;
    let reply = format!(r#"452-["message-back",{TWO_ATTACHMENTS}]"#);
    socket.expect_attached(&reply, &[&[1, 2, 3], &[4, 5, 6, 7]]).await
}

async fn closes_on_an_unknown_packet_type(ctx: Context) -> Result<(), Failure> {
    for packet in ["4abc", r#"47["message"]"#] {
        let mut socket = WebSocket::open(&ctx).await?;
        socket.connect("/").await?;
        socket.expect_close_after(packet, STILL_OPEN).await?;
    }
    Ok(())
}

async fn closes_on_an_invalid_payload(ctx: Context) -> Result<(), Failure> {
    for packet in ["42{}", "42[]", "42"] {
        let mut socket = WebSocket::open(&ctx).await?;
        socket.connect("/").await?;
        socket.expect_close_after(packet, STILL_OPEN).await?;
    }
    Ok(())
}

const STILL_OPEN: &str = r#"42["message","still open"]"#;
