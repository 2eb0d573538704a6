use std::{fmt, future::pending, pin::pin};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::{
    Line, Transport,
    stream::{self, Stream},
};
use crate::{Context, Failure, FailureKind, Subject};

/// An HTTP response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Where a redirection leads.
    pub location: Option<String>,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// When it was asked for, on a connection that stood.
    pub(super) asked_at: Instant,
}

impl Reply {
    /// Fails unless the status is `status`.
    pub fn expect_status(&self, status: u16) -> Result<&Self, Failure> {
        if self.status == status {
            Ok(self)
        } else {
            Err(Failure::departure(format!("HTTP {status}"), self.shown()))
        }
    }

    /// Fails unless the reply is `200` with the body `body`.
    pub fn expect_ok(&self, body: &str) -> Result<&Self, Failure> {
        if self.status == 200 && self.body == body {
            Ok(self)
        } else {
            let expected = format!("HTTP 200 with the body {body:?}");
            Err(Failure::departure(expected, self.shown()))
        }
    }

    /// The packets of a payload.
    pub fn packets(&self) -> impl Iterator<Item = &str> {
        self.body.split('\u{1e}').filter(|packet| !packet.is_empty())
    }

    pub(crate) fn shown(&self) -> String {
        let leads = |to: &String| format!(" (leads to {to})");
        let elsewhere = self.location.as_ref().map(leads).unwrap_or_default();
        super::cut(format!("HTTP {}{elsewhere} {}", self.status, self.body).trim_end())
    }
}

impl fmt::Display for Reply {
    /// Its status and as much of its body as fits into a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// One request outside any session, on a connection of its own.
///
/// `query` follows the `?` as it is.
pub async fn request(
    ctx: &Context,
    method: Method,
    query: &str,
    body: &str,
) -> Result<Reply, Failure> {
    let line = ctx.line(Transport::Polling);
    exchange(ctx, &line, method, query, body).await
}

/// One request, recorded on `line`.
pub(super) async fn exchange(
    ctx: &Context,
    line: &Line,
    method: Method,
    query: &str,
    body: &str,
) -> Result<Reply, Failure> {
    let shown = format!("{method} ?{query} {body}");
    let shown = shown.trim_end();
    ctx.wait(format!("an answer to {shown}"), async {
        let begun = Instant::now();
        let stream = stream::connect(ctx.subject()).await?;
        line.took(begun.elapsed());
        line.sent(shown);
        let waits = method == Method::GET && query.contains("sid=");
        let reply = send(ctx.subject(), stream, method, query, body).await;
        if !waits {
            line.took(begun.elapsed());
        }
        match &reply {
            Ok(reply) => line.received(format!("{} {}", reply.status, reply.body).trim_end()),
            Err(cut) => line.received(format!("({cut})")),
        }
        reply.map_err(|cut| {
            Failure::new(FailureKind::Disconnected, format!("an answer to {shown}"), cut)
        })
    })
    .await?
}

async fn send(
    subject: &Subject,
    stream: Stream,
    method: Method,
    query: &str,
    body: &str,
) -> Result<Reply, String> {
    let request = Request::builder()
        .method(method)
        .uri(format!("{}?{query}", subject.path()))
        .header(header::HOST, subject.authority())
        .header(header::CONTENT_TYPE, "text/plain;charset=UTF-8")
        .body(Full::new(Bytes::from(body.to_owned())))
        .map_err(|error| format!("the request cannot be built: {error}"))?;
    let cut = |error: hyper::Error| format!("the connection was cut: {error}");
    let asked_at = Instant::now();

    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(cut)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(cut)?;
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned());
        let body = Limited::new(response.into_body(), LARGEST_BODY)
            .collect()
            .await
            .map_err(|error| format!("the body was cut: {error}"))?
            .to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status, location, body, asked_at })
    };
    // The connection reports its end through the exchange; what it returns adds nothing.
    let connection = async {
        connection.await.ok();
        pending::<()>().await;
    };
    let (exchange, connection) = (pin!(exchange), pin!(connection));
    tokio::select! {
        reply = exchange => reply,
        () = connection => Err("the connection was cut".to_owned()),
    }
}

const LARGEST_BODY: usize = 4 << 20;
