//! The test programs of the documented system, as a user of the toolkit writes them.

use rstest::rstest;
use rstest_reuse::{apply, template};
use serde::Deserialize;
use serde_json::json;
use socketio_fixtures::hello;
use socketio_harness::{Result, Transport, close, create_app, create_socketio_client};
use socketio_tests::Via;

#[template]
#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
fn on_every_transport(#[case] via: Via) {}

#[derive(Debug, PartialEq, Deserialize)]
struct Sum {
    name: String,
    result: i64,
}

#[apply(on_every_transport)]
#[tokio::test]
async fn an_event_is_answered_to_a_listener(via: Via) -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    let mut results = client.on("myEventResult");
    client.send("myEvent", (1, 2, 3))?;
    assert_eq!(results.next().await?.args(), [json!({"name": "harry", "result": 6})]);

    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
#[tokio::test]
async fn an_event_is_answered_to_once(via: Via) -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    let result = client.once("myEventResult");
    client.send("myEvent", (1, 2, 3))?;
    let sum: Sum = result.await?.parse()?;
    assert_eq!(sum, Sum { name: "harry".into(), result: 6 });

    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
#[tokio::test]
async fn an_event_is_acknowledged(via: Via) -> Result {
    let app = create_app(hello::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    let sum: Sum = client.send_with_ack("myEvent", (1, 2, 3)).await?.parse()?;
    assert_eq!(sum, Sum { name: "harry".into(), result: 6 });

    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
#[tokio::test]
async fn path_and_namespace_are_the_servers_choice(via: Via) -> Result {
    let server = hello::Server::new().path("/testPath").namespaces(["/", "/test"]);
    let app = create_app(server.router()).path("/testPath").await?;
    let client =
        create_socketio_client(&app).namespace("/test").transports(via.transports()).await?;

    let result = client.once("myEventResult");
    client.send("myEvent", (1, 2, 3))?;
    assert_eq!(result.await?.args(), [json!({"name": "harry", "result": 6})]);

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn an_upgrade_ends_on_websocket() -> Result {
    let app = create_app(hello::router()).await?;
    let transports = [Transport::Polling, Transport::Websocket];
    let client = create_socketio_client(&app).transports(transports).await?;
    client.upgraded().await?;
    assert_eq!(client.transport(), Transport::Websocket);
    client.send_with_ack("hello", ()).await?;
    client.close().await?;
    close(app).await
}
