use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use futures::future::try_join_all;
use socketio_balancer::{Balancer, Policy};
use socketio_mock_client::{IntoTarget, Registry, Target};
use tokio::net::TcpListener;

use super::Cluster;
use super::node::{ClusterNode, Surroundings};
use super::recipe::{IntoNode, Node, Recipe};
use super::store::{Store, Wanted};
use crate::app::{Asked, bind, refuse_a_paused_clock};
use crate::faults::Faults;
use crate::tap::{DEFAULT_LIMIT, Tap};
use crate::trace::{Trace, Tracing};
use crate::{Error, Result};

/// Boots several servers behind a load balancer, on free ports of the loopback interface.
///
/// `node` makes each of them, once for every start: from what it is told of its place, it returns
/// whatever [`create_app`](crate::create_app) takes, a service or a
/// [`ChildProcess`](crate::ChildProcess), or a `Result` of it. It runs on the runtime the node will
/// have, so that what it spawns (a connection to Redis) stops with the node.
///
/// ```no_run,test_harness
/// use socketio_harness::{Node, Result, close, create_cluster, create_socketio_client};
///
/// # async fn my_server(redis: &str) -> Result<axum::Router> { Ok(axum::Router::new()) }
/// #[tokio::test]
/// async fn a_message_reaches_the_clients_of_every_node() -> Result {
///     let cluster =
///         create_cluster(3, async |node: Node| my_server(node.redis_url()).await).redis().await?;
///     let here = create_socketio_client(cluster.node(0)).await?;
///     let there = create_socketio_client(cluster.node(2)).await?;
///
///     let message = there.once("message");
///     here.send("say", "hello")?;
///     message.await?;
///
///     here.close().await?;
///     there.close().await?;
///     close(cluster).await
/// }
/// ```
///
/// See the chapter [`guide::clusters`](crate::guide::clusters).
pub fn create_cluster<F, T, Marker>(nodes: usize, node: F) -> ClusterBuilder
where
    F: AsyncFn(Node) -> T + Send + Sync + 'static,
    T: IntoNode<Marker>,
{
    ClusterBuilder {
        nodes,
        recipe: Recipe::new(node),
        policy: Policy::Sticky,
        redis: Wanted::default(),
        port: 0,
        path: None,
        strict: false,
        log_limit: DEFAULT_LIMIT,
        tracing: Asked::Environment,
    }
}

/// The options of a cluster about to be booted. Awaiting it boots.
#[must_use = "a builder does nothing until it is awaited"]
pub struct ClusterBuilder {
    nodes: usize,
    recipe: Recipe,
    policy: Policy,
    redis: Wanted,
    port: u16,
    path: Option<String>,
    strict: bool,
    log_limit: usize,
    tracing: Asked,
}

impl ClusterBuilder {
    /// The balancer keeps a session on the node that opened it, and gives a new one to the node
    /// that has the fewest. The default.
    pub fn sticky(mut self) -> Self {
        self.policy = Policy::Sticky;
        self
    }

    /// The balancer sends each request to the next node, whatever its session: the mistake behind
    /// "Session ID unknown", to be tested against. A websocket is one request, and works.
    pub fn round_robin(mut self) -> Self {
        self.policy = Policy::RoundRobin;
        self
    }

    /// The balancer lets websockets through only, to each node in turn, and answers polling as a
    /// server does that has it switched off: "Transport unknown".
    pub fn websocket_only(mut self) -> Self {
        self.policy = Policy::WebsocketOnly;
        self
    }

    /// Starts a Redis for the cluster: [`create_redis`](crate::create_redis) tells what it takes.
    /// Each node is told a URL of its own, [`Node::redis_url`], by which it can be cut off.
    #[cfg(unix)]
    pub fn redis(mut self) -> Self {
        self.redis = Wanted::Own;
        self
    }

    /// Uses a Redis that runs already: `redis://user:password@host:6379/0`. The nodes are told
    /// URLs of their own that lead there. Whatever else uses it, another test for one, is in the
    /// same cluster.
    pub fn redis_at(mut self, url: impl Into<String>) -> Self {
        self.redis = Wanted::At(url.into());
        self
    }

    /// The balancer listens on this port instead of a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The path on which the nodes answer Socket.IO requests, if it is not `/socket.io`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Makes [`close`](crate::close) [`strict`](crate::Close::strict).
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// How much of what each node receives and emits is kept for [`ClusterNode::log`], in bytes.
    /// Default 16 MiB. With 0, nobody knows which [node](Cluster::node_of) a client is on.
    pub fn log_limit(mut self, bytes: usize) -> Self {
        self.log_limit = bytes;
        self
    }

    /// Writes a trace of the test: see [`AppBuilder::trace`](crate::AppBuilder::trace).
    pub fn trace(mut self, tracing: Tracing) -> Self {
        self.tracing = Asked::For(tracing);
        self
    }

    async fn boot(self) -> Result<Cluster> {
        if self.nodes == 0 {
            let (option, reason) = ("create_cluster(0, ..)", "it has one node at least");
            return Err(Error::Option { option, subject: "a cluster", reason });
        }
        refuse_a_paused_clock()?;
        let (listener, addr) = bind(self.port)?;
        let listener = TcpListener::from_std(listener).map_err(Error::Start)?;
        let balancer = Balancer::start(listener, self.policy).map_err(Error::Start)?;
        let balancer = Arc::new(balancer);
        let registry = Registry::default();
        let begin = |tracing: Tracing| tracing.begin(&balancer.url(), &registry, None);
        let trace = self.tracing.tracing().map(begin).transpose()?;
        let diary = trace.as_ref().map(Trace::diary).unwrap_or_default();
        let store = Store::open(self.redis, diary.clone()).await?;

        let adopt = {
            let (registry, path) = (registry.clone(), self.path);
            move |target: Target| {
                let target = target.registry(registry.clone());
                match &path {
                    Some(path) => target.path(path),
                    None => target,
                }
            }
        };
        let faults = Faults::new(adopt(addr.into_target()?), diary.clone());
        let mut booting = Vec::new();
        for index in 0..self.nodes {
            let (way, url) = store.way()?.unzip();
            let tap = (self.log_limit > 0).then(|| Arc::new(Tap::new(self.log_limit)));
            let (balancer, adopt) = (Arc::clone(&balancer), Box::new(adopt.clone()));
            let surroundings = Surroundings { balancer, tap, adopt, diary: diary.clone() };
            let node = Node::new(index, url);
            booting.push(ClusterNode::boot(node, self.recipe.clone(), way, surroundings));
        }
        let nodes = try_join_all(booting).await?;
        nodes.iter().for_each(ClusterNode::join);

        let strict = self.strict;
        Ok(Cluster { nodes, balancer, store, registry, faults, trace, strict })
    }
}

impl IntoFuture for ClusterBuilder {
    type Output = Result<Cluster>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.boot())
    }
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("nodes", &self.nodes)
            .field("policy", &self.policy)
            .field("redis", &self.redis)
            .finish_non_exhaustive()
    }
}
