//! Answers to polls that come twice, or in another order.

use rstest::rstest;
use serde_json::json;
use socketio_harness::{Result, Transport, close, create_socketio_client};
use socketio_tests::polling::PollingServer;
use socketio_tests::{Peer, scripted};

#[rstest]
#[tokio::test]
async fn a_duplicated_answer_brings_its_events_twice(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports([Transport::Polling]).await?;
    let twice = app.faults().duplicate_polls();
    // The poll that is open was asked before the fault.
    client.send_with_ack("message-with-ack", 0).await?;
    client.send("message", 1)?;
    for _ in 0..2 {
        assert_eq!(client.once("message-back").await?.args(), [json!(1)]);
    }
    twice.heal();
    client.send("message", 2)?;
    assert_eq!(client.once("message-back").await?.args(), [json!(2)]);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_reordered_answer_comes_after_the_next_one() -> Result {
    let answers = [
        scripted::OPEN,
        "40{\"sid\":\"x\"}",
        "42[\"a\"]",
        "42[\"b\"]",
        "2",
        "42[\"c\"]",
        "42[\"d\"]",
    ];
    let server = PollingServer::start(answers).await?;
    // From the first poll on, so that no open poll escapes it.
    let _reordered = server.app.faults().reorder_polls();
    let client = create_socketio_client(&server.app).transports([Transport::Polling]).await?;
    let mut all = client.on_any();
    for expected in ["b", "a", "d", "c"] {
        assert_eq!(all.next().await?.name(), expected);
    }
    drop(client);
    close(server.app).await
}
