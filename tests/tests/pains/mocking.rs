//! The other way round: client code under test, against a server of the test's making.

use serde_json::json;
use socketio_fixtures::hello;
use socketio_harness::{
    Protocol, Result, SocketIoClient, close, create_app, create_socketio_client,
    create_socketio_clients,
};
use socketio_tests::node_peer;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

/// The application code under test: asks the server for a price.
async fn price_of(url: &str, item: &str) -> Result<u32> {
    let client: SocketIoClient = create_socketio_client(url).await?;
    let price = client.send_with_ack("price", item).await?.parse()?;
    client.close().await?;
    Ok(price)
}

/// The mock is a server of a few lines; what the code under test sent to it can be asserted.
#[tokio::test]
async fn pain_27_client_code_is_tested_against_a_mocked_server() -> Result {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("price", async |Data::<String>(item), ack: AckSender| {
            ack.send(&item.len()).ok();
        });
    });
    let app = create_app(axum::Router::new().layer(layer)).await?;

    assert_eq!(price_of(&app.url(), "lamp").await?, 4);
    app.received("price").args(json!(["lamp"])).times(1).await;
    close(app).await
}

/// The client speaks the protocol of the generation before to servers that still do.
#[tokio::test]
async fn pain_30_old_protocols_are_an_option_of_the_client() -> Result {
    let app = create_app(node_peer("peer.js").env("ALLOW_EIO3", "1")).await?;
    for protocol in [Protocol::V3, Protocol::V4] {
        let client = create_socketio_client(&app).protocol(protocol).await?;
        let ack = client.send_with_ack("message-with-ack", (1, "two")).await?;
        assert_eq!(ack.values(), [json!(1), json!("two")]);
        client.close().await?;
    }
    close(app).await
}

/// A scenario is a function over a client; a thousand clients run it at the same time.
#[tokio::test]
async fn pain_31_a_scenario_becomes_load() -> Result {
    async fn scenario(client: SocketIoClient) -> Result {
        let sum = client.send_with_ack("myEvent", (1, 2, 3)).await?;
        assert_eq!(sum.values(), [json!({"name": "harry", "result": 6})]);
        client.close().await?;
        Ok(())
    }
    let app = create_app(hello::router()).await?;
    let clients = create_socketio_clients(&app, 1_000).await?;
    futures::future::try_join_all(clients.into_iter().map(scenario)).await?;
    app.received("myEvent").times(1_000).await;
    close(app).await
}
