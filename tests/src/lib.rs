//! What the integration tests share: servers and ways to reach them, to be combined by rstest.

pub mod browser;
pub mod cut;
pub mod frames;
pub mod gate;
pub mod nginx;
pub mod nodes;
pub mod polling;
pub mod scripted;
pub mod tls;
pub mod witness;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::TryStreamExt;
use serde_json::Value;
use socketio_fixtures::peer;
use socketio_harness::{
    App, ChildProcess, ConnectionEvent, ConnectionEvents, Reconnection, Result, Transport,
    create_app, scaled,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;

/// The three ways a client can travel, as every test of events should be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// The peer server, in three implementations of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// On socketioxide, in this process.
    Rust,
    /// On socket.io, as a child process.
    Node,
    /// On python-socketio, as a child process.
    Python,
}

impl Peer {
    /// Boots it.
    pub async fn boot(self) -> Result<App> {
        match self {
            Self::Rust => create_app(peer::router()).await,
            Self::Node => create_app(node_peer("peer.js")).await,
            Self::Python => create_app(python_peer("peer.py")).await,
        }
    }
}

/// A server of `fixtures/peers/node`, by the name of its script.
pub fn node_peer(script: &str) -> ChildProcess {
    let directory = peers("node");
    installed(&directory.join("node_modules"));
    ChildProcess::new("node").arg(script).current_dir(directory)
}

/// A server of `fixtures/peers/python`, by the name of its script.
pub fn python_peer(script: &str) -> ChildProcess {
    let directory = peers("python");
    let python = directory.join(".venv").join("bin").join("python");
    installed(&python);
    ChildProcess::new(python).arg(script).current_dir(directory)
}

fn peers(language: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "peers", language].iter().collect()
}

fn installed(path: &Path) {
    assert!(path.exists(), "{} is missing: run ./tests/run, which installs it", path.display());
}

/// Where a program is that `tests/run` installs. Debian has nginx where only root's `PATH` looks.
#[expect(clippy::panic, reason = "a test's helper fails the test")]
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|it| it.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: run ./tests/run, which installs it"))
}

/// Runs a test that counts what the whole process holds while no other of its kind runs. Where
/// tests are threads of one process, not even the runtime of another may come meanwhile.
///
/// # Panics
/// If no runtime can be built.
pub fn alone(test: impl Future<Output = Result>) -> Result {
    let _turn = turn();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

/// The turn of such a test, for one with runtimes of its own.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Attempts without a delay worth waiting for.
pub fn quickly() -> Reconnection {
    Reconnection::new().delay(Duration::from_millis(1)).jitter(0.0)
}

/// What comes of a wait, or its failure after twenty seconds: what takes longer than that on a busy
/// machine has gone wrong.
pub async fn in_time<F: Future>(wait: F) -> std::result::Result<F::Output, Elapsed> {
    tokio::time::timeout(scaled(Duration::from_secs(20)), wait).await
}

/// Waits for what nobody tells of: a server of this process runs on a thread of its own, and learns
/// of a client's end a moment after the client.
///
/// # Panics
/// If that takes longer than twenty seconds.
pub async fn becomes<T: PartialEq + std::fmt::Debug>(expected: T, look: impl Fn() -> T) {
    let becoming = async {
        while look() != expected {
            tokio::task::yield_now().await;
        }
    };
    let became = in_time(becoming).await;
    assert!(became.is_ok(), "expected {expected:?}, it is {:?}", look());
}

/// Waits until a port of 127.0.0.1 can be bound. What one server leaves may be another's, of a test
/// that runs beside it, for a while.
///
/// # Panics
/// If that takes longer than twenty seconds.
pub async fn becomes_free(port: u16) {
    becomes(true, || std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()).await;
}

/// Waits until a client is back in a namespace. Gives its id, and whether it was recovered.
///
/// # Panics
/// If the connection is given up before that.
pub async fn back_in(namespace: &str, events: &mut ConnectionEvents) -> Result<(String, bool)> {
    loop {
        match events.try_next().await?.expect("the client comes back") {
            ConnectionEvent::NamespaceReconnected { namespace: which, id, recovered }
                if which == namespace =>
            {
                return Ok((id, recovered));
            }
            _ => {}
        }
    }
}

/// Waits until a peer that is a child process holds no client any more.
pub async fn no_client_is_left_in(app: &App) {
    connections_become(app, is_empty).await;
}

/// Waits until a peer that is a child process holds what it should: `{"engine": 1, "sockets": {"/":
/// 1}}`.
///
/// # Panics
/// If that takes longer than twenty seconds.
pub async fn connections_become(app: &App, wanted: impl Fn(&Value) -> bool) {
    let mut held = Value::Null;
    let becoming = async {
        while !wanted(&held) {
            let body = http_get(app, "/connections").await;
            held = serde_json::from_str(&body).unwrap_or(Value::String(body));
        }
    };
    let became = in_time(becoming).await;
    assert!(became.is_ok(), "the server holds {held}");
}

fn is_empty(left: &Value) -> bool {
    let sockets = left["sockets"].as_object();
    left["engine"] == 0 && sockets.is_some_and(|sockets| sockets.values().all(|count| *count == 0))
}

/// The body of a plain GET on the app, outside Socket.IO.
pub async fn http_get(app: &App, path: &str) -> String {
    http_get_at(app.port(), path).await
}

/// The body of a plain GET on a port of this machine.
pub async fn http_get_at(port: u16, path: &str) -> String {
    let answer = http_answer(port, path).await;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => body.to_owned(),
        None => answer,
    }
}

/// All of the answer to a plain GET on a port of this machine: head and body.
pub async fn http_answer(port: u16, path: &str) -> String {
    http_exchange(port, "GET", path, &[]).await
}

/// All of the answer to a request without a body, with headers such as `origin: http://a`.
pub async fn http_exchange(port: u16, method: &str, path: &str, headers: &[&str]) -> String {
    let request = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        // 1.0: a body without chunks, that ends with the connection.
        let request = format!("{method} {path} HTTP/1.0");
        let head = [&[request.as_str(), "host: app"], headers, &["\r\n"]].concat().join("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    request.await.unwrap_or_else(|error| format!("{method} {path} failed: {error}"))
}
