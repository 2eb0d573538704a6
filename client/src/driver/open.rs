//! The first steps of a connection, where every failure has a cause worth naming.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use socketio_proto::Excerpt;
use socketio_proto::Limits;
use socketio_proto::engine::Transport;
use tokio::time::{Instant, timeout_at};
use tungstenite::error::ProtocolError;

use super::http::{Answer, Http, HttpError};
use super::websocket::WebsocketLane;
use crate::endpoint::Endpoint;
use crate::{Error, Result};

/// Until when, and how long that was in all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) until: Instant,
    pub(crate) total: Duration,
}

impl Patience {
    pub(crate) fn starting_now(total: Duration) -> Self {
        // A timeout beyond the clock's range is none.
        let now = Instant::now();
        let until = now.checked_add(total).unwrap_or(now + Duration::from_hours(24 * 365));
        Self { until, total }
    }

    /// What comes of a wait; `None` if it does not end in time. That no time is left is seen by the
    /// clock: tokio's timers may be a millisecond late, in which a connection can be made.
    pub(crate) async fn wait_for<F: Future>(self, wait: F) -> Option<F::Output> {
        let mut wait = pin!(timeout_at(self.until, wait));
        poll_fn(|cx| match wait.as_mut().poll(cx) {
            Poll::Pending if Instant::now() < self.until => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(outcome) => Poll::Ready(outcome.ok()),
        })
        .await
    }
}

/// Opens a websocket for a new session.
pub(crate) async fn websocket(
    endpoint: &Arc<Endpoint>,
    limits: Limits,
    patience: Patience,
) -> Result<WebsocketLane> {
    let opening = WebsocketLane::open(Arc::clone(endpoint), None, limits);
    match patience.wait_for(opening).await {
        Some(Ok(lane)) => Ok(lane),
        Some(Err(tungstenite::Error::Io(error))) => Err(unreachable(endpoint, &error)),
        Some(Err(tungstenite::Error::Http(response))) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(refused(endpoint, response.status(), response.headers(), body))
        }
        Some(Err(tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete))) => {
            let hint = if endpoint.target.secure { "" } else { OR_TLS };
            Err(not_socketio(endpoint, &format_args!("{ENDED}{hint}")))
        }
        Some(Err(error)) => Err(not_socketio(endpoint, &error)),
        None => Err(silent(endpoint, "the answer to the WebSocket handshake", patience)),
    }
}

/// Opens a session by polling: the handshake's connection and the body that came on it.
pub(crate) async fn polling(
    endpoint: &Arc<Endpoint>,
    limits: Limits,
    patience: Patience,
) -> Result<(Http, Bytes)> {
    let mut http = Http::new(Arc::clone(endpoint), limits.max_payload);
    let target = endpoint.request_target(Transport::Polling, None);
    match patience.wait_for(http.exchange(&Method::GET, &target, Bytes::new())).await {
        Some(Ok(answer)) if answer.status == StatusCode::OK => Ok((http, answer.body)),
        Some(Ok(Answer { status, headers, body })) => {
            Err(refused(endpoint, status, &headers, &body))
        }
        Some(Err(HttpError::Connect(error))) => Err(unreachable(endpoint, &error)),
        Some(Err(error)) => Err(not_socketio(endpoint, &error)),
        None => Err(silent(endpoint, "the answer to the first poll", patience)),
    }
}

/// An answer that is no handshake.
pub(crate) fn not_socketio(endpoint: &Endpoint, answer: &dyn Display) -> Error {
    Error::NotSocketIo { url: endpoint.url(), answer: answer.to_string() }
}

pub(crate) fn silent(endpoint: &Endpoint, waiting_for: &'static str, patience: Patience) -> Error {
    Error::Silent { url: endpoint.url(), waiting_for, after: patience.total }
}

pub(crate) fn unreachable(endpoint: &Endpoint, error: &std::io::Error) -> Error {
    Error::Unreachable { url: endpoint.url(), reason: error.to_string() }
}

/// An HTTP error: Engine.IO's own, or somebody else's.
pub(crate) fn refused(
    endpoint: &Endpoint,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    if let Some((code, message)) = own_refusal(body) {
        let (url, status, hint) = (endpoint.url(), status.as_u16(), hint(code));
        return Error::SessionRefused { url, status, code, message, hint };
    }
    // Proxies and logins send clients elsewhere, where no client of Socket.IO goes.
    let elsewhere = headers.get(LOCATION).map(|to| Excerpt::of_bytes(to.as_bytes()));
    let elsewhere = elsewhere.map(|to| format!(", which leads to {to}")).unwrap_or_default();
    let said = (!body.is_empty()).then(|| format!(": {}", Excerpt::of_bytes(body)));
    let said = said.unwrap_or_default();
    not_socketio(endpoint, &format_args!("HTTP status {status}{elsewhere}{said}"))
}

/// Code and message, if the refusal is Engine.IO's own.
fn own_refusal(body: &[u8]) -> Option<(i64, String)> {
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        // socketioxide writes the code as a string.
        let code = body.get("code")?;
        let code = code.as_i64().or_else(|| code.as_str()?.parse().ok())?;
        return Some((code, body.get("message")?.as_str()?.to_owned()));
    }
    // socket.io answers a websocket with the bare message.
    let text = str::from_utf8(body).ok()?.trim();
    let code = (0..).zip(MESSAGES).find(|(_, message)| *message == text)?.0;
    Some((code, text.to_owned()))
}

const ENDED: &str = "it ended the connection instead of answering the WebSocket handshake";
const OR_TLS: &str = "\n  a server that speaks TLS may do so: its URL begins with https";

/// The messages of Engine.IO, by code.
const MESSAGES: [&str; 6] = [
    "Transport unknown",
    "Session ID unknown",
    "Bad handshake method",
    "Bad request",
    "Forbidden",
    "Unsupported protocol version",
];

/// What each code of Engine.IO usually means for a test.
fn hint(code: i64) -> &'static str {
    match code {
        0 => "check the transports: the server does not allow the one this client begins with",
        1 => "several servers behind one address need sticky sessions",
        3 => {
            "check the transports: does the server allow the one this client begins with? It is \
             websocket unless .transports([..]) says otherwise"
        }
        4 => "the server's allowRequest, or a middleware in front of it, said no",
        5 => {
            "check the protocol version: this client speaks Engine.IO 4, that is Socket.IO 3 and 4"
        }
        _ => "check the server's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_time_is_none_however_late_a_timer_is() {
        let patience = Patience::starting_now(Duration::ZERO);
        assert_eq!(patience.wait_for(std::future::ready(1)).await, Some(1));
        // Comes with the second look, long before a timer would ring.
        assert_eq!(patience.wait_for(tokio::task::yield_now()).await, None);
    }
}
