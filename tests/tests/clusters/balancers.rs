//! Where the balancer of a cluster sends whom.

use futures::future::try_join_all;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, ClusterBuilder, Node, Result, SocketIoClient, Transport, close, create_cluster,
    create_socketio_client,
};
use socketio_tests::Via;

use crate::place;

fn peers(nodes: usize) -> ClusterBuilder {
    create_cluster(nodes, async |_: Node| peer::router())
}

#[rstest]
#[tokio::test]
async fn sticky_sessions_stay_on_their_nodes_and_are_shared_out(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let cluster = peers(3).await?;
    let mut clients = Vec::new();
    let mut shares = [0; 3];
    for number in 0..6 {
        let client = create_socketio_client(&cluster).transports(via.transports()).await?;
        let first = place(&cluster, &client);
        for _ in 0..5 {
            let echo = client.send_with_ack("message-with-ack", number).await?;
            assert_eq!(echo.values(), [json!(number)]);
        }
        assert_eq!(place(&cluster, &client), first);
        shares[first] += 1;
        clients.push(client);
    }
    assert_eq!(shares, [2; 3]);
    try_join_all(clients.iter().map(SocketIoClient::close)).await?;
    close(cluster).await
}

#[tokio::test]
async fn round_robin_loses_polling_sessions_and_carries_websockets() -> Result {
    let cluster = peers(2).round_robin().await?;
    let refused = create_socketio_client(&cluster).transports([Transport::Polling]).await;
    let error = refused.expect_err("the second request meets the other node").to_string();
    assert!(error.contains("400 Bad Request"), "{error}");
    assert!(error.contains("Session ID unknown"), "{error}");

    let client = create_socketio_client(&cluster).await?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.close().await?;
    close(cluster).disconnect_clients().await
}

#[tokio::test]
async fn websocket_only_refuses_polling_and_takes_the_nodes_in_turn() -> Result {
    let cluster = peers(2).websocket_only().await?;
    let refused = create_socketio_client(&cluster).transports([Transport::Polling]).await;
    let Err(ClientError::SessionRefused { status: 400, code: 0, message, .. }) = refused else {
        panic!("polling is refused: {refused:?}");
    };
    assert_eq!(message, "Transport unknown");

    let mut places = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..4 {
        let client = create_socketio_client(&cluster).await?;
        places.push(place(&cluster, &client));
        clients.push(client);
    }
    assert_eq!(places[..2], places[2..]);
    assert_ne!(places[0], places[1]);
    try_join_all(clients.iter().map(SocketIoClient::close)).await?;
    close(cluster).await
}
