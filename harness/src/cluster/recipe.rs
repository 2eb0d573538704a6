//! How the nodes of a cluster are made.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;

use crate::subject::{IntoSubject, MakeFn, Subject};
use crate::{Error, Result};

/// A node that is about to be made: what a server has to know of its place in the cluster.
#[derive(Debug, Clone)]
pub struct Node {
    index: usize,
    redis: Option<Arc<str>>,
}

impl Node {
    pub(super) fn new(index: usize, redis: Option<Arc<str>>) -> Self {
        Self { index, redis }
    }

    /// Its number, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its name in reports: `node 1`.
    pub fn name(&self) -> String {
        format!("node {}", self.index)
    }

    /// Where this node, and no other, reaches the cluster's Redis:
    /// `redis://127.0.0.1:40123`.
    ///
    /// # Panics
    /// If the cluster was not given one.
    #[track_caller]
    pub fn redis_url(&self) -> &str {
        self.redis.as_deref().expect("a cluster with Redis: `create_cluster(..).redis()`")
    }

    /// Whether the cluster was given a Redis.
    pub fn has_redis(&self) -> bool {
        self.redis.is_some()
    }
}

/// What the function of [`create_cluster`](crate::create_cluster) may return: anything that
/// [`create_app`](crate::create_app) takes, or a `Result` of it.
///
/// `Marker` only keeps the implementations apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no node of a cluster",
    label = "neither what `create_app` can boot nor a `Result` of it",
    note = "let the function return an axum `Router`, another tower service, a `ChildProcess`, or a \
            `Result` of one"
)]
pub trait IntoNode<Marker> {
    /// Forgets the server's type.
    fn into_node(self) -> Result<Subject>;
}

impl<S: IntoSubject<M>, M> IntoNode<(M,)> for S {
    fn into_node(self) -> Result<Subject> {
        Ok(self.into_subject())
    }
}

impl<S: IntoSubject<M>, E: fmt::Display, M> IntoNode<Result<M, E>> for Result<S, E> {
    fn into_node(self) -> Result<Subject> {
        self.map(S::into_subject)
            .map_err(|error| Error::NotMade { reason: error.to_string().into() })
    }
}

/// Makes a node, as often as it is started.
#[derive(Clone)]
pub(super) struct Recipe(Arc<dyn Fn(Node) -> MakeFn + Send + Sync>);

impl Recipe {
    pub(super) fn new<F, T, Marker>(make: F) -> Self
    where
        F: AsyncFn(Node) -> T + Send + Sync + 'static,
        T: IntoNode<Marker>,
    {
        let make = Arc::new(make);
        Self(Arc::new(move |node| {
            let make = Arc::clone(&make);
            Box::new(move || async move { make(node).await.into_node() }.boxed_local())
        }))
    }

    pub(super) fn subject(&self, node: Node) -> Subject {
        Subject::made((self.0)(node))
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipe")
    }
}
