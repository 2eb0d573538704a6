//! A server that tells why each of its clients has left, in three implementations.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use serde_json::{Value, json};
use socketio_harness::{
    App, ChildProcess, ClientBuilder, Result, close, create_app, create_socketio_client, scaled,
};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;
use tokio::sync::mpsc;

use crate::{becomes, connections_become, http_get, node_peer, python_peer};

/// A server that echoes (`message` to `message-back`, `message-with-ack` to its ack), disconnects
/// who emits `leave` from the namespace, `/` or `/custom`, and remembers how its clients have left.
#[derive(Debug)]
pub struct Witness {
    /// To connect to.
    pub app: App,
    left: Left,
    /// Of the server in this process: polls that wait at it.
    polls: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Left {
    /// Told by the server in this process.
    Here(mpsc::UnboundedReceiver<String>),
    /// To be asked for; those in the list were told before.
    There(VecDeque<String>, usize),
}

/// The heartbeat of a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Between two pings.
    pub interval: Duration,
    /// For the pong.
    pub timeout: Duration,
}

impl Heartbeat {
    /// None falls due during a test.
    pub const RARE: Self =
        Self { interval: Duration::from_secs(25), timeout: Duration::from_secs(20) };
    /// One that a test can wait for, and that no busy machine misses by accident: neither while a
    /// client connects or polls again, nor between the alarms of a server and its client, which are
    /// an interval apart.
    pub const BRISK: Self =
        Self { interval: Duration::from_secs(4), timeout: Duration::from_secs(4) };
    /// The same for python-engineio, which tells its clients whole seconds alone, and whose server
    /// has three alarms: a reader's, 9 s after its client's last word, one that looks for pongs at
    /// every multiple of the timeout and misses one at 12 s, and its client's after 14 s. What
    /// separates the first two is less by what the client takes to connect.
    pub const BRISK_FOR_PYTHON: Self =
        Self { interval: Duration::from_secs(5), timeout: Duration::from_secs(4) };
    /// More than twice what both sides take to miss a brisk one.
    pub const MISSED_WITHIN: Duration = Duration::from_secs(30);
}

impl Witness {
    /// On socketioxide, in this process.
    pub async fn rust(heartbeat: Heartbeat) -> Result<Self> {
        let (tell, told) = mpsc::unbounded_channel();
        let polls = Arc::default();
        let app = create_app(router(heartbeat, tell, Arc::clone(&polls))).await?;
        Ok(Self { app, left: Left::Here(told), polls })
    }

    /// The same in a simulated app.
    pub async fn simulated(heartbeat: Heartbeat) -> Result<Self> {
        let (tell, told) = mpsc::unbounded_channel();
        let polls = Arc::default();
        let app = create_app(router(heartbeat, tell, Arc::clone(&polls))).simulated().await?;
        Ok(Self { app, left: Left::Here(told), polls })
    }

    /// On socket.io, as a child process.
    pub async fn node(heartbeat: Heartbeat) -> Result<Self> {
        Self::process(node_peer("peer.js"), heartbeat).await
    }

    /// On python-socketio, as a child process.
    pub async fn python(heartbeat: Heartbeat) -> Result<Self> {
        Self::process(python_peer("peer.py"), heartbeat).await
    }

    async fn process(process: ChildProcess, heartbeat: Heartbeat) -> Result<Self> {
        let process = process
            .env("PING_INTERVAL", heartbeat.interval.as_millis().to_string())
            .env("PING_TIMEOUT", heartbeat.timeout.as_millis().to_string());
        let left = Left::There(VecDeque::new(), 0);
        Ok(Self { app: create_app(process).await?, left, polls: Arc::default() })
    }

    /// A client that waits for as long as a brisk heartbeat takes to be missed.
    pub fn client(&self) -> ClientBuilder {
        create_socketio_client(&self.app).timeout(scaled(Heartbeat::MISSED_WITHIN))
    }

    /// Takes it down under its clients. Gives why the last of them has left, in the server's words;
    /// `None` if it can no longer be asked.
    pub async fn close(self) -> Result<Option<String>> {
        close(self.app).disconnect_clients().await?;
        Ok(match self.left {
            Left::Here(mut told) => told.recv().await,
            Left::There(..) => None,
        })
    }

    /// Waits until a poll of its only client waits at the server. Of what happens between two polls
    /// one of the sides is not told, or told otherwise.
    pub async fn is_polled(&self) {
        match self.left {
            Left::Here(_) => becomes(1, || self.polls.load(Ordering::Acquire)).await,
            Left::There(..) => connections_become(&self.app, |held| held["polls"] == 1).await,
        }
    }

    /// Why the next client has left, in the server's words; `None` if it tells of none within
    /// [`Heartbeat::MISSED_WITHIN`].
    ///
    /// # Panics
    /// If the server has ended.
    pub async fn next_leave(&mut self) -> Option<String> {
        let deadline = scaled(Heartbeat::MISSED_WITHIN);
        match &mut self.left {
            Left::Here(told) => {
                let reason = tokio::time::timeout(deadline, told.recv()).await.ok()?;
                Some(reason.expect("the server lives"))
            }
            Left::There(waiting, seen) => {
                let asking = async {
                    while waiting.is_empty() {
                        let body = http_get(&self.app, &format!("/disconnects/{seen}")).await;
                        let all: Vec<String> =
                            serde_json::from_str(&body).expect("a list of reasons");
                        waiting.extend(all.iter().skip(*seen).cloned());
                        *seen = all.len();
                    }
                };
                tokio::time::timeout(deadline, asking).await.ok()?;
                waiting.pop_front()
            }
        }
    }
}

fn router(
    heartbeat: Heartbeat,
    tell: mpsc::UnboundedSender<String>,
    polls: Arc<AtomicUsize>,
) -> Router {
    let (layer, io) = SocketIo::builder()
        .ping_interval(heartbeat.interval)
        .ping_timeout(heartbeat.timeout)
        .build_layer();
    let register = move |socket: SocketRef| {
        register(&socket, tell.clone());
        std::future::ready(Ok::<_, Infallible>(()))
    };
    let greet = async |socket: SocketRef| {
        socket.emit("auth", &json!({})).ok();
    };
    for namespace in ["/", "/custom"] {
        io.ns(namespace, greet.with(register.clone()));
    }
    let counting = from_fn(move |request: Request, next: Next| {
        let polls = Arc::clone(&polls);
        async move {
            let query = request.uri().query().unwrap_or_default();
            let is_poll = request.method() == Method::GET && query.contains("transport=polling");
            let mut answer = pin!(next.run(request));
            // It waits at the server when it has come there, and got no answer.
            if let Poll::Ready(answer) = futures::poll!(&mut answer) {
                return answer;
            }
            let _waiting = is_poll.then(|| Waiting::new(polls));
            answer.await
        }
    });
    Router::new().layer(layer).layer(counting)
}

/// Counts as a poll that waits until it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(polls: Arc<AtomicUsize>) -> Self {
        polls.fetch_add(1, Ordering::Release);
        Self(polls)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

fn register(socket: &SocketRef, tell: mpsc::UnboundedSender<String>) {
    socket.on("message", async |socket: SocketRef, Data::<Value>(value)| {
        socket.emit("message-back", &value).ok();
    });
    socket.on("message-with-ack", async |Data::<Value>(value), ack: AckSender| {
        ack.send(&value).ok();
    });
    socket.on("leave", async |socket: SocketRef| {
        socket.disconnect().ok();
    });
    socket.on_disconnect(async move |reason: DisconnectReason| {
        // A test that has seen enough no longer listens.
        let _ = tell.send(format!("{reason:?}"));
    });
}
