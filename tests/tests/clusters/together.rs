//! Nodes that share a Redis are one server.

use serde_json::{Value, json};
use socketio_harness::{
    Cluster, Node, Result, SocketIoClient, close, create_cluster, create_socketio_client,
};
use socketio_tests::nodes::reference_node;

async fn cluster(nodes: usize) -> Result<Cluster> {
    create_cluster(nodes, async |node: Node| reference_node(&node).await).redis().await
}

/// A client on each node.
async fn one_on_each(cluster: &Cluster) -> Result<Vec<SocketIoClient>> {
    let mut clients = Vec::new();
    for node in cluster.nodes() {
        clients.push(create_socketio_client(node).await?);
    }
    Ok(clients)
}

#[tokio::test]
async fn a_broadcast_reaches_the_clients_of_every_node() -> Result {
    let cluster = cluster(3).await?;
    let clients = one_on_each(&cluster).await?;
    clients[0].send("b.app.emit", ())?;
    for client in &clients {
        assert_eq!(client.once("all").await?.args(), [json!("x")]);
    }
    for client in &clients {
        client.close().await?;
    }
    close(cluster).await
}

#[tokio::test]
async fn every_client_of_the_cluster_is_found_from_each_node() -> Result {
    let cluster = cluster(3).await?;
    let clients = one_on_each(&cluster).await?;
    let mut ids: Vec<String> = clients.iter().map(SocketIoClient::id).collect();
    ids.sort();
    for client in &clients {
        let found: Value = client.send_with_ack("fetch", ("game", "nobody")).await?.parse()?;
        assert_eq!(found["all"], json!(ids));
    }
    for client in &clients {
        client.close().await?;
    }
    close(cluster).await
}
