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

#[tokio::test]
async fn an_ack_is_asked_of_the_clients_of_every_node() -> Result {
    let cluster = cluster(3).await?;
    let clients = one_on_each(&cluster).await?;
    clients[0].send_with_ack("join", "game").await?;
    clients[2].send_with_ack("join", "game").await?;
    let answering: Vec<_> =
        [&clients[0], &clients[2]].map(|client| client.respond("q", |_| "ack")).into();
    let acks: Value = clients[1].send_with_ack("b.ackAll", ()).await?.parse()?;
    assert_eq!(acks, json!(["ack", "ack"]));
    drop(answering);
    for client in &clients {
        client.close().await?;
    }
    close(cluster).await
}

#[tokio::test]
async fn a_room_has_members_on_several_nodes() -> Result {
    let cluster = cluster(3).await?;
    let clients = one_on_each(&cluster).await?;
    for client in &clients[1..] {
        client.send_with_ack("join", "game").await?;
    }
    let found: Value = clients[0].send_with_ack("fetch", ("game", "nobody")).await?.parse()?;
    let mut members = [clients[1].id(), clients[2].id()];
    members.sort();
    assert_eq!(found["inRoom"], json!(members));
    clients[0].send_with_ack("b.app.in", ()).await?;
    for client in &clients[1..] {
        client.once("big-announcement").await?;
    }
    clients[0].expect_none("big-announcement").await;
    for client in &clients {
        client.close().await?;
    }
    close(cluster).await
}
