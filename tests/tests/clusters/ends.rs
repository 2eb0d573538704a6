//! What is left of a cluster: nothing, or it is named.

use socketio_fixtures::peer;
use socketio_harness::{Error, Node, Result, close, create_cluster, create_socketio_client};
use socketio_tests::{becomes_free, nodes};

#[tokio::test]
async fn nothing_is_left_of_a_closed_cluster() -> Result {
    let cluster = create_cluster(2, async |node: Node| nodes::speaking_node(&node).await);
    let cluster = cluster.redis().await?;
    let client = create_socketio_client(&cluster).await?;
    client.close().await?;
    let socket = cluster.redis().socket();
    assert!(socket.exists());
    let mut ports = vec![cluster.port()];
    for node in cluster.nodes() {
        let url = node.url().expect("it runs");
        ports.push(url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port"));
    }
    close(cluster).await?;
    for port in ports {
        becomes_free(port).await;
    }
    assert!(!socket.parent().expect("a directory").exists(), "Redis has left its directory");
    Ok(())
}

#[tokio::test]
async fn a_panic_is_reported_by_the_name_of_its_node() -> Result {
    let cluster = create_cluster(2, async |node: Node| nodes::speaking_node(&node).await);
    let cluster = cluster.redis().await?;
    let client = create_socketio_client(cluster.node(1)).await?;
    client.send("panic", ())?;
    client.send_with_ack("say", "after it").await?;
    client.close().await?;
    let Err(Error::Leftovers(report)) = close(cluster).await else { panic!("a handler panicked") };
    let told: Vec<_> = report.failures().map(ToString::to_string).collect();
    let [told] = &told[..] else { panic!("expected one leftover:{report}") };
    assert!(told.starts_with("node 1: "), "{told}");
    assert!(told.contains("a client has asked for a panic"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_stopped_node_tells_of_its_panic_at_once() -> Result {
    let cluster = create_cluster(2, async |node: Node| nodes::speaking_node(&node).await);
    let cluster = cluster.redis().await?;
    let client = create_socketio_client(cluster.node(0)).await?;
    client.send("panic", ())?;
    client.send_with_ack("say", "after it").await?;
    client.close().await?;
    let error = cluster.node(0).stop().await.expect_err("a handler panicked").to_string();
    assert!(error.contains("node 0"), "{error}");
    assert!(error.contains("a client has asked for a panic"), "{error}");
    // Told once.
    close(cluster).await
}

#[tokio::test]
async fn a_client_that_was_not_closed_is_reported_for_the_cluster() -> Result {
    let cluster = create_cluster(2, async |_: Node| peer::router()).await?;
    let client = create_socketio_client(&cluster).await?;
    let Err(Error::Leftovers(report)) = close(cluster).await else { panic!("a client is left") };
    assert!(report.to_string().contains("client 1"), "{report}");
    client.close().await?;
    Ok(())
}
