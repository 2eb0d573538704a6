use std::error::Error as StdError;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tower_service::Service;

use crate::process::ChildProcess;
use crate::service::AnyService;

/// A server under test.
///
/// Rarely written out: [`create_app`](crate::create_app) takes anything that is [`IntoSubject`].
pub struct Subject(pub(crate) Kind);

pub(crate) enum Kind {
    Service(AnyService),
    Process(ChildProcess),
}

/// What [`create_app`](crate::create_app) can boot: a tower service (an axum `Router`, socketioxide's own
/// service, a hyper service behind an adapter), or a [`ChildProcess`].
///
/// `Marker` only keeps the implementations apart; it is always inferred.
pub trait IntoSubject<Marker> {
    /// Forgets the server's type.
    fn into_subject(self) -> Subject;
}

/// Marks [`IntoSubject`] for tower services.
#[derive(Debug)]
pub enum TowerService {}

/// Marks [`IntoSubject`] for child processes.
#[derive(Debug)]
pub enum Process {}

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

impl IntoSubject<Process> for ChildProcess {
    fn into_subject(self) -> Subject {
        Subject(Kind::Process(self))
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Service(_) => f.write_str("Service"),
            Kind::Process(process) => process.fmt(f),
        }
    }
}
