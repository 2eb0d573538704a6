use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketio_balancer::{Balancer, State};
use socketio_mock_client::{Connector, IntoTarget, Target};

use super::isolation::{Cut, Isolation};
use super::recipe::{Node, Recipe};
use super::whereabouts::Whereabouts;
use crate::app::{App, create_app};
use crate::close::Options;
use crate::faults::{Faults, Relay};
use crate::panics::HandlerPanic;
use crate::process::RunningProcess;
use crate::report::{CloseReport, Leftover};
use crate::tap::{ObservedConnector, ServerLog, Tap};
use crate::trace::Diary;
use crate::{Error, Result};

/// A node of a [`Cluster`](crate::Cluster).
///
/// `create_socketio_client(cluster.node(1))` connects to it around the balancer.
#[derive(Debug, Clone)]
pub struct ClusterNode(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: Node,
    recipe: Recipe,
    whereabouts: Whereabouts,
    /// Sees what it receives and emits, whatever it is written in.
    tap: Option<Arc<Tap>>,
    faults: Faults,
    redis: Option<WayToRedis>,
    balancer: Arc<Balancer>,
    /// Held while it is started or stopped.
    changing: tokio::sync::Mutex<()>,
    status: Mutex<Status>,
}

#[derive(Debug)]
struct Status {
    app: Option<App>,
    /// How many guards keep it from its clients.
    isolated: usize,
}

/// A node's own port to Redis.
#[derive(Debug)]
pub(super) struct WayToRedis {
    pub(super) faults: Faults,
    pub(super) relay: Relay,
}

/// What a node needs of its cluster.
pub(super) struct Surroundings {
    pub(super) balancer: Arc<Balancer>,
    pub(super) tap: Option<Arc<Tap>>,
    /// Turns the node's own target into one whose clients the cluster knows.
    pub(super) adopt: Box<dyn Fn(Target) -> Target + Send + Sync>,
    pub(super) diary: Diary,
}

impl ClusterNode {
    /// Starts a node for the first time; the balancer does not know of it yet.
    pub(super) async fn boot(
        node: Node,
        recipe: Recipe,
        redis: Option<WayToRedis>,
        surroundings: Surroundings,
    ) -> Result<Self> {
        let Surroundings { balancer, tap, adopt, diary } = surroundings;
        let app = start(&recipe, &node).await?;
        let place = place(&app)?;
        let whereabouts = Whereabouts::default();
        whereabouts.become_known(Some(place.clone()));
        let way: Arc<dyn Connector> = Arc::new(whereabouts.clone());
        let target = adopt(place).map_connector(|_| match &tap {
            Some(tap) => Arc::new(ObservedConnector::new(way, Arc::clone(tap))),
            None => way,
        });
        let faults = Faults::new(target, diary);
        let changing = tokio::sync::Mutex::default();
        let status = Mutex::new(Status { app: Some(app), isolated: 0 });
        Ok(Self(Arc::new(Inner {
            node,
            recipe,
            whereabouts,
            tap,
            faults,
            redis,
            balancer,
            changing,
            status,
        })))
    }

    /// Lets the balancer send it clients.
    pub(super) fn join(&self) {
        let way = self.0.faults.target();
        self.0.balancer.add_with(self.key(), move || {
            let way = way.clone();
            async move { way.open().await }
        });
    }

    /// Its number, from 0.
    pub fn index(&self) -> usize {
        self.0.node.index()
    }

    /// Its name in reports: `node 1`.
    pub fn name(&self) -> String {
        self.0.node.name()
    }

    /// Its own base URL at the moment, for what does not go through the harness; no fault and no
    /// isolation meets that. `None` while it is stopped.
    pub fn url(&self) -> Option<String> {
        self.status().app.as_ref().map(App::url)
    }

    /// The process id, if it is a child process that runs.
    pub fn process_id(&self) -> Option<u32> {
        self.status().app.as_ref().and_then(App::process).map(RunningProcess::id)
    }

    /// Whether it has been started and not stopped.
    pub fn is_running(&self) -> bool {
        self.status().app.is_some()
    }

    /// What the network does between this node and its clients, those that come through the
    /// balancer and those that come [around it](ClusterNode).
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What the network does between this node and Redis. `None` without Redis.
    pub fn redis_faults(&self) -> Option<&Faults> {
        self.0.redis.as_ref().map(|redis| &redis.faults)
    }

    /// What this node received and emitted since the cluster was booted, whatever it is written
    /// in: the harness reads along at its connections. Fails after `.log_limit(0)`.
    pub fn log(&self) -> Result<ServerLog> {
        let reason = "the cluster was booted with `.log_limit(0)`; leave that out";
        self.0.tap.as_ref().map(|tap| tap.log()).ok_or(Error::NotObserved { reason })
    }

    /// The panics of its handlers since it was started, each told once: what a test has expected
    /// and taken is no leftover.
    pub fn take_panics(&self) -> Vec<HandlerPanic> {
        self.status().app.as_ref().map(App::take_panics).unwrap_or_default()
    }

    /// Takes it down, as [`close`](crate::close) does an app: its port is free and nothing of it
    /// is left, or this fails and says what. Its clients read the end of their connections. The
    /// balancer sends nothing to it any more. Does nothing if it does not run.
    pub async fn stop(&self) -> Result {
        let _changing = self.0.changing.lock().await;
        let options = Options::of_a_node();
        let leftovers = self.end(options).await;
        let report = CloseReport { leftovers, strict: options.strict };
        if report.failures().next().is_some() {
            return Err(self.error(Error::Leftovers(report)));
        }
        report.warn();
        Ok(())
    }

    /// Starts it, as the cluster's function makes it. The port is another one, which only those
    /// notice that went around the harness. Does nothing if it runs.
    pub async fn start(&self) -> Result {
        let _changing = self.0.changing.lock().await;
        if self.is_running() {
            return Ok(());
        }
        let app = start(&self.0.recipe, &self.0.node).await?;
        let place = place(&app).map_err(|error| self.error(error))?;
        self.0.whereabouts.become_known(Some(place));
        self.status().app = Some(app);
        self.tell_balancer();
        Ok(())
    }

    /// [`stop`](Self::stop), if it runs, and [`start`](Self::start).
    pub async fn restart(&self) -> Result {
        self.stop().await?;
        self.start().await
    }

    /// Cuts it off from its clients and from Redis; heals when the guard is dropped.
    ///
    /// Open connections end for both sides, in the middle of whatever there was, and new ones are
    /// refused. The balancer knows at once, and sends nobody there. For a network that fails
    /// without a word, `node.faults().freeze()` and `node.redis_faults()`.
    ///
    /// ```no_run
    /// # use socketio_harness::{Cluster, Result};
    /// # async fn f(cluster: Cluster) -> Result {
    /// let isolated = cluster.node(2).isolate();
    /// // ...
    /// isolated.heal(); // or the end of its scope
    /// # Ok(()) }
    /// ```
    pub fn isolate(&self) -> Isolation {
        let mut isolation = self.isolate_from_redis();
        isolation.also(self.isolate_from_clients());
        isolation
    }

    /// Cuts it off from Redis alone: its clients stay, and what it says to the other nodes is
    /// lost. Nothing happens without Redis.
    pub fn isolate_from_redis(&self) -> Isolation {
        self.0.redis.as_ref().map(|redis| Cut::all(&redis.faults)).into_iter().collect()
    }

    /// Cuts it off from its clients alone, those around the balancer included.
    pub fn isolate_from_clients(&self) -> Isolation {
        self.status().isolated += 1;
        // The balancer first: it must not try to send its clients here again.
        self.tell_balancer();
        std::iter::once(Cut::all(&self.0.faults).and_then(self.clone())).collect()
    }

    pub(super) fn reach_clients_again(&self) {
        {
            let mut status = self.status();
            status.isolated = status.isolated.saturating_sub(1);
        }
        self.tell_balancer();
    }

    /// Its log names the client: the session, or the socket in a namespace.
    pub(super) fn last_heard_of(&self, socket_id: &str) -> Option<std::time::Duration> {
        let log = self.0.tap.as_ref()?.log();
        log.packets()
            .rev()
            .find(|packet| packet.socket_id.as_deref() == Some(socket_id))
            .map(|packet| packet.at)
    }

    pub(super) fn heal_all(&self) {
        self.0.faults.heal_all();
        if let Some(redis) = &self.0.redis {
            redis.faults.heal_all();
        }
    }

    /// For good; what is left of it, by its name.
    pub(super) async fn take_down(&self, options: Options) -> Vec<Leftover> {
        let _changing = self.0.changing.lock().await;
        let leftovers = self.end(options).await;
        self.0.faults.end().await;
        let node = || self.name();
        let of_node = |leftover| Leftover::Node { node: node(), leftover: Box::new(leftover) };
        leftovers.into_iter().map(of_node).collect()
    }

    /// Closes its port to Redis; the node must have ended. Returns what is left of it.
    pub(super) async fn leave_redis(&self) -> Option<Leftover> {
        let redis = self.0.redis.as_ref()?;
        let closed = redis.relay.closed().await;
        redis.faults.end().await;
        let leftover = Box::new(Leftover::Redis { what: closed.err()? });
        Some(Leftover::Node { node: self.name(), leftover })
    }

    async fn end(&self, options: Options) -> Vec<Leftover> {
        let app = self.status().app.take();
        self.0.whereabouts.become_known(None);
        self.tell_balancer();
        match app {
            Some(app) => app.stop(options).await,
            None => Vec::new(),
        }
    }

    fn tell_balancer(&self) {
        let status = self.status();
        let up = status.app.is_some() && status.isolated == 0;
        let state = if up { State::Up } else { State::Down };
        self.0.balancer.set_state(self.key(), state);
    }

    /// What the balancer calls it: the same at every start.
    pub(super) fn key(&self) -> SocketAddr {
        let number = u16::try_from(self.index()).unwrap_or(u16::MAX);
        ([0, 0, 0, 0], number).into()
    }

    fn error(&self, source: Error) -> Error {
        Error::Node { node: self.name(), source: Box::new(source) }
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IntoTarget for &ClusterNode {
    fn into_target(self) -> socketio_mock_client::Result<Target> {
        Ok(self.0.faults.target())
    }
}

async fn start(recipe: &Recipe, node: &Node) -> Result<App> {
    let app = create_app(recipe.subject(node.clone()));
    // What stands between nodes, an adapter, works for as long as they do.
    let app = app.background_tasks().log_limit(0).untraced();
    app.await.map_err(|source| Error::Node { node: node.name(), source: Box::new(source) })
}

/// Where it listens, without the harness in between.
fn place(app: &App) -> Result<Target> {
    Ok(Target::from_url(&app.url())?)
}
