//! Apps and clients come and go without a trace: no port, no task, no file descriptor, no
//! connection on the other side.

use std::future::{IntoFuture, pending};
use std::time::Duration;

use futures::future::try_join_all;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::{Limits, contract, hello, peer};
use socketio_harness::{
    App, AppBuilder, ClientError, CloseReason, Leftover, Node, ReservedPort, Result, close,
    create_app, create_cluster, create_socketio_client, serve,
};
use socketio_tests::{Peer, Via, alone, becomes, in_time, no_client_is_left_in, turn};
use tokio::runtime::{Builder, Handle, Runtime};

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Lets tasks that have nothing left to wait for run to their ends.
async fn tasks_fall_to(expected: usize) {
    let falling = async {
        while tasks() > expected {
            tokio::task::yield_now().await;
        }
    };
    let fell = in_time(falling).await;
    assert!(fell.is_ok(), "{} tasks are left, expected {expected}", tasks());
}

#[test]
fn two_hundred_apps_at_once_do_not_collide() -> Result {
    alone(async {
        let before = tasks();
        let apps =
            try_join_all((0..200).map(|_| async { create_app(hello::router()).await })).await?;
        let mut ports: Vec<_> = apps.iter().map(App::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 200);
        try_join_all(apps.iter().map(async |app| {
            let client = create_socketio_client(app).await?;
            assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
            client.close().await
        }))
        .await?;
        try_join_all(apps.into_iter().map(close)).await?;
        tasks_fall_to(before).await;
        Ok(())
    })
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
fn five_hundred_clients_leave_nothing_in_a_rust_server(#[case] via: Via) -> Result {
    alone(async {
        let server = contract::server(Limits::relaxed());
        let app = create_app(server.router()).await?;
        let before = (tasks(), descriptors());
        for _ in 0..500 {
            let client = create_socketio_client(&app).transports(via.transports()).await?;
            client.close().await?;
        }
        tasks_fall_to(before.0).await;
        becomes((0, Some(0)), || (server.sockets("/"), app.open_connections())).await;
        assert_eq!(descriptors(), before.1);
        close(app).await
    })
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
fn five_hundred_clients_leave_nothing_in_a_server_of_another_language(
    #[values(Peer::Node, Peer::Python)] peer: Peer,
    #[case] via: Via,
) -> Result {
    alone(async {
        let app = peer.boot().await?;
        let before = (tasks(), descriptors());
        for _ in 0..500 {
            let client = create_socketio_client(&app).transports(via.transports()).await?;
            client.close().await?;
        }
        tasks_fall_to(before.0).await;
        assert_eq!(descriptors(), before.1);
        // uvicorn answers a close frame before it tells python-socketio.
        no_client_is_left_in(&app).await;
        close(app).await
    })
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
fn a_closed_port_can_be_bound_at_once(#[case] via: Via) -> Result {
    alone(async {
        let before = tasks();
        let port = ReservedPort::pick()?;
        let first = create_app(hello::router()).port(port.number()).await?;
        // A client that is still connected, and one that is busy.
        let client = create_socketio_client(&first).transports(via.transports()).await?;
        let waiting = client.once("never");
        close(first).disconnect_clients().await?;
        let error = waiting.await.unwrap_err();
        assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");

        let second = create_app(hello::router()).port(port.number()).await?;
        let again = create_socketio_client(&second).transports(via.transports()).await?;
        assert_eq!(again.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
        again.close().await?;
        close(second).await?;
        drop(client);
        tasks_fall_to(before).await;
        Ok(())
    })
}

#[test]
fn closing_an_app_ends_polling_sessions_whose_client_is_silent() -> Result {
    alone(async {
        let before = tasks();
        let server = contract::server(Limits::relaxed());
        let app = create_app(server.router()).await?;
        let client = create_socketio_client(&app).transports(Via::Polling.transports()).await?;
        close(app).disconnect_clients().await?;
        assert_eq!(server.sockets("/"), 0);
        let reason = client.disconnected().await?;
        assert!(
            matches!(reason, CloseReason::TransportError(_) | CloseReason::TransportClose),
            "{reason}"
        );
        drop(client);
        tasks_fall_to(before).await;
        Ok(())
    })
}

#[test]
fn a_dropped_app_frees_its_port() -> Result {
    alone(async {
        let before = tasks();
        let port = ReservedPort::pick()?;
        let app = create_app(hello::router()).port(port.number()).await?;
        let client = create_socketio_client(&app).await?;
        drop(app);
        assert_eq!(client.disconnected().await?, CloseReason::TransportClose);
        drop(client);
        tasks_fall_to(before).await;
        close(create_app(hello::router()).port(port.number()).await?).await
    })
}

#[test]
fn a_dropped_client_leaves_the_server() -> Result {
    alone(async {
        let server = peer::server(Limits::relaxed());
        let app = create_app(server.router()).await?;
        let before = tasks();
        let client = create_socketio_client(&app).await?;
        assert_eq!(server.sockets("/"), 1);
        drop(client);
        tasks_fall_to(before).await;
        becomes(0, || server.sockets("/")).await;
        close(app).await
    })
}

#[test]
fn closing_twice_or_after_the_server_is_no_error() -> Result {
    alone(async {
        let app = create_app(hello::router()).await?;
        let client = create_socketio_client(&app).await?;
        client.close().await?;
        client.close().await?;
        assert_eq!(client.disconnected().await?, CloseReason::ClientDisconnect);
        assert!(!client.connected());

        let other = create_socketio_client(&app).await?;
        close(app).disconnect_clients().await?;
        other.disconnected().await?;
        other.close().await?;
        Ok(())
    })
}

#[test]
fn sending_after_the_end_is_an_error_that_says_why() -> Result {
    alone(async {
        let app = create_app(hello::router()).await?;
        let client = create_socketio_client(&app).await?;
        client.close().await?;
        let expected =
            "cannot send event \"hello\": the client is disconnected (io client disconnect)";
        assert_eq!(client.send("hello", ()).unwrap_err().to_string(), expected);
        assert_eq!(client.send_with_ack("hello", ()).await.unwrap_err().to_string(), expected);
        close(app).await
    })
}

#[rstest]
fn the_server_disconnects_a_client(
    #[values("leave", "kick")] how: &str,
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    alone(async {
        let app = peer.boot().await?;
        let client = create_socketio_client(&app).await?;
        let never = client.once("never");
        // Python acks whatever has a handler.
        let unanswered = client.send_with_ack("no-handler", ());
        client.send(how, ())?;
        assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
        for error in [never.await.unwrap_err(), unanswered.await.unwrap_err()] {
            let text = error.to_string();
            assert!(
                text.starts_with("disconnected (io server disconnect) while waiting"),
                "{text}"
            );
        }
        // Having left its only namespace, the client closes the connection by itself.
        client.close().await?;
        close(app).await
    })
}

#[rstest]
#[case::service(create_app(hello::router()))]
#[case::serve(create_app(serve(async |_| pending::<()>().await)))]
fn closing_an_app_whose_runtime_stands_still_has_a_deadline(#[case] app: AppBuilder) -> Result {
    let [one, other] = two_runtimes();
    let app = one.block_on(app.in_test_runtime().into_future())?;
    let report = other.block_on(close(app).report());
    assert!(matches!(report.leftovers(), [Leftover::Blocked { .. }]), "{report}");
    Ok(())
}

#[test]
fn closing_a_cluster_whose_runtime_stands_still_has_a_deadline() -> Result {
    let [one, other] = two_runtimes();
    let cluster = create_cluster(1, async |_: Node| hello::router()).redis();
    let cluster = one.block_on(cluster.into_future())?;
    let report = other.block_on(close(cluster).report());
    // What takes the machine's time, such as the end of a process, may be late as well.
    for expected in [
        "the app did not answer within ",
        "node 0: Redis is still reached at ",
        "Redis is still reached at ",
    ] {
        let told = |it: &Leftover| it.to_string().starts_with(expected);
        assert!(report.leftovers().iter().any(told), "{expected}: {report}");
    }
    Ok(())
}

/// One to start something on, and another one whose clock jumps to the deadline.
fn two_runtimes() -> [Runtime; 2] {
    [false, true].map(|paused| {
        let runtime = Builder::new_current_thread().enable_all().start_paused(paused).build();
        runtime.expect("a runtime")
    })
}

#[test]
fn closing_a_client_whose_runtime_stands_still_has_a_deadline() -> Result {
    let _turn = turn();
    let [one, other] = two_runtimes();
    let app = one.block_on(create_app(hello::router()).into_future())?;
    let client = one.block_on(create_socketio_client(&app).into_future())?;
    let client = other.block_on(async move {
        let closing = tokio::time::timeout(Duration::from_hours(1), client.close()).await;
        let closed = closing.expect("a deadline");
        assert!(matches!(closed, Err(ClientError::Timeout { .. })), "{closed:?}");
        client
    });
    one.block_on(async move {
        client.close().await?;
        close(app).await
    })
}
