//! Servers that share a Redis, as nodes of a cluster.

use axum::Router;
use socketio_fixtures::reference::redis::{Cluster, ClusterAdapter};
use socketio_fixtures::reference::{App, Config, build};
use socketio_harness::Node;

/// The reference server, in this process.
pub async fn reference_node(node: &Node) -> Result<Router, Box<dyn std::error::Error>> {
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
