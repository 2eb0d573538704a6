//! Several servers behind one port.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State as Shared};
use axum::http::HeaderMap;
use axum::routing::get;
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_balancer::{Balancer, Policy, State};
use socketio_fixtures::peer;
use socketio_harness::{
    App, Reconnection, ReservedPort, Result, Transport, close, create_app, create_socketio_client,
};
use socketio_tests::{Via, http_exchange, http_get_at, in_time};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

fn address(app: &App) -> SocketAddr {
    ([127, 0, 0, 1], app.port()).into()
}

async fn balancer(policy: Policy, apps: &[App]) -> Balancer {
    balancer_at(0, policy, apps).await
}

async fn balancer_at(port: u16, policy: Policy, apps: &[App]) -> Balancer {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let balancer = Balancer::start(listener, policy).expect("a bound listener");
    for app in apps {
        assert!(balancer.add(address(app)), "each server is new");
    }
    balancer
}

async fn peers(count: usize) -> Result<Vec<App>> {
    try_join_all((0..count).map(|_| async { create_app(peer::router()).await })).await
}

async fn close_all(balancer: Balancer, apps: Vec<App>) -> Result {
    balancer.close().await;
    try_join_all(apps.into_iter().map(close)).await.map(drop)
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
#[tokio::test]
async fn a_sticky_balancer_keeps_sessions_and_shares_them_out(#[case] via: Via) -> Result {
    let apps = peers(3).await?;
    let balancer = balancer(Policy::Sticky, &apps).await;
    let mut clients = Vec::new();
    for number in 0..9 {
        let client = create_socketio_client(balancer.url()).transports(via.transports()).await?;
        for _ in 0..5 {
            let echo = client.send_with_ack("message-with-ack", number).await?;
            assert_eq!(echo.values(), [json!(number)]);
        }
        clients.push(client);
    }
    let sessions: Vec<usize> = balancer.backends().iter().map(|it| it.sessions).collect();
    assert_eq!(sessions, [3, 3, 3]);
    try_join_all(clients.iter().map(async |client| client.close().await)).await?;
    close_all(balancer, apps).await
}

#[tokio::test]
async fn requests_in_turn_lose_polling_sessions() -> Result {
    let apps = peers(2).await?;
    let balancer = balancer(Policy::RoundRobin, &apps).await;
    let polling = create_socketio_client(balancer.url()).transports([Transport::Polling]).await;
    let error = polling.expect_err("a session that one server knows").to_string();
    assert!(error.contains("Session ID unknown"), "{error}");
    // One websocket is one request.
    let client = create_socketio_client(balancer.url()).await?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.close().await?;
    close_all(balancer, apps).await
}

#[tokio::test]
async fn without_polling_requests_go_in_turn() -> Result {
    let apps = peers(2).await?;
    let balancer = balancer(Policy::WebsocketOnly, &apps).await;
    let polling = create_socketio_client(balancer.url()).transports([Transport::Polling]).await;
    let error = polling.expect_err("polling is refused").to_string();
    assert!(error.contains("Transport unknown (HTTP status 400, code 0)"), "{error}");
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(create_socketio_client(balancer.url()).await?);
    }
    let sessions: Vec<usize> = balancer.backends().iter().map(|it| it.sessions).collect();
    assert_eq!(sessions, [2, 2]);
    drop(clients);
    close_all(balancer, apps).await
}

/// A server that opens one session with the id of `state`, and says who it is to requests of it.
async fn session(
    Shared(id): Shared<&'static str>,
    Query(query): Query<Vec<(String, String)>>,
) -> String {
    let sid = query.iter().find(|(name, _)| name == "sid");
    match sid {
        Some((_, sid)) => format!("server {id} for {sid}"),
        None => format!(r#"0{{"sid":"{id}","upgrades":[],"pingInterval":1,"pingTimeout":1}}"#),
    }
}

#[tokio::test]
async fn ids_of_any_format_are_followed() -> Result {
    const IDS: [&str; 3] = ["f47ac10b-58cc-4372-a567-0e02b2c3d479", "a/b+c==", "1"];
    let mut apps = Vec::new();
    for id in IDS {
        let router = Router::new().route("/socket.io/", get(session)).with_state(id);
        apps.push(create_app(router).await?);
    }
    let balancer = balancer(Policy::Sticky, &apps).await;
    let port = balancer.local_addr().port();
    let target = "/socket.io/?EIO=4&transport=polling";
    for id in IDS {
        assert!(http_get_at(port, target).await.contains(id), "each server in turn");
    }
    for _ in 0..3 {
        for id in IDS {
            let sid = id.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
            let body = http_get_at(port, &format!("{target}&sid={sid}")).await;
            assert_eq!(body, format!("server {id} for {id}"));
        }
    }
    close_all(balancer, apps).await
}

#[tokio::test]
async fn the_server_learns_the_clients_address() -> Result {
    let apps = peers(1).await?;
    let balancer = balancer(Policy::Sticky, &apps).await;
    for via in [Via::Websocket, Via::Polling] {
        let client = create_socketio_client(balancer.url())
            .transports(via.transports())
            .header("x-forwarded-for", "10.1.2.3")
            .await?;
        let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
        assert_eq!(seen["headers"]["x-forwarded-for"], "10.1.2.3, 127.0.0.1", "{seen}");
        assert_eq!(seen["headers"]["x-forwarded-proto"], "http");
        assert_eq!(
            seen["headers"]["x-forwarded-host"],
            format!("127.0.0.1:{}", balancer.local_addr().port())
        );
        client.close().await?;
    }
    close_all(balancer, apps).await
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[tokio::test]
async fn a_server_that_goes_down_loses_its_clients_to_the_others(#[case] via: Via) -> Result {
    let apps = peers(2).await?;
    let balancer = balancer(Policy::Sticky, &apps).await;
    let client = create_socketio_client(balancer.url())
        .transports(via.transports())
        .reconnection(Reconnection::new().attempts(3).delay(Duration::from_millis(1)))
        .await?;
    let mut events = client.connection_events();
    let holder = |balancer: &Balancer| {
        balancer.backends().into_iter().find(|it| it.sessions > 0).map(|it| it.address)
    };
    let first = holder(&balancer).expect("a server with the session");
    balancer.set_state(first, State::Down);
    events.reconnected().await?;
    client.send_with_ack("message-with-ack", 1).await?;
    let second = holder(&balancer).expect("the other server");
    assert_ne!(first, second);
    assert!(balancer.set_state(first, State::Up));
    assert!(balancer.remove(second) && !balancer.remove(second));
    client.close().await.ok();
    close_all(balancer, apps).await
}

#[tokio::test]
async fn a_draining_server_keeps_its_sessions_and_gets_no_more() -> Result {
    let apps = peers(2).await?;
    let balancer = balancer(Policy::Sticky, &apps).await;
    let old = create_socketio_client(balancer.url()).transports([Transport::Polling]).await?;
    let first = balancer.backends().into_iter().find(|it| it.sessions == 1).expect("a server");
    balancer.set_state(first.address, State::Draining);
    for _ in 0..3 {
        let new = create_socketio_client(balancer.url()).await?;
        old.send_with_ack("message-with-ack", 1).await?;
        let holder = balancer.backends().into_iter().find(|it| it.address == first.address);
        assert_eq!(holder.map(|it| it.sessions), Some(1));
        new.close().await?;
    }
    old.close().await?;
    close_all(balancer, apps).await
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_passed_over() -> Result {
    let apps = peers(1).await?;
    let nobody = ReservedPort::pick()?;
    let balancer = balancer(Policy::Sticky, &[]).await;
    assert!(balancer.add(([127, 0, 0, 1], nobody.number()).into()));
    assert!(balancer.add(address(&apps[0])));
    for via in [Via::Websocket, Via::Polling, Via::Websocket] {
        let client = create_socketio_client(balancer.url()).transports(via.transports()).await?;
        client.close().await?;
    }
    close_all(balancer, apps).await
}

#[tokio::test]
async fn no_server_at_all_is_said() -> Result {
    let balancer = balancer(Policy::Sticky, &[]).await;
    let error = create_socketio_client(balancer.url()).await.expect_err("nobody is there");
    assert!(error.to_string().contains("503"), "{error}");
    balancer.close().await;
    Ok(())
}

#[tokio::test]
async fn closing_leaves_nothing() -> Result {
    let before = Handle::current().metrics().num_alive_tasks();
    let apps = peers(2).await?;
    let port = ReservedPort::pick()?;
    let balancer = balancer_at(port.number(), Policy::Sticky, &apps).await;
    let mut clients = Vec::new();
    for via in [Via::Websocket, Via::Polling, Via::Upgrade] {
        let client = create_socketio_client(balancer.url()).transports(via.transports()).await?;
        client.send_with_ack("message-with-ack", 1).await?;
        clients.push(client);
    }
    let address = balancer.local_addr();
    balancer.close().await;
    TcpListener::bind(address).await.expect("the port is free at once");
    for client in clients {
        client.disconnected().await?;
        client.close().await.ok();
    }
    // A server keeps a polling session for as long as its heartbeat takes to fail, unless told.
    try_join_all(apps.into_iter().map(close)).await?;
    let gone = async {
        while Handle::current().metrics().num_alive_tasks() > before {
            tokio::task::yield_now().await;
        }
    };
    let gone = in_time(gone).await;
    assert!(gone.is_ok(), "{} tasks are left", Handle::current().metrics().num_alive_tasks());
    Ok(())
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_told_from_none() {
    let balancer = balancer(Policy::Sticky, &[]).await;
    let port = balancer.local_addr().port();
    let answer = http_exchange(port, "GET", "/", &[]).await;
    assert!(answer.contains(" 503 "), "{answer}");
    // Reserved, so nothing listens there.
    balancer.add(([127, 0, 0, 1], 1).into());
    let answer = http_exchange(port, "GET", "/", &[]).await;
    assert!(answer.contains(" 502 "), "{answer}");
    balancer.close().await;
}

#[tokio::test]
async fn a_server_that_compresses_does_not_hide_its_sessions() -> Result {
    let encodings = async |headers: HeaderMap| {
        let asked = headers.get("accept-encoding").map(|asked| asked.to_str().unwrap_or("?"));
        asked.unwrap_or("none").to_owned()
    };
    let app = create_app(Router::new().fallback(encodings)).await?;
    let balancer = balancer(Policy::Sticky, std::slice::from_ref(&app)).await;
    let port = balancer.local_addr().port();
    let handshake = "/socket.io/?EIO=4&transport=polling";
    for (target, expected) in [
        (handshake.to_owned(), "\r\n\r\nnone"),
        (format!("{handshake}&sid=x"), "\r\n\r\ngzip"),
        ("/page".to_owned(), "\r\n\r\ngzip"),
    ] {
        let answer = http_exchange(port, "GET", &target, &["accept-encoding: gzip"]).await;
        assert!(answer.ends_with(expected), "{target}: {answer}");
    }
    close_all(balancer, vec![app]).await
}
