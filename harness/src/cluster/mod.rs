//! Several servers as one: nodes behind a balancer, with a Redis between them.

mod builder;
mod isolation;
mod node;
mod recipe;
#[cfg(unix)]
mod redis;
mod store;
mod whereabouts;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use socketio_balancer::Balancer;
use socketio_mock_client::{
    IntoTarget, RegisteredClient, Registry, SocketIoClient, Target, scaled,
};
use tokio::time::timeout;

pub use builder::{ClusterBuilder, create_cluster};
pub use isolation::Isolation;
pub use node::ClusterNode;
pub use recipe::{IntoNode, Node};
#[cfg(unix)]
pub use redis::{Redis, create_redis};

use crate::close::{Close, Options};
use crate::faults::Faults;
use crate::report::Leftover;
use crate::trace::Trace;
use store::Store;

/// Several servers behind a load balancer, booted by [`create_cluster`](crate::create_cluster).
///
/// `create_socketio_client(&cluster)` connects through the balancer. Dropping it ends everything in
/// the background; [`close`](crate::close) waits until that is done, and says what went wrong.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<ClusterNode>,
    balancer: Arc<Balancer>,
    store: Store,
    registry: Registry,
    faults: Faults,
    pub(crate) trace: Option<Trace>,
    strict: bool,
}

impl Cluster {
    /// A node, by its number from 0.
    ///
    /// # Panics
    /// If there are not as many.
    #[track_caller]
    pub fn node(&self, index: usize) -> &ClusterNode {
        let count = self.nodes.len();
        let node = self.nodes.get(index);
        node.unwrap_or_else(|| no_such_node(index, count))
    }

    /// All nodes, those that are stopped included.
    pub fn nodes(&self) -> &[ClusterNode] {
        &self.nodes
    }

    /// The node a client is on, however it got there. `None` if none has let it in, or if nobody
    /// can tell: after `.log_limit(0)`, in a compressed websocket, around the harness.
    ///
    /// ```no_run
    /// # use socketio_harness::{Cluster, Result, create_socketio_client};
    /// # async fn f(cluster: Cluster) -> Result {
    /// let client = create_socketio_client(&cluster).await?;
    /// let node = cluster.node_of(&client).expect("a node that let it in");
    /// node.stop().await?;
    /// client.disconnected().await?;
    /// # Ok(()) }
    /// ```
    pub fn node_of(&self, client: &SocketIoClient) -> Option<&ClusterNode> {
        let id = client.id();
        // A recovered session keeps its id on the next node.
        let heard = |node: &&ClusterNode| node.last_heard_of(&id);
        self.nodes.iter().filter(|node| heard(node).is_some()).max_by_key(heard)
    }

    /// The Redis that the harness started for the cluster.
    ///
    /// # Panics
    /// If the cluster was not booted with `.redis()`.
    #[cfg(unix)]
    #[track_caller]
    pub fn redis(&self) -> &Redis {
        self.store.own().expect("a cluster with a Redis of its own: `create_cluster(..).redis()`")
    }

    /// The balancer's port.
    pub fn port(&self) -> u16 {
        self.balancer.local_addr().port()
    }

    /// The balancer's base URL, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.balancer.url()
    }

    /// What the network does between the clients and the balancer.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The clients made from the cluster and its nodes that live, or have left something over.
    pub fn clients(&self) -> Vec<RegisteredClient> {
        self.registry.clients()
    }

    /// Where the clients of the cluster are listed, for reports on a whole test.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Marks a moment of the test in its trace. Does nothing without one.
    pub fn note(&self, what: &str) {
        if let Some(trace) = &self.trace {
            trace.note(what);
        }
    }

    /// Takes it down; see [`close`](crate::close).
    pub fn close(self) -> Close {
        self.into()
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Ends the nodes, what stands before them, and then what stands between them.
    pub(crate) async fn take_down(self, options: Options) -> Vec<Leftover> {
        self.faults.heal_all();
        self.nodes.iter().for_each(ClusterNode::heal_all);
        let ending = self.nodes.iter().map(|node| node.take_down(options));
        let mut leftovers = join_all(ending).await.concat();
        let after = options.patience.max(scaled(SHORTEST_PATIENCE));
        if timeout(after, self.balancer.close()).await.is_err() {
            leftovers.push(Leftover::Blocked { after });
        }
        self.faults.end().await;
        leftovers.extend(
            join_all(self.nodes.iter().map(ClusterNode::leave_redis)).await.into_iter().flatten(),
        );
        leftovers.extend(self.store.take_down().await);
        leftovers
    }
}

impl IntoTarget for &Cluster {
    fn into_target(self) -> socketio_mock_client::Result<Target> {
        Ok(self.faults.target())
    }
}

/// The balancer's connections end when they are cut, if in their own time.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

#[track_caller]
#[expect(clippy::panic, reason = "an index out of range, as with a slice")]
fn no_such_node(index: usize, count: usize) -> ! {
    panic!("the cluster has no node {index}: it has {count}, counted from 0")
}
