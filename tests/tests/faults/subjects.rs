//! The same faults on every kind of server: of bytes, of connections and of the protocol.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    AppBuilder, ChildProcess, CloseReason, Result, close, create_app, create_socketio_client,
    hyper_service, serve,
};
use socketio_tests::{node_peer, python_peer};
use socketioxide::SocketIo;

/// Freezes, cuts and silences whatever it is.
async fn meets_the_faults(app: AppBuilder) -> Result {
    let app = app.await?;
    let faults = app.faults().clone();
    let client = create_socketio_client(&app).ready("auth").await?;

    let frozen = faults.freeze();
    let mut answer = client.send_with_ack("message-with-ack", 1);
    let early = tokio::time::timeout(MOMENT, &mut answer).await;
    early.expect_err("nothing moves");
    frozen.heal();
    assert_eq!(answer.await?.values(), [json!(1)]);

    faults.close_websockets();
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    client.close().await?;

    let client = create_socketio_client(&app).ready("auth").await?;
    faults.cut();
    assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
    client.close().await?;

    close(app).await?;
    assert_eq!(faults.open_connections(), 0, "a connection is left");
    Ok(())
}

#[rstest]
#[case::axum_router(|| create_app(peer::router()))]
#[case::hyper_service(|| {
    let (service, io) = SocketIo::new_svc();
    peer::serve(&io);
    create_app(hyper_service(service))
})]
#[case::serve(|| {
    create_app(serve(async |listener| axum::serve(listener, peer::router()).await))
})]
#[case::rust_process(|| create_app(ChildProcess::new(env!("CARGO_BIN_EXE_peer-server"))))]
#[case::node_process(|| create_app(node_peer("peer.js")))]
#[case::python_process(|| create_app(python_peer("peer.py")))]
#[tokio::test]
async fn every_server_meets_the_same_faults(#[case] subject: fn() -> AppBuilder) -> Result {
    meets_the_faults(subject()).await
}

#[tokio::test]
async fn so_does_what_runs_already() -> Result {
    let running = create_app(peer::router()).await?;
    meets_the_faults(create_app(running.url())).await?;
    // Its own clients are not touched.
    let client = create_socketio_client(&running).await?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.close().await?;
    close(running).await
}

/// So short that a test may wait for it in vain.
const MOMENT: Duration = Duration::from_millis(50);
