//! Input that is not the protocol ends the connection with a reason; it never panics or hangs.

use std::time::Duration;

use rstest::rstest;
use socketio_harness::{
    ClientError, CloseReason, Result, SocketIoClient, Transport, close, create_socketio_client,
};
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use tokio::io::AsyncWriteExt;

/// Whoever waits for an event is told why none will come.
async fn reason_of_the_end(client: &SocketIoClient) -> CloseReason {
    let error = client.once("never").await.expect_err("the connection ends");
    let ClientError::Disconnected { reason, .. } = error else { return CloseReason::Dropped };
    reason
}

#[track_caller]
fn is_parse_error(reason: &CloseReason) {
    assert!(matches!(reason, CloseReason::ParseError(_)), "{reason}");
}

#[rstest]
#[case::unknown_engine_packet("7")]
#[case::empty_frame("")]
#[case::no_packet_at_all("hello")]
#[case::a_second_open_packet(OPEN)]
#[case::a_close_with_data("1x")]
#[case::empty_message("4")]
#[case::unknown_packet("47")]
#[case::event_without_payload("42")]
#[case::event_that_is_an_object("42{}")]
#[case::event_without_a_name("42[]")]
#[case::event_with_a_wrong_name("42[{}]")]
#[case::truncated_json("42[\"message\",{\"a\":")]
#[case::rubbish_after_json("42[\"message\"]zzz")]
#[case::deep_nesting(&format!("42[\"message\",{}{}]", "[".repeat(500), "]".repeat(500)))]
#[case::ack_without_id("43[1]")]
#[case::ack_id_infinity("43Infinity[1]")]
#[case::ack_id_above_64_bits("4399999999999999999999[1]")]
#[case::attachments_without_a_count("45[\"message\"]")]
#[case::attachments_that_are_no_number("45x-[\"message\"]")]
#[case::too_many_attachments("45999999-[\"message\"]")]
#[case::placeholder_out_of_range("451-[\"message\",{\"_placeholder\":true,\"num\":1}]")]
#[case::placeholder_without_number("451-[\"message\",{\"_placeholder\":true}]")]
#[case::connect_reply_without_sid("40/other,[]")]
#[case::disconnect_with_a_payload("41{}")]
#[tokio::test]
async fn a_bad_text_frame_is_a_parse_error(#[case] frame: &str) -> Result {
    let frame = frame.to_owned();
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.text(&frame).await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    is_parse_error(&reason_of_the_end(&client).await);
    client.close().await?;
    Ok(())
}

#[rstest]
#[case::unknown_engine_packet(b"7".as_slice())]
#[case::empty_body(b"")]
#[case::empty_packet_in_the_body(b"2\x1e")]
#[case::invalid_utf8(b"42[\"\xff\xfe\"]")]
#[case::invalid_base64(b"b###")]
#[case::binary_nobody_announced(b"bAQID")]
#[case::bad_packet_after_a_good_one(b"42[\"message\"]\x1e42[")]
#[case::text_where_an_attachment_is_owed(
    b"451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1e42[\"other\"]"
)]
#[tokio::test]
async fn a_bad_polling_body_is_a_parse_error(#[case] body: &[u8]) -> Result {
    let app = scripted::polling([OPEN.as_bytes(), CONNECTED.as_bytes(), body]).await?;
    let client = create_socketio_client(&app).transports([Transport::Polling]).await?;
    is_parse_error(&reason_of_the_end(&client).await);
    drop(client);
    close(app).await
}

#[tokio::test]
async fn binary_that_nobody_announced_is_a_parse_error() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.binary(b"\x01\x02").await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    let reason = reason_of_the_end(&client).await;
    is_parse_error(&reason);
    assert!(reason.to_string().contains("2 bytes"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn a_text_where_an_attachment_is_owed_is_a_parse_error() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text("451-[\"message\",{\"_placeholder\":true,\"num\":0}]").await;
        socket.text("42[\"other\"]").await;
        socket.drain().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    is_parse_error(&reason_of_the_end(&client).await);
    Ok(())
}

/// What is no websocket frame, or breaks off, in the middle of a connection.
#[rstest]
#[case::invalid_utf8_in_a_text_frame(b"\x81\x02\xff\xfe".as_slice())]
#[case::reserved_opcode(b"\x83\x00")]
#[case::masked_by_the_server(b"\x81\x81\x00\x00\x00\x002")]
#[case::a_frame_of_many_exabytes(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")]
#[case::the_middle_of_a_frame(b"\x81\x7e\x04\x0042[\"mess")]
#[case::the_middle_of_a_packet(b"\x81\x2d451-[\"message\",{\"_placeholder\":true,\"num\":0}]")]
#[case::nothing(b"")]
#[tokio::test]
async fn a_stream_that_breaks_ends_the_connection(#[case] bytes: &'static [u8]) -> Result {
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.raw().write_all(bytes).await.unwrap();
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    let reason = reason_of_the_end(&client).await;
    assert!(
        matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_)),
        "{reason}"
    );
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_poll_that_breaks_ends_the_connection() -> Result {
    let app = scripted::polling([OPEN, CONNECTED, "42[\"message\"]"]).await?;
    let client = create_socketio_client(&app).transports([Transport::Polling]).await?;
    client.once("message").await?;
    // The next poll is pending when the server goes.
    close(app).disconnect_clients().await?;
    assert!(matches!(reason_of_the_end(&client).await, CloseReason::TransportError(_)));
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_answer_a_close_is_left_after_a_moment() -> Result {
    let (dropped, gone) = tokio::sync::oneshot::channel();
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        // Reads nothing any more, so the close frame stays unanswered.
        let _ = gone.await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    let closing = tokio::time::timeout(Duration::from_secs(10), client.close());
    closing.await.expect("close gives up by itself")?;
    let _ = dropped.send(());
    Ok(())
}
