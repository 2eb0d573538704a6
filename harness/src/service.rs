use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socketio_mock_client::ByteStream;
use tower_service::Service;

use crate::connections::Connection;
use crate::tracked::Tracked;

/// A tower service whose type has been forgotten: a function from a connection to the task that
/// serves it.
#[derive(Clone)]
pub(crate) struct AnyService {
    respond: Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>,
    sessions: Arc<PollingSessions>,
}

type BoxError = Box<dyn StdError + Send + Sync>;
type AnyBody = UnsyncBoxBody<Bytes, BoxError>;
type Answer = BoxFuture<'static, Result<Response<AnyBody>, BoxError>>;

impl AnyService {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Into<Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        // A service need not be `Sync`; each request is answered by a clone of its own.
        let service = Mutex::new(service);
        let respond = move |request: Request<Incoming>| {
            let mut service = service.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(|body| {
                    body.map_frame(|frame| frame.map_data(Into::into))
                        .map_err(Into::into)
                        .boxed_unsync()
                }))
            }
            .boxed()
        };
        Self { respond: Arc::new(respond), sessions: Arc::default() }
    }

    /// Serves one connection to its end, or until it leaves HTTP for websocket.
    pub(crate) async fn serve<S: ByteStream>(&self, stream: Tracked<S>) {
        let service =
            Tracing { service: self.clone(), connection: Arc::clone(stream.connection()) };
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
            .await;
        if let Err(error) = serving {
            tracing::debug!(target: "socketio", %error, "connection ended");
        }
    }

    /// The requests that end the polling sessions seen so far.
    pub(crate) fn farewells(&self) -> Vec<String> {
        self.sessions.farewells()
    }
}

/// The service of one connection: notes what is asked, and passes it on.
struct Tracing {
    service: AnyService,
    connection: Arc<Connection>,
}

impl hyper::service::Service<Request<Incoming>> for Tracing {
    type Response = Response<AnyBody>;
    type Error = BoxError;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        self.connection.requested(format!("{} {}", request.method(), request.uri()));
        self.service.sessions.note(&request);
        (self.service.respond)(request)
    }
}

/// Polling sessions live in the server without any connection, until their heartbeat fails. Who
/// wants an app to end at once must end them by name.
#[derive(Default)]
struct PollingSessions {
    /// Request targets with a session id.
    targets: Mutex<BTreeSet<String>>,
}

impl PollingSessions {
    fn note(&self, request: &Request<Incoming>) {
        let Some(target) = request.uri().path_and_query() else { return };
        let query = target.query().unwrap_or_default();
        let mut pairs = query.split('&');
        if let Some(sid) = pairs.clone().find(|pair| pair.starts_with("sid="))
            && pairs.any(|pair| pair == "transport=polling")
        {
            let target = format!("{}?EIO=4&transport=polling&{sid}", target.path());
            self.targets.lock().unwrap_or_else(PoisonError::into_inner).insert(target);
        }
    }

    fn farewells(&self) -> Vec<String> {
        let targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let farewell = |target: &String| {
            format!(
                "POST {target} HTTP/1.1\r\nhost: app\r\ncontent-type: text/plain;charset=UTF-8\r\n\
                 content-length: 1\r\nconnection: close\r\n\r\n1"
            )
        };
        targets.iter().map(farewell).collect()
    }
}
