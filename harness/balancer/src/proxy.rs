use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::header::ACCEPT_ENCODING;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::rt::Executor;
use hyper::upgrade::OnUpgrade;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backend::Server;
use crate::balancer::Inner;
use crate::body::{Body, empty, full, guarded, streamed};
use crate::headers::{add_forwarded, make_end_to_end};
use crate::open::Open;
use crate::policy::Policy;
use crate::sessions::InFlight;
use crate::tunnel::tunnel;

/// The tasks of a balancer, or of one server: all end when `ending` is cancelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) ending: CancellationToken,
}

impl Tasks {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        self.tracker.spawn(async move {
            ending.run_until_cancelled(task).await;
        });
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// What the query of a request says of its session.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    engine: bool,
    polling: bool,
    sid: Option<String>,
}

impl Query {
    fn parse(uri: &Uri) -> Self {
        let mut query = Self::default();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        {
            match &*name {
                "EIO" => query.engine = true,
                "transport" => query.polling = value == "polling",
                "sid" => query.sid = Some(value.into_owned()),
                _ => {}
            }
        }
        query
    }

    /// Whether the request asks for a new session by polling.
    fn opens(&self) -> bool {
        self.engine && self.polling && self.sid.is_none()
    }
}

/// Answers one request with what a server says to it.
pub(crate) async fn forward(
    inner: Arc<Inner>,
    client: SocketAddr,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let query = Query::parse(request.uri());
    if inner.policy == Policy::WebsocketOnly && query.engine && query.polling {
        return refuse(StatusCode::BAD_REQUEST, TRANSPORT_UNKNOWN);
    }
    let ours = request.extensions_mut().remove::<OnUpgrade>();
    let (mut parts, body) = request.into_parts();
    make_end_to_end(&mut parts.headers);
    add_forwarded(&mut parts.headers, client.ip());
    parts.version = Version::HTTP_11;
    let learns = inner.policy == Policy::Sticky && parts.method == Method::GET && query.opens();
    if learns {
        // The session's id has to be read in the answer.
        parts.headers.remove(ACCEPT_ENCODING);
    }
    let repeatable = body.is_end_stream();
    let mut body = Some(streamed(body));
    let session = query.sid.as_deref().and_then(|sid| inner.sessions.enter(sid));

    let mut tried = Vec::new();
    loop {
        let Some(server) = inner.choose(query.sid.as_deref(), &tried) else {
            return match tried.len() {
                0 => {
                    refuse(StatusCode::SERVICE_UNAVAILABLE, "no server is up behind the balancer\n")
                }
                _ => refuse(StatusCode::BAD_GATEWAY, "no server can be reached\n"),
            };
        };
        server.requests.fetch_add(1, Ordering::Relaxed);
        let mut request = Request::new(body.take().unwrap_or_else(empty));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = to(&server, &parts.uri);
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.clone();
        let answer = tokio::select! {
            answer = server.client.request(request) => answer,
            () = server.cut.cancelled() => return refuse(StatusCode::BAD_GATEWAY, CUT),
        };
        match answer {
            Ok(answer) => {
                let exchange = Exchange { inner, server, session, learns };
                return exchange.answer(answer, ours).await;
            }
            Err(error) if error.is_connect() && repeatable => {
                // Nothing was sent, so another server may have it.
                tracing::debug!(server = %server.address, %error, "cannot be reached");
                tried.push(server.address);
            }
            Err(error) => {
                tracing::debug!(server = %server.address, %error, "did not answer");
                return refuse(StatusCode::BAD_GATEWAY, "the server did not answer\n");
            }
        }
    }
}

/// A request that a server has answered.
struct Exchange {
    inner: Arc<Inner>,
    server: Arc<Server>,
    session: Option<InFlight>,
    /// The answer tells the id of a session.
    learns: bool,
}

impl Exchange {
    async fn answer(
        self,
        mut answer: Response<Incoming>,
        ours: Option<OnUpgrade>,
    ) -> Response<Body> {
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let theirs = answer.extensions_mut().remove::<OnUpgrade>();
            self.join(ours, theirs);
            let (mut parts, _) = answer.into_parts();
            make_end_to_end(&mut parts.headers);
            return Response::from_parts(parts, empty());
        }
        let (mut parts, body) = answer.into_parts();
        make_end_to_end(&mut parts.headers);
        let body = if self.learns && parts.status.is_success() {
            let Ok(read) = Limited::new(body, LONGEST_HANDSHAKE).collect().await else {
                return refuse(StatusCode::BAD_GATEWAY, "the server's handshake broke off\n");
            };
            let bytes = read.to_bytes();
            if let Some(open) = Open::find(&bytes) {
                self.inner.sessions.learn(open, self.server.address);
            }
            full(bytes)
        } else {
            guarded(streamed(body), self.session)
        };
        Response::from_parts(parts, body)
    }

    /// Lets bytes through in both directions once both sides have left HTTP.
    fn join(mut self, ours: Option<OnUpgrade>, theirs: Option<OnUpgrade>) {
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return };
        let anonymous = match &mut self.session {
            Some(session) => {
                session.is_websocket();
                None
            }
            None => Some(Counted::new(&self.server.websockets)),
        };
        let tasks =
            Tasks { tracker: self.inner.tasks.tracker.clone(), ending: self.server.cut.clone() };
        tasks.spawn(async move {
            let (Ok(ours), Ok(theirs)) = (ours.await, theirs.await) else { return };
            tunnel(ours, theirs).await;
            drop((self, anonymous));
        });
    }
}

/// Counts while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn to(server: &Server, uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(server.address.to_string()).ok();
    parts.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    Uri::from_parts(parts).unwrap_or_default()
}

fn refuse(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let kind = if body.starts_with('{') { "application/json" } else { "text/plain" };
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// The words of the official server that allows no polling.
const TRANSPORT_UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const CUT: &str = "the server went down\n";
/// An OPEN packet and what a server may send along with it.
const LONGEST_HANDSHAKE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_a_request_is_in_its_query() {
        let query = |text: &str| Query::parse(&text.parse().expect("a URI"));
        let polling = query("/socket.io/?EIO=4&transport=polling&sid=a%2Fb%3D");
        assert_eq!(polling, Query { engine: true, polling: true, sid: Some("a/b=".into()) });
        assert_eq!(query("/page"), Query::default());
    }
}
