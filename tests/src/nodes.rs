//! Servers that share a Redis, as nodes of a cluster.

use std::error::Error;

use axum::Router;
use socketio_fixtures::reference::redis::{Cluster, ClusterAdapter};
use socketio_fixtures::reference::{App, Config, build};
use socketio_harness::Node;
use socketioxide::SocketIo;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{AckSender, Data, SocketRef};

/// The reference server, in this process.
pub async fn reference_node(node: &Node) -> Result<Router, Box<dyn Error>> {
    let config = Config::default();
    if !node.has_redis() {
        return Ok(socketio_fixtures::reference::router(&config, App::Base));
    }
    let cluster = Cluster::connect(node.redis_url()).await?;
    let server = build::<ClusterAdapter<_>>(&config, cluster.adapter(), App::Base);
    for namespace in server.ready {
        namespace.await?;
    }
    Ok(server.router)
}

/// A server that tells everyone in the cluster (`said`) what a client says (`say`), and acks
/// whether that left its own process. A client's `panic` is granted.
pub async fn speaking_node(node: &Node) -> Result<Router, Box<dyn Error>> {
    let cluster = Cluster::connect(node.redis_url()).await?;
    let builder = SocketIo::builder().with_adapter::<ClusterAdapter<_>>(cluster.adapter());
    let (layer, io) = builder.build_layer();
    io.ns("/", listen).await?;
    cluster.meet().await?;
    Ok(Router::new().layer(layer))
}

#[expect(clippy::panic, reason = "a client has asked for it")]
async fn listen<A: Adapter>(socket: SocketRef<A>) {
    socket.on("say", async |io: SocketIo<A>, Data::<String>(text), ack: AckSender<A>| {
        let reached = io.emit("said", &text).await.is_ok();
        ack.send(&reached).ok();
    });
    socket.on("panic", async || panic!("a client has asked for a panic"));
}
