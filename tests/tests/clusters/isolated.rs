//! Nodes that are cut off: from the others, from their clients, from both.

use socketio_harness::{
    ClientError, Cluster, Node, Result, close, create_cluster, create_socketio_client,
};
use socketio_tests::{back_in, nodes};

use crate::{at_once, hear, place, say, say_until_it_leaves};

async fn two_nodes() -> Result<Cluster> {
    create_cluster(2, async |node: Node| nodes::speaking_node(&node).await).redis().await
}

#[tokio::test]
async fn a_node_without_redis_serves_its_own_clients_and_is_out_of_the_talk() -> Result {
    let cluster = two_nodes().await?;
    let here = create_socketio_client(cluster.node(0)).await?;
    let beside = create_socketio_client(cluster.node(0)).await?;
    let there = create_socketio_client(cluster.node(1)).await?;
    let (mut heard_beside, mut heard_there) = (beside.on("said"), there.on("said"));
    assert!(say(&here, "before").await?);
    assert_eq!(hear(&mut heard_beside).await?, "before");
    assert_eq!(hear(&mut heard_there).await?, "before");

    let isolated = cluster.node(0).isolate_from_redis();
    assert!(!say(&here, "within").await?, "who says it learns that it stays");
    assert_eq!(hear(&mut heard_beside).await?, "within");
    assert!(say(&there, "elsewhere").await?);
    assert_eq!(hear(&mut heard_there).await?, "elsewhere");

    isolated.heal();
    let after = say_until_it_leaves(&here).await?;
    assert_eq!(hear(&mut heard_there).await?, after, "nothing was kept for later");
    // What was attempted is heard beside; what was said elsewhere meanwhile is not.
    while hear(&mut heard_beside).await? != after {}
    assert!(say(&there, "again").await?);
    let mut heard = hear(&mut heard_beside).await?;
    while heard.starts_with("attempt") {
        heard = hear(&mut heard_beside).await?;
    }
    assert_eq!(heard, "again");
    for client in [here, beside, there] {
        client.close().await?;
    }
    close(cluster).await
}

#[tokio::test]
async fn a_node_cut_off_from_clients_loses_them_to_the_others_and_gets_new_ones_when_it_heals()
-> Result {
    let cluster = two_nodes().await?;
    let around = create_socketio_client(cluster.node(0)).await?;
    let through = create_socketio_client(&cluster).reconnection(at_once()).await?;
    let first = place(&cluster, &through);
    let mut events = through.connection_events();

    let isolated = cluster.node(first).isolate_from_clients();
    back_in("/", &mut events).await?;
    assert_ne!(place(&cluster, &through), first);
    let refused = create_socketio_client(cluster.node(first)).await;
    assert!(matches!(refused, Err(ClientError::Unreachable { .. })), "{refused:?}");
    if first == 0 {
        around.disconnected().await?;
    }
    assert!(cluster.node(first).is_running(), "it lives");
    assert!(say(&through, "still one cluster").await?);

    isolated.heal();
    let next = create_socketio_client(&cluster).await?;
    assert_eq!(place(&cluster, &next), first, "it has the fewest sessions");
    for client in [around, through, next] {
        client.close().await?;
    }
    close(cluster).await
}

#[tokio::test]
async fn an_isolation_within_another_heals_with_the_last() -> Result {
    let cluster = two_nodes().await?;
    let node = cluster.node(0);
    let one = node.isolate();
    let another = node.isolate_from_clients();
    drop(one);
    let refused = create_socketio_client(node).await;
    assert!(matches!(refused, Err(ClientError::Unreachable { .. })), "{refused:?}");
    drop(another);
    let client = create_socketio_client(node).await?;
    say_until_it_leaves(&client).await?;
    client.close().await?;
    close(cluster).await
}

#[tokio::test]
async fn a_redis_that_dies_under_the_nodes_is_missed_until_it_is_back() -> Result {
    let cluster = two_nodes().await?;
    let here = create_socketio_client(cluster.node(0)).await?;
    let there = create_socketio_client(cluster.node(1)).await?;
    let mut heard = there.on("said");
    cluster.redis().stop().await?;
    assert!(!say(&here, "lost").await?);
    assert!(!say(&there, "mine").await?);
    assert_eq!(hear(&mut heard).await?, "mine");
    cluster.redis().start().await?;
    // Its own connection comes back first, then that of the other node.
    let said = async {
        loop {
            say_until_it_leaves(&here).await?;
        }
    };
    let next = tokio::select! {
        next = hear(&mut heard) => next?,
        failed = said => { let failed: Result = failed; return failed; }
    };
    assert!(next.starts_with("attempt"), "{next}");
    for client in [here, there] {
        client.close().await?;
    }
    close(cluster).await
}
