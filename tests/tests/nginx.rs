//! Two servers behind nginx, with the configuration of `fixtures/nginx/`.

use std::net::{IpAddr, Ipv4Addr};

use futures::future::try_join_all;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_fixtures::{Limits, peer};
use socketio_harness::{
    Connecting, Connector, Result, Target, Transport, close, connecting, create_app,
    create_socketio_client,
};
use socketio_tests::Via;
use socketio_tests::nginx::Nginx;
use tokio::net::TcpSocket;

/// Connects from another address of this machine.
#[derive(Debug)]
struct From(u8);

impl Connector for From {
    fn connect<'a>(&'a self, _: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind((IpAddr::from([127, 0, 0, self.0]), 0).into())?;
            socket.connect((Ipv4Addr::LOCALHOST, port).into()).await
        })
    }
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
#[tokio::test]
async fn every_way_of_travelling_passes_nginx(#[case] via: Via) -> Result {
    let servers = [peer::server(Limits::relaxed()), peer::server(Limits::relaxed())];
    let booting = servers.each_ref().map(async |server| create_app(server.router()).await);
    let apps = try_join_all(booting).await?;
    let nginx = Nginx::start([apps[0].port(), apps[1].port()]).await;

    let mut clients = Vec::new();
    for source in 2..18 {
        let target = Target::new("127.0.0.1", nginx.port()).connector(From(source));
        let client = create_socketio_client(target)
            .transports(via.transports())
            .header("x-forwarded-for", "10.1.2.3")
            .await?;
        if via == Via::Upgrade {
            client.upgraded().await?;
            assert_eq!(client.transport(), Transport::Websocket);
        }
        for number in 0..3 {
            let echo = client.send_with_ack("message-with-ack", number).await?;
            assert_eq!(echo.values(), [json!(number)]);
        }
        let seen: Value = client.send_with_ack("handshake", ()).await?.parse()?;
        let expected = format!("10.1.2.3, 127.0.0.{source}");
        assert_eq!(seen["headers"]["x-forwarded-for"], expected, "{seen}");
        assert_eq!(seen["headers"]["host"], format!("127.0.0.1:{}", nginx.port()));
        clients.push(client);
    }
    let shares = servers.each_ref().map(|server| server.sockets("/"));
    assert_eq!(shares.iter().sum::<usize>(), 16);
    assert!(shares.iter().all(|share| *share > 0), "one server has all: {shares:?}");

    for client in clients {
        client.close().await?;
    }
    try_join_all(apps.into_iter().map(close)).await.map(drop)
}

#[tokio::test]
async fn a_payload_larger_than_the_default_of_nginx_passes() -> Result {
    let app = create_app(peer::router()).await?;
    let nginx = Nginx::start([app.port(), app.port()]).await;
    let text = "x".repeat(3_000_000);
    let client = create_socketio_client(nginx.url()).transports([Transport::Polling]).await?;
    let echo = client.send_with_ack("message-with-ack", &text).await?;
    assert_eq!(echo.values(), [json!(text)]);
    client.close().await?;
    close(app).await
}
