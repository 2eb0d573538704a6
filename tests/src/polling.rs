//! A polling session by script, which remembers every request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{OriginalUri, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::json;
use socketio_harness::{App, create_app};
use tokio::sync::{Notify, mpsc};

use crate::in_time;

/// A request of the client.
#[derive(Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: Method,
    /// What follows the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: HeaderMap,
    /// The payload, by packet.
    pub packets: Vec<String>,
    /// Bytes of the payload.
    pub size: usize,
}

/// The server's side of one session.
#[derive(Debug)]
pub struct PollingServer {
    /// To connect to.
    pub app: App,
    requests: mpsc::UnboundedReceiver<Request>,
    /// Those that have come and were not asked for yet.
    seen: VecDeque<Request>,
}

struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: mpsc::UnboundedSender<Request>,
    /// What the last poll waits for: the probe of an upgrade.
    probed: Notify,
    release: Option<&'static str>,
}

/// The answer to one GET: a body, and perhaps a cookie to set.
#[derive(Debug, Clone)]
pub struct Answer {
    body: String,
    cookie: Option<&'static str>,
}

impl Answer {
    /// Sets a cookie along with the answer.
    #[must_use]
    pub fn cookie(mut self, cookie: &'static str) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

impl<B: Into<String>> From<B> for Answer {
    fn from(body: B) -> Self {
        Self { body: body.into(), cookie: None }
    }
}

impl PollingServer {
    /// Answers each GET with the next of these bodies; a further one waits for ever. Every POST is
    /// accepted.
    pub async fn start<A: Into<Answer>>(
        answers: impl IntoIterator<Item = A>,
    ) -> socketio_harness::Result<Self> {
        Self::serve(answers.into_iter().map(Into::into).collect(), None).await
    }

    /// The same, with an upgrade: the poll that waits is answered with `release` when the probe has
    /// come. On the websocket, each packet after the `5` is told to the client in an event `saw`.
    pub async fn upgrading<A: Into<Answer>>(
        answers: impl IntoIterator<Item = A>,
        release: &'static str,
    ) -> socketio_harness::Result<Self> {
        Self::serve(answers.into_iter().map(Into::into).collect(), Some(release)).await
    }

    async fn serve(
        answers: VecDeque<Answer>,
        release: Option<&'static str>,
    ) -> socketio_harness::Result<Self> {
        let (sender, requests) = mpsc::unbounded_channel();
        let answers = Mutex::new(answers);
        let script = Script { answers, requests: sender, probed: Notify::new(), release };
        let router = Router::new().route("/socket.io/", any(answer)).with_state(Arc::new(script));
        Ok(Self { app: create_app(router).await?, requests, seen: VecDeque::new() })
    }

    /// The next request with this method; the others stay where they are.
    ///
    /// # Panics
    /// If none comes within twenty seconds.
    pub async fn next(&mut self, method: Method) -> Request {
        if let Some(index) = self.seen.iter().position(|request| request.method == method) {
            return self.seen.remove(index).expect("just found");
        }
        let coming = async {
            loop {
                let request = self.requests.recv().await.expect("a server");
                if request.method == method {
                    return request;
                }
                self.seen.push_back(request);
            }
        };
        let came = in_time(coming).await;
        came.map_err(|_| format!("no {method} came")).expect("a request in time")
    }

    /// Whether no request with this method has come beyond those that were asked for.
    pub fn none_left(&mut self, method: &Method) -> bool {
        self.seen.extend(std::iter::from_fn(|| self.requests.try_recv().ok()));
        self.seen.iter().all(|request| request.method != *method)
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    body: Bytes,
) -> Response {
    let text = String::from_utf8_lossy(&body);
    let request = Request {
        method: method.clone(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        packets: text.split('\u{1e}').map(str::to_owned).collect(),
        size: body.len(),
    };
    // A test that has seen enough no longer listens.
    let _ = script.requests.send(request);
    if method == Method::POST {
        return "ok".into_response();
    }
    if let Ok(upgrade) = upgrade {
        return upgrade.on_upgrade(|socket| upgraded(script, socket));
    }
    let next = script.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match (next, script.release) {
        (Some(Answer { body, cookie: None }), _) => body.into_response(),
        (Some(Answer { body, cookie: Some(cookie) }), _) => {
            ([(SET_COOKIE, cookie)], body).into_response()
        }
        (None, Some(release)) => {
            script.probed.notified().await;
            release.into_response()
        }
        (None, None) => std::future::pending().await,
    }
}

async fn upgraded(script: Arc<Script>, mut socket: WebSocket) {
    let mut finished = false;
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(packet) = message else { continue };
        let reply = match packet.as_str() {
            "2probe" => {
                // Released only now, or the client would poll again.
                let _ = socket.send("3probe".into()).await;
                script.probed.notify_one();
                continue;
            }
            "5" => "6".to_owned(),
            packet if finished => format!("42{}", json!(["saw", packet])),
            packet => format!("42{}", json!(["saw too early", packet])),
        };
        finished |= packet.as_str() == "5";
        if socket.send(reply.into()).await.is_err() {
            break;
        }
    }
}
