use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::connector::ByteStream;
use crate::endpoint::Endpoint;

/// One HTTP connection that is kept alive between requests, and opened again when the server has
/// closed it.
pub(crate) struct Http {
    endpoint: Arc<Endpoint>,
    live: Option<Live>,
    max_body: usize,
}

/// hyper splits a connection into the side that asks and the one that moves bytes; the second is
/// driven along with each request, so no task of its own is needed.
struct Live {
    sender: SendRequest<Full<Bytes>>,
    connection: http1::Connection<TokioIo<Box<dyn ByteStream>>, Full<Bytes>>,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    Connect(io::Error),
    Exchange(String),
}

impl Http {
    pub(crate) fn new(endpoint: Arc<Endpoint>, max_body: usize) -> Self {
        Self { endpoint, live: None, max_body }
    }

    pub(crate) async fn exchange(
        &mut self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<Answer, HttpError> {
        loop {
            let reused = self.live.is_some();
            let live = match self.live.take() {
                Some(live) => live,
                None => open(&self.endpoint).await?,
            };
            let request = self.request(method, target, body.clone())?;
            let Live { mut sender, connection } = live;
            let work = ask(&mut sender, request, self.max_body);
            let (result, connection) = alongside(work, connection).await;
            match result {
                Ok(answer) => {
                    self.endpoint.keep_cookies(&answer.headers);
                    self.live = connection.map(|connection| Live { sender, connection });
                    return Ok(answer);
                }
                // The server closed the idle connection before this request was written.
                Err(Failure { unsent: true, .. }) if reused => {}
                Err(failure) => return Err(HttpError::Exchange(failure.reason)),
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.endpoint.target.authority())
            .body(Full::new(body))
            .map_err(|error| HttpError::Exchange(error.to_string()))?;
        if *method == Method::POST {
            let text = HeaderValue::from_static("text/plain;charset=UTF-8");
            request.headers_mut().insert(CONTENT_TYPE, text);
        }
        self.endpoint.add_headers(request.headers_mut());
        Ok(request)
    }
}

async fn open(endpoint: &Endpoint) -> Result<Live, HttpError> {
    let target = &endpoint.target;
    let stream =
        target.connector.connect(&target.host, target.port).await.map_err(HttpError::Connect)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| HttpError::Exchange(describe(&error)))?;
    Ok(Live { sender, connection })
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "{error}"),
            Self::Exchange(reason) => f.write_str(reason),
        }
    }
}

struct Failure {
    reason: String,
    unsent: bool,
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    max_body: usize,
) -> Result<Answer, Failure> {
    let failed = |error: hyper::Error| Failure {
        reason: describe(&error),
        unsent: error.is_canceled() || error.is_closed(),
    };
    sender.ready().await.map_err(failed)?;
    let (parts, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
    let body = Limited::new(body, max_body)
        .collect()
        .await
        .map_err(|error| Failure { reason: error.to_string(), unsent: false })?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
}

/// Runs `work` to its end while the connection moves its bytes. Gives the connection back if it is
/// still open.
async fn alongside<T, C: Future + Unpin>(
    work: impl Future<Output = T>,
    connection: C,
) -> (T, Option<C>) {
    match select(pin!(work), connection).await {
        Either::Left((output, connection)) => (output, Some(connection)),
        // It is dropped by now: only that tells a request which it still held.
        Either::Right((_, work)) => (work.await, None),
    }
}

/// hyper's errors keep the useful half in their source.
fn describe(error: &hyper::Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
