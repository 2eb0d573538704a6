//! Half of the heartbeat is lost: who misses what.

use rstest::rstest;
use socketio_harness::{CloseReason, Result, close, scaled};
use socketio_tests::Via;
use socketio_tests::witness::{Heartbeat, Witness};

#[rstest]
#[tokio::test]
async fn without_pings_both_sides_give_up(
    #[values(Via::Websocket, Via::Polling)] via: Via,
    #[values(true, false)] here: bool,
) -> Result {
    let mut witness = witness(here).await?;
    // Before the client: socketioxide's first ping comes at once.
    let _swallowed = witness.app.faults().swallow_pings();
    let client = witness.client().transports(via.transports()).await?;
    // A server counts from its ping on, the client from the last one it got, or from the beginning.
    // socket.io's first ping comes after an interval: the two alarms ring at the same moment.
    let either =
        if here { &["HeartbeatTimeout"][..] } else { &["ping timeout", "transport close"] };
    let told = witness.next_leave().await.expect("a client leaves in time");
    assert!(either.contains(&&*told), "{told}");
    client.disconnected().await?;
    let transcript = client.transcript();
    let pings = transcript.entries().filter(|entry| entry.text == "2").count();
    assert_eq!(pings, 0, "{transcript}");
    client.close().await?;
    close(witness.app).await
}

#[rstest]
#[tokio::test]
async fn without_pongs_the_server_gives_up(
    #[values(Via::Websocket, Via::Polling)] via: Via,
    #[values(true, false)] here: bool,
) -> Result {
    let mut witness = witness(here).await?;
    let client = witness.client().transports(via.transports()).await?;
    let _swallowed = witness.app.faults().swallow_pongs();
    let expected = if here { "HeartbeatTimeout" } else { "ping timeout" };
    assert_eq!(witness.next_leave().await.expect("a client leaves in time"), expected);
    let reason = client.disconnected().await?;
    assert_ne!(reason, CloseReason::PingTimeout, "the client had its ping");
    let transcript = client.transcript();
    assert!(transcript.entries().any(|entry| entry.text == "3"), "{transcript}");
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn a_heartbeat_that_heals_in_time_is_none_lost() -> Result {
    let witness = Witness::rust(Heartbeat::BRISK).await?;
    let client = witness.client().await?;
    witness.app.faults().swallow_pings().heal();
    tokio::time::timeout(scaled(Heartbeat::MISSED_WITHIN), async {
        while !client.transcript().entries().any(|entry| entry.text == "3") {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a ping is answered");
    assert!(client.connected());
    client.close().await?;
    close(witness.app).await
}

async fn witness(here: bool) -> Result<Witness> {
    if here { Witness::rust(Heartbeat::BRISK).await } else { Witness::node(Heartbeat::BRISK).await }
}
