//! Faults that end connections, and what each side makes of it.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::{
    App, ClientError, CloseReason, Gone, Reconnection, Result, close, create_socketio_client,
};
use socketio_tests::Via;
use socketio_tests::witness::{Heartbeat, Witness};

const RESET: &str = "connection reset";

#[rstest]
#[case::rust(true)]
#[case::node(false)]
#[tokio::test]
async fn a_cut_is_the_end_for_both_sides(
    #[case] here: bool,
    #[values(Via::Websocket, Via::Upgrade)] via: Via,
) -> Result {
    let mut witness = witness(here, Heartbeat::RARE).await?;
    let client = create_socketio_client(&witness.app).transports(via.transports()).await?;
    if via == Via::Upgrade {
        client.upgraded().await?;
    }
    witness.app.faults().cut();
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    let expected = if here { "TransportClose" } else { "transport close" };
    let told = witness.next_leave().await.expect("a client leaves in time");
    assert!(told == expected || told == "TransportError", "{told}");
    client.close().await?;
    close(witness.app).await
}

#[rstest]
#[tokio::test]
async fn a_reset_is_an_error_of_the_transport(
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let witness = Witness::rust(Heartbeat::RARE).await?;
    let client = create_socketio_client(&witness.app).transports(via.transports()).await?;
    if via == Via::Polling {
        witness.is_polled().await;
    }
    witness.app.faults().reset();
    let reason = client.disconnected().await?;
    let CloseReason::TransportError(detail) = &reason else { panic!("{reason}") };
    assert!(detail.to_lowercase().contains(RESET), "{detail}");
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn a_connection_is_reset_when_it_has_carried_enough() -> Result {
    let mut witness = Witness::rust(Heartbeat::RARE).await?;
    let client = create_socketio_client(&witness.app).await?;
    let limited = witness.app.faults().reset_after(10_000);
    let fits = client.send_with_ack("message-with-ack", "x".repeat(2_000)).await?;
    assert_eq!(fits.values(), [json!("x".repeat(2_000))]);
    let error = client.send_with_ack("message-with-ack", "x".repeat(8_000)).await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    witness.next_leave().await.expect("a client leaves in time");
    client.close().await?;
    // Each connection has its own count.
    let client = create_socketio_client(&witness.app).await?;
    client.send_with_ack("message-with-ack", "x".repeat(2_000)).await?;
    limited.heal();
    client.send_with_ack("message-with-ack", "x".repeat(20_000)).await?;
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn a_server_that_has_gone_is_missed_by_the_heartbeat() -> Result {
    let mut witness = Witness::rust(Heartbeat::BRISK).await?;
    let client = witness.client().await?;
    let _gone = witness.app.faults().half_open(Gone::Server);
    witness.next_leave().await.expect("a client leaves in time");
    assert!(client.connected(), "it has not been told");
    client.send("message", "into the void")?;
    assert_eq!(client.disconnected().await?, CloseReason::PingTimeout);
    client.close().await?;
    close(witness.app).await
}

#[rstest]
#[case::rust(true, "HeartbeatTimeout")]
#[case::node(false, "ping timeout")]
#[tokio::test]
async fn a_client_that_has_gone_is_missed_by_the_heartbeat(
    #[case] here: bool,
    #[case] expected: &str,
) -> Result {
    let mut witness = witness(here, Heartbeat::BRISK).await?;
    let client = witness.client().await?;
    let _gone = witness.app.faults().half_open(Gone::Client);
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    assert_eq!(witness.next_leave().await.expect("a client leaves in time"), expected);
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn healing_ends_what_was_half_open() -> Result {
    let witness = Witness::rust(Heartbeat::RARE).await?;
    let client = create_socketio_client(&witness.app).await?;
    let gone = witness.app.faults().half_open(Gone::Server);
    // Made while it stands, and not touched by it.
    let second = create_socketio_client(&witness.app).await?;
    second.send_with_ack("message-with-ack", 1).await?;
    gone.heal();
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    client.close().await?;
    second.close().await?;
    close(witness.app).await
}

#[rstest]
#[case::rust(true)]
#[case::node(false)]
#[tokio::test]
async fn a_closed_websocket_needs_no_close_packet(#[case] here: bool) -> Result {
    let mut witness = witness(here, Heartbeat::RARE).await?;
    let client = create_socketio_client(&witness.app).await?;
    witness.app.faults().close_websockets();
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    let expected = if here { "TransportClose" } else { "transport close" };
    assert_eq!(witness.next_leave().await.expect("a client leaves in time"), expected);
    let transcript = client.transcript();
    let goodbye = |text: &str| text.starts_with("41") || text == "1";
    assert!(!transcript.entries().any(|entry| goodbye(&entry.text)), "{transcript}");
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn a_client_with_reconnection_comes_back_after_a_cut() -> Result {
    let mut witness = Witness::rust(Heartbeat::RARE).await?;
    let plan = Reconnection::new().attempts(3).delay(Duration::from_millis(10));
    let client = create_socketio_client(&witness.app).reconnection(plan).await?;
    for number in 0..3 {
        witness.app.faults().cut();
        witness.next_leave().await.expect("a client leaves in time");
        client.send("message", number)?;
        assert_eq!(client.once("message-back").await?.args(), [json!(number)]);
    }
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn no_connection_is_left_of_any_fault() -> Result {
    let mut witness = Witness::rust(Heartbeat::RARE).await?;
    let endings: [fn(&App); 3] = [
        |app| app.faults().cut(),
        |app| app.faults().reset(),
        |app| app.faults().close_websockets(),
    ];
    for end in endings {
        let client = create_socketio_client(&witness.app).await?;
        end(&witness.app);
        client.disconnected().await?;
        client.close().await?;
        witness.next_leave().await.expect("a client leaves in time");
    }
    close(witness.app).await
}

async fn witness(here: bool, heartbeat: Heartbeat) -> Result<Witness> {
    if here { Witness::rust(heartbeat).await } else { Witness::node(heartbeat).await }
}
