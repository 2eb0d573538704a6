//! Nodes in other languages.

use serde_json::json;
use socketio_harness::{ClusterNode, Node, Result, close, create_cluster, create_socketio_client};
use socketio_tests::{Via, node_peer, python_peer};

use crate::place;

#[tokio::test]
async fn processes_in_any_language_are_nodes() -> Result {
    let cluster = create_cluster(2, async |node: Node| match node.index() {
        0 => node_peer("peer.js"),
        _ => python_peer("peer.py"),
    })
    .await?;
    let processes: Vec<_> = cluster.nodes().iter().map(ClusterNode::process_id).collect();
    assert!(processes.iter().all(Option::is_some), "{processes:?}");
    for via in [Via::Websocket, Via::Polling, Via::Upgrade] {
        let mut clients = Vec::new();
        for _ in 0..2 {
            let client = create_socketio_client(&cluster).transports(via.transports()).await?;
            let echo = client.send_with_ack("message-with-ack", "hello").await?;
            assert_eq!(echo.values(), [json!("hello")]);
            clients.push(client);
        }
        assert_ne!(place(&cluster, &clients[0]), place(&cluster, &clients[1]));
        for client in clients {
            let node = cluster.node_of(&client).expect("a node").log()?;
            assert!(node.to_string().contains("message-with-ack"), "{node}");
            client.close().await?;
        }
    }
    // A new process, which the same clients reach in the same way.
    let node = cluster.node(1);
    node.restart().await?;
    assert_ne!(node.process_id(), processes[1]);
    let client = create_socketio_client(node).await?;
    client.send_with_ack("message-with-ack", ()).await?;
    client.close().await?;
    close(cluster).await
}
