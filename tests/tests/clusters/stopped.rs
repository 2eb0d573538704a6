//! Nodes that are taken down, and come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rstest::rstest;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, CloseReason, Node, Result, close, create_cluster, create_socketio_client,
};
use socketio_tests::{Via, back_in};

use crate::{at_once, place};

#[rstest]
#[tokio::test]
async fn the_clients_of_a_stopped_node_find_another_and_it_gets_new_ones_when_it_is_back(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let cluster = create_cluster(2, async |_: Node| peer::router()).await?;
    let client =
        create_socketio_client(&cluster).transports(via.transports()).reconnection(at_once());
    let client = client.await?;
    let mut events = client.connection_events();
    let first = place(&cluster, &client);
    let node = cluster.node(first);

    node.stop().await?;
    assert!(!node.is_running());
    assert_eq!(node.url(), None);
    back_in("/", &mut events).await?;
    assert_ne!(place(&cluster, &client), first);
    client.send_with_ack("message-with-ack", 1).await?;

    node.start().await?;
    assert!(node.is_running());
    // It has the fewest sessions.
    let next = create_socketio_client(&cluster).await?;
    assert_eq!(place(&cluster, &next), first);
    next.close().await?;
    client.close().await?;
    close(cluster).await
}

#[tokio::test]
async fn a_node_is_made_anew_at_each_start() -> Result {
    let made = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&made);
    let cluster = create_cluster(2, async move |_: Node| {
        counting.fetch_add(1, Ordering::Relaxed);
        peer::router()
    })
    .await?;
    assert_eq!(made.load(Ordering::Relaxed), 2);
    let node = cluster.node(1);
    let first = node.url().expect("it runs");

    let client = create_socketio_client(node).await?;
    node.restart().await?;
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    assert_eq!(made.load(Ordering::Relaxed), 3);
    assert_ne!(node.url().expect("it runs"), first);

    // What runs is not started again, what is stopped not stopped again.
    node.start().await?;
    node.stop().await?;
    node.stop().await?;
    assert_eq!(made.load(Ordering::Relaxed), 3);
    let refused = create_socketio_client(node).await;
    assert!(matches!(refused, Err(ClientError::Unreachable { .. })), "{refused:?}");
    client.close().await?;
    close(cluster).await
}

#[tokio::test]
async fn without_a_node_the_balancer_says_so() -> Result {
    let cluster = create_cluster(1, async |_: Node| peer::router()).await?;
    cluster.node(0).stop().await?;
    let error = create_socketio_client(&cluster).await.expect_err("nobody is there").to_string();
    assert!(error.contains("503"), "{error}");
    close(cluster).await
}

#[tokio::test]
async fn a_node_that_cannot_be_made_is_named_with_the_reason() {
    let cluster = create_cluster(2, async |node: Node| match node.index() {
        0 => Ok(peer::router()),
        _ => Err("the database is on fire"),
    });
    let error = cluster.await.expect_err("one node cannot be made").to_string();
    assert!(error.contains("node 1"), "{error}");
    assert!(error.contains("the database is on fire"), "{error}");
}
