//! Any byte stream carries a client: encrypted, through a Unix socket, in memory.

use axum::serve;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::hello;
use socketio_harness::{
    ClientError, Connecting, Connector, Result, Target, UnixConnector, close, connecting,
    create_app, create_socketio_client,
};
use socketio_tests::Via;
use socketio_tests::tls::encrypt;
use tokio::net::{TcpStream, UnixListener};

#[rstest]
#[tokio::test]
async fn tls_with_a_certificate_of_ones_own(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
    #[values("https", "wss")] scheme: &str,
) -> Result {
    let app = create_app(hello::router()).await?;
    let (port, certificate) = encrypt(&app).await;
    let client = create_socketio_client(format!("{scheme}://localhost:{port}"))
        .root_certificate(certificate)
        .transports(via.transports())
        .await?;
    assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_certificate_nobody_trusts_is_refused_with_the_reason() -> Result {
    let app = create_app(hello::router()).await?;
    let (port, _) = encrypt(&app).await;
    let error = create_socketio_client(format!("https://localhost:{port}")).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    let reason = "invalid peer certificate: UnknownIssuer\n  a certificate of your own making is \
                  trusted with .root_certificate(pem)\n";
    assert!(error.to_string().contains(reason), "{error}");
    close(app).await
}

#[tokio::test]
async fn a_plain_server_is_told_from_one_with_tls() -> Result {
    let app = create_app(hello::router()).await?;
    let url = app.url().replace("http", "https");
    let error = create_socketio_client(url).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    let reason = "\n  what answers speaks no TLS: the URL of a plain server begins with http\n";
    assert!(error.to_string().contains(reason), "{error}");
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_unix_socket(#[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via) -> Result {
    let name = format!("socketio-{}-{via:?}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(serve(listener, hello::router()).into_future());
    let target = Target::new("localhost", 80).connector(UnixConnector::new(&path));
    let client = create_socketio_client(target).transports(via.transports()).await?;
    assert_eq!(client.send_with_ack("hello", ()).await?.values(), [json!("hello world")]);
    client.close().await?;
    server.abort();
    std::fs::remove_file(path).unwrap();
    Ok(())
}

/// A pipe to the app for each connection: what simulated networks do.
struct Pipes {
    port: u16,
}

impl Connector for Pipes {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        connecting(async move {
            let (client, mut server) = tokio::io::duplex(64);
            let mut app = TcpStream::connect(("127.0.0.1", self.port)).await?;
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut server, &mut app).await });
            Ok(client)
        })
    }
}

#[rstest]
#[tokio::test]
async fn a_pipe_in_memory_of_a_few_bytes(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(hello::router()).await?;
    let target = Target::new("nowhere.invalid", 1).connector(Pipes { port: app.port() });
    let client = create_socketio_client(target).transports(via.transports()).await?;
    let long = "x".repeat(10_000);
    client.send("args", &long)?;
    assert_eq!(client.once("argsResult").await?.args(), [json!(format!("\"{long}\""))]);
    client.close().await?;
    close(app).await
}
