use std::error::Error as StdError;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tokio::net::TcpListener;
use tower_service::Service;

use crate::Result;
use crate::process::ChildProcess;
use crate::service::AnyService;

/// A server under test.
///
/// Rarely written out: [`create_app`](crate::create_app) takes anything that is [`IntoSubject`].
pub struct Subject(pub(crate) Kind);

pub(crate) enum Kind {
    Service(AnyService),
    Listener(ServeFn),
    Process(ChildProcess),
    Url(String),
    Made(MakeFn),
}

/// Makes a subject on the runtime that it will run on.
pub(crate) type MakeFn = Box<dyn FnOnce() -> LocalBoxFuture<'static, Result<Subject>> + Send>;

/// Serves on a listener; ends with a description of what the server ended with.
pub(crate) type ServeFn = Box<dyn FnOnce(TcpListener) -> BoxFuture<'static, String> + Send>;

/// A server that accepts connections by itself: a function from a listener to the future that
/// serves on it. The harness binds the listener, and ends the future, and every task it has
/// spawned, when the app is closed.
///
/// ```no_run
/// use socketio_harness::{Result, close, create_app, serve};
///
/// # async fn f(router: axum::Router) -> Result {
/// let app = create_app(serve(async |listener| axum::serve(listener, router).await)).await?;
/// close(app).await
/// # }
/// ```
pub fn serve<F>(server: impl FnOnce(TcpListener) -> F + Send + 'static) -> Subject
where
    F: Future<Output: std::fmt::Debug> + Send,
{
    let serve = move |listener| async move { format!("{:?}", server(listener).await) }.boxed();
    Subject(Kind::Listener(Box::new(serve)))
}

/// A service of hyper, which is no tower service: what `hyper::service::service_fn` makes, say.
///
/// ```no_run
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper::service::service_fn;
/// use socketio_harness::{Result, close, create_app, hyper_service};
///
/// # async fn f() -> Result {
/// let hello = service_fn(async |_request| {
///     Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from("hello"))))
/// });
/// let app = create_app(hyper_service(hello)).await?;
/// close(app).await
/// # }
/// ```
pub fn hyper_service<S, B>(service: S) -> Subject
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S: Clone,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Into<Bytes> + Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    Subject(Kind::Service(AnyService::new(OfHyper(service))))
}

/// A service of hyper as a tower service.
#[derive(Clone)]
struct OfHyper<S>(S);

impl<S: hyper::service::Service<Request<Incoming>>> Service<Request<Incoming>> for OfHyper<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> S::Future {
        self.0.call(request)
    }
}

/// What [`create_app`](crate::create_app) can boot: a tower service (an axum `Router`, socketioxide's
/// own service), a [service of hyper](hyper_service), a server that takes a listener ([`serve`]), a
/// [`ChildProcess`] in any language, or the URL of a server that runs already.
///
/// `Marker` only keeps the implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no server that `create_app` can boot",
    label = "not a tower service that can be cloned, a `ChildProcess`, a URL, `serve(..)` or \
             `hyper_service(..)`",
    note = "hand over the axum `Router` itself: not a reference, not the `SocketIo` handle, and \
            after `.with_state(..)`; the layer of `SocketIo::new_layer()` is for `Router::layer`",
    note = "a function that makes a router has to be called, and an async one awaited"
)]
pub trait IntoSubject<Marker> {
    /// Forgets the server's type.
    fn into_subject(self) -> Subject;
}

/// Marks [`IntoSubject`] for tower services.
#[derive(Debug)]
pub enum TowerService {}

/// Marks [`IntoSubject`] for what is no service.
#[derive(Debug)]
pub enum Server {}

impl<S, B> IntoSubject<TowerService> for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Into<Bytes> + Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    fn into_subject(self) -> Subject {
        Subject(Kind::Service(AnyService::new(self)))
    }
}

impl Subject {
    /// One that is made on the runtime that it will run on.
    pub(crate) fn made(make: MakeFn) -> Self {
        Self(Kind::Made(make))
    }
}

impl IntoSubject<Server> for Subject {
    fn into_subject(self) -> Subject {
        self
    }
}

impl IntoSubject<Server> for ChildProcess {
    fn into_subject(self) -> Subject {
        Subject(Kind::Process(self))
    }
}

/// The URL of a server that runs already, such as `http://127.0.0.1:3000`. It is not taken down.
impl IntoSubject<Server> for &str {
    fn into_subject(self) -> Subject {
        Subject(Kind::Url(self.to_owned()))
    }
}

/// Like a `&str`.
impl IntoSubject<Server> for &String {
    fn into_subject(self) -> Subject {
        Subject(Kind::Url(self.clone()))
    }
}

/// Like a `&str`.
impl IntoSubject<Server> for String {
    fn into_subject(self) -> Subject {
        Subject(Kind::Url(self))
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Service(_) => f.write_str("Service"),
            Kind::Listener(_) => f.write_str("Listener"),
            Kind::Process(process) => process.fmt(f),
            Kind::Url(url) => url.fmt(f),
            Kind::Made(_) => f.write_str("Made"),
        }
    }
}
