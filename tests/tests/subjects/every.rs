use rstest::rstest;
use socketio_fixtures::peer;
use socketio_harness::{AppBuilder, Result, close, create_app, hyper_service, serve};
use socketio_tests::{node_peer, python_peer};
use socketioxide::SocketIo;

use super::conversation::converse;
use super::peer_process;

/// What is said is the same wherever an implementation runs. Between the three it differs in what
/// the protocol leaves open: whether the first event comes before the reply to CONNECT, whether each
/// namespace has an id of its own, and whether a refusal carries data.
async fn on(app: AppBuilder, implementation: &str) -> Result {
    let said = converse(app).await?;
    insta::with_settings!({ omit_expression => true, snapshot_suffix => "" }, {
        insta::assert_snapshot!(implementation, said);
    });
    Ok(())
}

fn axum_router() -> AppBuilder {
    create_app(peer::router())
}

fn bare_service() -> AppBuilder {
    let (service, io) = SocketIo::new_svc();
    peer::serve(&io);
    create_app(service)
}

fn service_of_hyper() -> AppBuilder {
    let (service, io) = SocketIo::new_svc();
    peer::serve(&io);
    create_app(hyper_service(service))
}

fn server_that_takes_a_listener() -> AppBuilder {
    create_app(serve(async |listener| axum::serve(listener, peer::router()).await))
}

fn rust_process() -> AppBuilder {
    create_app(peer_process())
}

fn rust_process_that_says_nothing() -> AppBuilder {
    create_app(peer_process().env("SAYS", "").args(["--port", "{port}"]).given_port())
}

fn node_process() -> AppBuilder {
    create_app(node_peer("peer.js"))
}

fn python_process() -> AppBuilder {
    create_app(python_peer("peer.py"))
}

#[rstest]
#[case::axum_router(axum_router, RUST)]
#[case::bare_service(bare_service, RUST)]
#[case::hyper_service(service_of_hyper, RUST)]
#[case::serve(server_that_takes_a_listener, RUST)]
#[case::rust_process(rust_process, RUST)]
#[case::rust_process_that_says_nothing(rust_process_that_says_nothing, RUST)]
#[case::node_process(node_process, "node")]
#[case::python_process(python_process, "python")]
#[tokio::test]
async fn one_test_fits_every_subject(
    #[case] subject: fn() -> AppBuilder,
    #[case] implementation: &str,
) -> Result {
    on(subject(), implementation).await
}

#[rstest]
#[case::axum_router(axum_router, RUST)]
#[case::bare_service(bare_service, RUST)]
#[case::hyper_service(service_of_hyper, RUST)]
#[case::serve(server_that_takes_a_listener, RUST)]
#[case::rust_process(rust_process, RUST)]
#[case::node_process(node_process, "node")]
#[case::python_process(python_process, "python")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_a_runtime_of_several_threads(
    #[case] subject: fn() -> AppBuilder,
    #[case] implementation: &str,
) -> Result {
    on(subject(), implementation).await
}

#[rstest]
#[case::axum_router(axum_router)]
#[case::serve(server_that_takes_a_listener)]
#[tokio::test]
async fn and_a_server_on_the_runtime_of_the_test(#[case] subject: fn() -> AppBuilder) -> Result {
    on(subject().in_test_runtime(), RUST).await
}

#[rstest]
#[case::axum_router(axum_router)]
#[case::bare_service(bare_service)]
#[case::hyper_service(service_of_hyper)]
#[tokio::test(start_paused = true)]
async fn and_simulated_time(#[case] subject: fn() -> AppBuilder) -> Result {
    on(subject().simulated(), RUST).await
}

#[rstest]
#[case::here(axum_router)]
#[case::in_a_process(rust_process)]
#[tokio::test]
async fn and_the_url_of_what_runs_already(#[case] subject: fn() -> AppBuilder) -> Result {
    let running = subject().await?;
    on(create_app(running.url()), RUST).await?;
    // It was not taken down.
    on(create_app(running.url()), RUST).await?;
    close(running).await
}

/// A socket keeps the time of the machine.
#[rstest]
#[case::axum_router(axum_router)]
#[case::serve(server_that_takes_a_listener)]
#[tokio::test(start_paused = true)]
async fn a_server_on_a_port_refuses_a_clock_that_stands_still(
    #[case] subject: fn() -> AppBuilder,
    #[values(false, true)] in_test_runtime: bool,
) {
    let app = if in_test_runtime { subject().in_test_runtime() } else { subject() };
    let error = app.await.unwrap_err().to_string();
    assert!(error.starts_with("the clock stands still"), "{error}");
}

/// On socketioxide.
const RUST: &str = "socketioxide";
