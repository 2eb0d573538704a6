//! What the integration tests share: servers and ways to reach them, to be combined by rstest.

pub mod scripted;

use std::path::PathBuf;

use socketio_fixtures::peer;
use socketio_harness::{App, ChildProcess, Result, Transport, create_app};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The three ways a client can travel, as every test of events should be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Websocket from the first byte.
    Websocket,
    /// Polling to the end.
    Polling,
    /// Polling, then an upgrade to websocket.
    Upgrade,
}

impl Via {
    /// The transports to give to the client.
    pub fn transports(self) -> Vec<Transport> {
        match self {
            Self::Websocket => vec![Transport::Websocket],
            Self::Polling => vec![Transport::Polling],
            Self::Upgrade => vec![Transport::Polling, Transport::Websocket],
        }
    }
}

/// The peer server, in two implementations of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// On socketioxide, in this process.
    Rust,
    /// On socket.io, as a child process.
    Node,
}

impl Peer {
    /// Boots it.
    pub async fn boot(self) -> Result<App> {
        match self {
            Self::Rust => create_app(peer::router()).await,
            Self::Node => create_app(node_peer("peer.js")).await,
        }
    }
}

/// A server of `fixtures/peers/node`, by the name of its script.
pub fn node_peer(script: &str) -> ChildProcess {
    let directory: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "peers", "node"].iter().collect();
    ChildProcess::new("node").arg(script).current_dir(directory).env("EXIT_WITH_STDIN", "1")
}

/// The body of a plain GET on the app, outside Socket.IO.
pub async fn http_get(app: &App, path: &str) -> String {
    let request = async {
        let mut stream = TcpStream::connect(("127.0.0.1", app.port())).await?;
        let head = format!("GET {path} HTTP/1.1\r\nhost: app\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = request.await.unwrap_or_else(|error| format!("GET {path} failed: {error}"));
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => body.to_owned(),
        None => answer,
    }
}
