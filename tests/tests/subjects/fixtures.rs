//! Apps and clients as fixtures of rstest: what a test gets without asking for it.

use std::sync::LazyLock;

use rstest::{fixture, rstest};
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    App, Result, SocketIoClient, Transport, close, create_app, create_socketio_client,
};
use tokio::sync::OnceCell;

use super::peer_process;

/// An app for each test.
#[fixture]
async fn app() -> App {
    create_app(peer::router()).await.expect("the app boots")
}

/// An app, and a client of it; a test can say over which transport.
#[fixture]
async fn pair(
    #[default(Transport::Websocket)] over: Transport,
    #[future(awt)] app: App,
) -> (App, SocketIoClient) {
    let client = create_socketio_client(&app).transports([over]).ready("auth").await;
    (app, client.expect("the client connects"))
}

#[rstest]
#[tokio::test]
async fn an_app(#[future(awt)] app: App) -> Result {
    let client = create_socketio_client(&app).await?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.close().await?;
    close(app).await
}

#[rstest]
#[case::first(1)]
#[case::second(2)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_for_each_case(#[future(awt)] app: App, #[case] number: i64) -> Result {
    let client = create_socketio_client(&app).await?;
    let ack = client.send_with_ack("message-with-ack", number).await?;
    assert_eq!(ack.values(), [json!(number)]);
    assert_eq!(client.name(), "client 1", "nobody else uses the app");
    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_client_with_its_app(#[future(awt)] pair: (App, SocketIoClient)) -> Result {
    let (app, client) = pair;
    client.send("message", 1)?;
    client.once("message-back").await?;
    client.close().await?;
    close(app).strict().await
}

#[rstest]
#[tokio::test]
async fn a_client_over_another_transport(
    #[with(Transport::Polling)]
    #[future(awt)]
    pair: (App, SocketIoClient),
) -> Result {
    let (app, client) = pair;
    assert_eq!(client.transport(), Transport::Polling);
    client.close().await?;
    close(app).await
}

/// One for all tests of the process, which is started by the first; each has a runtime of its own.
/// It ends with the process.
async fn shared() -> &'static App {
    static APP: LazyLock<OnceCell<App>> = LazyLock::new(OnceCell::new);
    APP.get_or_init(async || create_app(peer_process()).await.expect("the app boots")).await
}

#[rstest]
#[tokio::test]
async fn an_app_shared_by_tests(#[values(1, 2, 3, 4)] number: i64) -> Result {
    let client = create_socketio_client(shared().await).await?;
    let ack = client.send_with_ack("message-with-ack", number).await?;
    assert_eq!(ack.values(), [json!(number)]);
    Ok(client.close().await?)
}
