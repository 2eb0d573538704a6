//! Several servers behind one balancer.

mod balancers;
mod ends;
mod isolated;
mod languages;
mod stopped;
mod together;

use std::time::Duration;

use socketio_harness::{
    Cluster, ClusterNode, EventStream, Reconnection, Result, SocketIoClient, scaled,
};

/// Attempts that no test waits for long.
fn at_once() -> Reconnection {
    Reconnection::new().attempts(100).delay(Duration::from_millis(5)).max_delay(HARDLY)
}

const HARDLY: Duration = Duration::from_millis(50);

/// The number of the node that a client is on.
fn place(cluster: &Cluster, client: &SocketIoClient) -> usize {
    cluster.node_of(client).map(ClusterNode::index).expect("a node that let it in")
}

/// Lets a client tell everyone; gives whether that left its node.
async fn say(client: &SocketIoClient, text: &str) -> Result<bool> {
    Ok(client.send_with_ack("say", text).await?.parse()?)
}

/// Says something new until it leaves the node; gives what did.
async fn say_until_it_leaves(client: &SocketIoClient) -> Result<String> {
    let saying = async {
        let mut number = 0;
        loop {
            number += 1;
            let text = format!("attempt {number}");
            if say(client, &text).await? {
                return Ok(text);
            }
        }
    };
    let said = tokio::time::timeout(scaled(Duration::from_secs(10)), saying).await;
    said.expect("Redis is reached again in time")
}

/// What is heard next.
async fn hear(stream: &mut EventStream) -> Result<String> {
    Ok(stream.next().await?.parse()?)
}
