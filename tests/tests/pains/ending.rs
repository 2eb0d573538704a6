//! Taking everything down, and what the next test finds.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use socketio_fixtures::{hello, peer};
use socketio_harness::{
    App, CloseReason, Error, ReservedPort, Result, close, create_app, create_socketio_client,
    scaled,
};
use socketio_tests::in_time;
use tokio::net::TcpListener;

/// Neither an app nor a client that a test forgets keeps the process.
#[test]
fn pain_07_the_process_ends_with_the_tests() {
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let left_open = runtime.block_on(async {
            let app = create_app(peer::router()).await?;
            let client = create_socketio_client(&app).await?;
            client.send_with_ack("message-with-ack", ()).await?;
            Result::<_>::Ok((app, client))
        });
        // Waits for every thread of it.
        drop(runtime);
        done.send(left_open.is_ok()).ok();
    });
    assert_eq!(ended.recv_timeout(scaled(Duration::from_secs(20))), Ok(true));
}

/// `close` resolves when the port is free and nothing is left.
#[tokio::test]
async fn pain_08_a_server_stops_cleanly_under_its_clients() -> Result {
    let port = ReservedPort::pick()?;
    let app = create_app(peer::router()).port(port.number()).await?;
    let client = create_socketio_client(&app).await?;
    let addr = app.addr().expect("an address");

    let ended = client.disconnected();
    close(app).disconnect_clients().await?;
    assert!(matches!(ended.await?, CloseReason::TransportClose), "the client is told");
    drop(TcpListener::bind(addr).await.expect("the port is free at once"));
    client.close().await?;
    Ok(())
}

/// Ports are given, not guessed; one that is asked for and taken is an error that names it.
#[tokio::test]
async fn pain_09_ports_do_not_collide() -> Result {
    let mut apps: Vec<App> = Vec::new();
    for _ in 0..20 {
        apps.push(create_app(hello::router()).await?);
    }
    let taken = apps[0].port();
    let error = create_app(hello::router()).port(taken).await.unwrap_err();
    assert!(matches!(error, Error::PortInUse { .. }), "{error}");
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
    for app in apps {
        close(app).await?;
    }
    Ok(())
}

/// Dropped is closed, if in the background: its clients are told, and the port is for the next.
#[tokio::test]
async fn pain_10_a_dropped_server_does_not_listen_on() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let addr = app.addr().expect("an address");

    drop(app);
    client.disconnected().await?;
    let free = async {
        while TcpListener::bind(addr).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let freed = in_time(free).await;
    assert!(freed.is_ok(), "the port of a dropped app is held");
    client.close().await?;
    Ok(())
}

/// Reconnection is asked for, never assumed: the next server sees its own clients only.
#[tokio::test]
async fn pain_11_a_client_left_over_does_not_enter_the_next_test() -> Result {
    let port = ReservedPort::pick()?;
    let first = create_app(peer::router()).port(port.number()).await?;
    let left_over = create_socketio_client(&first).await?;
    close(first).disconnect_clients().await?;

    let second = create_app(peer::router()).port(port.number()).await?;
    let client = create_socketio_client(&second).await?;
    client.send_with_ack("message-with-ack", json!("mine")).await?;

    left_over.disconnected().await?;
    assert!(left_over.send("message", "not mine").is_err(), "the connection is over");
    let log = second.log()?;
    assert!(log.received().all(|it| it.socket_id.as_deref() == Some(&*client.id())), "{log}");

    client.close().await?;
    close(second).await
}
