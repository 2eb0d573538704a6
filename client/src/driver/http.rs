use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use crate::connector::ByteStream;
use crate::endpoint::Endpoint;

/// One HTTP connection that is kept alive between requests, and opened again when the server has
/// closed it, or is about to.
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
    /// When the server closes it unless it is used, by its own word.
    closes_at: Option<Instant>,
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
            let resting = self.live.take().filter(Live::lasts);
            let reused = resting.is_some();
            let live = match resting {
                Some(live) => live,
                None => open(&self.endpoint).await?,
            };
            let request = self.request(method, target, body.clone())?;
            let Live { mut sender, connection, .. } = live;
            let work = ask(&mut sender, request, self.max_body);
            let (result, connection) = alongside(work, connection).await;
            match result {
                Ok(answer) => {
                    self.endpoint.keep_cookies(&answer.headers);
                    let closes_at =
                        kept_for(&answer.headers).and_then(|time| Instant::now().checked_add(time));
                    self.live = connection.map(|connection| Live { sender, connection, closes_at });
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

impl Live {
    /// Whether a request can be answered before the server closes it. One that met the close would
    /// be lost, and nobody could tell whether the server has read it.
    fn lasts(&self) -> bool {
        self.closes_at.is_none_or(|at| Instant::now() + MARGIN < at)
    }
}

/// For how long the server keeps a connection that rests: RFC 2068, "Keep-Alive". Node's says so.
fn kept_for(answer: &HeaderMap) -> Option<Duration> {
    let parameters = answer.get(KEEP_ALIVE)?.to_str().ok()?.split(',');
    let timeout = parameters.map(str::trim).find_map(|it| it.strip_prefix("timeout="))?;
    timeout.parse().ok().map(Duration::from_secs)
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// What the request takes on its way, and how late a busy machine may be.
const MARGIN: Duration = Duration::from_secs(1);

async fn open(endpoint: &Endpoint) -> Result<Live, HttpError> {
    let target = &endpoint.target;
    let stream =
        target.connector.connect(&target.host, target.port).await.map_err(HttpError::Connect)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| HttpError::Exchange(describe(&error)))?;
    Ok(Live { sender, connection, closes_at: None })
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use socketio_proto::engine::Protocol;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    use super::*;
    use crate::connector::{Connecting, Connector, connecting};
    use crate::target::Target;

    /// Answers every request alike, and counts its connections.
    struct Server {
        answer: &'static str,
        connections: Arc<AtomicUsize>,
    }

    impl Connector for Server {
        fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
            self.connections.fetch_add(1, Ordering::Relaxed);
            let (client, server) = tokio::io::duplex(1024);
            let answer = self.answer;
            tokio::spawn(async move {
                let mut lines = BufReader::new(server).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if line.is_empty() {
                        lines.get_mut().write_all(answer.as_bytes()).await.ok();
                    }
                }
            });
            connecting(async { Ok(client) })
        }

        fn is_in_memory(&self) -> bool {
            true
        }
    }

    /// How many connections it takes to ask twice, with a pause.
    async fn connections(answer: &'static str, pause: Duration) -> usize {
        let connections = Arc::new(AtomicUsize::new(0));
        let server = Server { answer, connections: Arc::clone(&connections) };
        let target = Target::new("server", 80).connector(server);
        let (path, headers) = ("/".to_owned(), HeaderMap::new());
        let endpoint = Endpoint::new(target, Protocol::V4, path, Vec::new(), headers);
        let mut http = Http::new(Arc::new(endpoint), 100);
        for _ in 0..2 {
            let answer = http.exchange(&Method::GET, "/", Bytes::new()).await.unwrap();
            assert_eq!(answer.body, "ok");
            tokio::time::advance(pause).await;
        }
        connections.load(Ordering::Relaxed)
    }

    const FIVE: &str =
        "HTTP/1.1 200 OK\r\nkeep-alive: max=9, timeout=5\r\ncontent-length: 2\r\n\r\nok";
    const EVER: &str = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=18446744073709551615\r\n\
                        content-length: 2\r\n\r\nok";
    const UNSAID: &str = "HTTP/1.1 200 OK\r\nkeep-alive: max=9\r\ncontent-length: 2\r\n\r\nok";

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_not_used_when_the_server_is_about_to_close_it() {
        assert_eq!(connections(FIVE, Duration::from_millis(3_900)).await, 1);
        assert_eq!(connections(FIVE, Duration::from_millis(4_100)).await, 2);
        for never in [EVER, UNSAID] {
            assert_eq!(connections(never, Duration::from_mins(1)).await, 1);
        }
    }
}
