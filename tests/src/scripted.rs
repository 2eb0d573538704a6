//! Servers that say exactly what a test tells them to, right or wrong.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use serde_json::json;
use socketio_harness::{Connecting, Connector, Target, connecting, create_app};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// The open packet of every scripted server: no heartbeat falls due during a test.
pub const OPEN: &str =
    r#"0{"sid":"engine-id","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

/// The reply to CONNECT on the main namespace.
pub const CONNECTED: &str = r#"40{"sid":"socket-id"}"#;

/// Serves one TCP connection by a script.
pub async fn tcp<F>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> std::io::Result<Target>
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        if let Ok((stream, _)) = listener.accept().await {
            script(stream).await;
        }
    });
    Ok(Target::new(&addr.ip().to_string(), addr.port()))
}

/// Serves as many TCP connections as the script accepts.
pub async fn listener<F>(
    script: impl FnOnce(Listener) -> F + Send + 'static,
) -> std::io::Result<Target>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(script(Listener(listener)));
    Ok(Target::new(&addr.ip().to_string(), addr.port()))
}

/// Where the connections of a script come from.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// The next connection, if it is a websocket.
    pub async fn websocket(&self) -> Option<Websocket> {
        let (stream, _) = self.0.accept().await.ok()?;
        Some(Websocket(tokio_tungstenite::accept_async(stream).await.ok()?))
    }

    /// The next connection, which is told nothing yet.
    pub async fn tcp(&self) -> Option<TcpStream> {
        Some(self.0.accept().await.ok()?.0)
    }

    /// The next connection, for plain requests.
    pub async fn http(&self) -> Option<Http> {
        Some(Http(self.0.accept().await.ok()?.0))
    }
}

/// The server's side of an HTTP connection.
#[derive(Debug)]
pub struct Http(TcpStream);

impl Http {
    /// Takes a request with a short body.
    pub async fn request(&mut self) -> String {
        let mut request = vec![0; 4096];
        let length = self.0.read(&mut request).await.unwrap_or(0);
        request.truncate(length);
        String::from_utf8_lossy(&request).into_owned()
    }

    /// Takes a request and answers it.
    pub async fn answer(&mut self, body: &str) {
        self.request().await;
        self.reply(body).await;
    }

    /// Answers a request that was taken.
    pub async fn reply(&mut self, body: &str) {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = self.0.write_all((head + body).as_bytes()).await;
    }

    /// Refuses a request that was taken.
    pub async fn refuse(&mut self, body: &str) {
        let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = self.0.write_all((head + body).as_bytes()).await;
    }

    /// The TCP stream under it.
    pub fn raw(&self) -> &TcpStream {
        &self.0
    }
}

/// Answers one HTTP request with these bytes, and keeps the connection open.
pub async fn http(answer: impl Into<Vec<u8>>) -> std::io::Result<Target> {
    let answer = answer.into();
    tcp(async move |mut stream: TcpStream| {
        let mut request = [0; 4096];
        if stream.read(&mut request).await.is_ok() && stream.write_all(&answer).await.is_ok() {
            // Until the client has gone.
            let _ = stream.read(&mut request).await;
        }
    })
    .await
}

/// Serves one websocket by a script.
pub async fn websocket<F>(
    script: impl FnOnce(Websocket) -> F + Send + 'static,
) -> std::io::Result<Target>
where
    F: Future<Output = ()> + Send,
{
    tcp(async move |stream: TcpStream| {
        if let Ok(stream) = tokio_tungstenite::accept_async(stream).await {
            script(Websocket(stream)).await;
        }
    })
    .await
}

/// Serves websockets in memory by a script, each connection anew: the clock of a test may be paused.
pub fn memory<F>(script: impl Fn(Websocket<DuplexStream>) -> F + Send + Sync + 'static) -> Target
where
    F: Future<Output = ()> + Send + 'static,
{
    let script = move |websocket| script(websocket).boxed();
    Target::new("localhost", 80).connector(Memory(Arc::new(script)))
}

struct Memory(Arc<dyn Fn(Websocket<DuplexStream>) -> BoxFuture<'static, ()> + Send + Sync>);

impl Connector for Memory {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        let (client, server) = tokio::io::duplex(IN_MEMORY);
        let script = Arc::clone(&self.0);
        tokio::spawn(async move {
            if let Ok(stream) = tokio_tungstenite::accept_async(server).await {
                script(Websocket(stream)).await;
            }
        });
        connecting(async { Ok(client) })
    }

    fn is_in_memory(&self) -> bool {
        true
    }
}

/// What a side may write before the other reads.
const IN_MEMORY: usize = 4 << 20;

/// The server's side of a websocket.
pub struct Websocket<S = TcpStream>(WebSocketStream<S>);

impl Websocket {
    /// Answers the handshake of a websocket.
    pub async fn over(stream: TcpStream) -> Option<Self> {
        Some(Self(tokio_tungstenite::accept_async(stream).await.ok()?))
    }

    /// The TCP stream under the websocket, for what is not even a frame.
    pub fn raw(&mut self) -> &mut TcpStream {
        self.0.get_mut()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Websocket<S> {
    /// Sends text frames in one write.
    pub async fn texts(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            let _ = self.0.feed(Message::text(text)).await;
        }
        let _ = self.0.flush().await;
    }

    /// Sends the open packet, takes the CONNECT packet and accepts it.
    pub async fn accept(&mut self) {
        self.text(OPEN).await;
        self.next().await;
        self.text(CONNECTED).await;
    }

    /// Sends a text frame. A client that has gone is no concern of the script.
    pub async fn text(&mut self, text: &str) {
        let _ = self.0.send(Message::text(text)).await;
    }

    /// Sends a binary frame.
    pub async fn binary(&mut self, data: &[u8]) {
        let _ = self.0.send(Message::binary(data.to_vec())).await;
    }

    /// Sends a close frame, and does not end the connection.
    pub async fn say_goodbye(&mut self) {
        let _ = self.0.close(None).await;
    }

    /// Sends a close frame and waits for the client's.
    pub async fn close(&mut self) {
        let _ = self.0.close(None).await;
        self.drain().await;
    }

    /// The client's next text frame; `None` when it has closed.
    pub async fn next(&mut self) -> Option<String> {
        while let Some(Ok(message)) = self.0.next().await {
            if let Message::Text(text) = message {
                return Some(text.to_string());
            }
        }
        None
    }

    /// Tells the client in an event `saw` what it sends next.
    pub async fn tell_next(&mut self) {
        if let Some(text) = self.next().await {
            self.text(&format!("42{}", json!(["saw", text]))).await;
        }
    }

    /// Reads until the client has gone.
    pub async fn drain(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// Serves one polling session: each GET gets the next of these bodies, a further one waits for
/// ever; every POST is accepted.
pub async fn polling<B: Into<Vec<u8>>>(
    bodies: impl IntoIterator<Item = B>,
) -> socketio_harness::Result<socketio_harness::App> {
    let bodies: VecDeque<Vec<u8>> = bodies.into_iter().map(Into::into).collect();
    let state = Arc::new(Mutex::new(bodies));
    let next = async |State(bodies): State<Arc<Mutex<VecDeque<Vec<u8>>>>>| {
        let body = bodies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match body {
            Some(body) => Bytes::from(body),
            None => std::future::pending().await,
        }
    };
    let router =
        Router::new().route("/socket.io/", get(next).post(async || "ok")).with_state(state);
    create_app(router).await
}
