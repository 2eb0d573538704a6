//! Several nodes and clients on a simulated network, from a seed.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use socketio_mock_client::{Connecting, Connector, Target, connecting};

use crate::connections::Connections;
use crate::subject::{IntoSubject, Kind};
use crate::tracked::Tracked;
use crate::{Error, Result};

/// The turmoil that it stands on: `hold`, `partition` and the rest, of the right version.
pub use turmoil;

/// A network, its nodes and its clients, in one thread and on a clock of its own: everything that
/// happens by chance follows from the seed.
///
/// It is turmoil's `Sim`, to which it dereferences: `host`, `client`, `partition`, `hold`, `crash`
/// and the rest are turmoil's.
pub struct Simulation {
    sim: turmoil::Sim<'static>,
    seed: u64,
    /// Each draw of it is the seed of what [`random`](Self::random) gives.
    random: RefCell<fastrand::Rng>,
}

impl Simulation {
    /// A network whose messages take 1 to 20 ms, and which loses none of itself.
    pub fn new(seed: u64) -> Self {
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .enable_random_order()
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(20))
            .simulation_duration(Duration::from_mins(5));
        Self::of(seed, &builder)
    }

    /// A network of other properties; the builder should have been given the seed.
    pub fn of(seed: u64, builder: &turmoil::Builder) -> Self {
        let random = fastrand::Rng::with_seed(seed).into();
        Self { sim: builder.build(), seed, random }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Random numbers for what the test itself leaves to chance: the time of a partition, who sends
    /// what. They follow from the seed, and are others at each call.
    pub fn random(&self) -> fastrand::Rng {
        self.random.borrow_mut().fork()
    }

    /// Adds a node that serves a tower service on port 80. `make` is called at each start of the
    /// node, within it, so that it can spawn tasks and listen on other ports.
    ///
    /// # Panics
    /// If `make` gives a subject that is no service.
    pub fn serve<S, Marker>(&mut self, name: &str, make: impl Fn() -> S + 'static)
    where
        S: IntoSubject<Marker>,
    {
        self.sim.host(name, move || {
            let subject = make().into_subject();
            async move {
                let Kind::Service(service) = subject.0 else {
                    return Err("only services can be served in a simulation".into());
                };
                let address = (IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT);
                let listener = turmoil::net::TcpListener::bind(address).await?;
                let connections = Connections::new(None);
                loop {
                    let (stream, peer) = listener.accept().await?;
                    let stream = Tracked::new(stream, Some(peer), &connections);
                    let service = service.clone();
                    tokio::spawn(async move { service.serve(stream).await });
                }
            }
        });
    }

    /// The target of a node, for clients within the simulation.
    pub fn target(name: &str) -> Target {
        Target::new(name, PORT).connector(SimulatedConnector)
    }
}

impl Deref for Simulation {
    type Target = turmoil::Sim<'static>;

    fn deref(&self) -> &Self::Target {
        &self.sim
    }
}

impl DerefMut for Simulation {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.sim
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// Runs a simulation from each seed until one fails, and says from which.
///
/// `build` adds the nodes and clients; a client that returns an error, or panics, has failed. The
/// message tells how to run that seed alone, with the environment variable [`SEED_VARIABLE`]: the
/// same run again, message by message.
///
/// ```no_run
/// use socketio_harness::simulation::{Simulation, explore};
/// use socketio_harness::{Result, create_socketio_client};
///
/// # fn my_server() -> axum::Router { axum::Router::new() }
/// #[test]
/// fn nothing_is_lost() -> Result {
///     explore(0..200, |simulation| {
///         simulation.serve("server", my_server);
///         simulation.client("alice", async {
///             let client = create_socketio_client(Simulation::target("server")).await?;
///             client.send_with_ack("question", ()).await?;
///             Ok(client.close().await?)
///         });
///     })
/// }
/// ```
pub fn explore(
    seeds: impl IntoIterator<Item = u64>,
    build: impl Fn(&mut Simulation),
) -> Result<()> {
    match std::env::var_os(SEED_VARIABLE) {
        Some(value) => replay(seed_named_by(&value)?, build),
        None => seeds.into_iter().try_for_each(|seed| replay(seed, &build)),
    }
}

fn seed_named_by(value: &OsStr) -> Result<u64> {
    let seed = value.to_str().and_then(|text| text.parse().ok());
    seed.ok_or_else(|| Error::Seed { value: value.to_string_lossy().into_owned() })
}

/// Runs one simulation.
pub fn replay(seed: u64, build: impl Fn(&mut Simulation)) -> Result<()> {
    let mut simulation = Simulation::new(seed);
    let run = || {
        build(&mut simulation);
        simulation.run()
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            let (at, reason) = (simulation.elapsed(), error.to_string().into());
            Err(Error::Simulation { seed, at, reason, again: how_to_run_again(seed).into() })
        }
        Err(panic) => {
            let (at, again) = (simulation.elapsed(), how_to_run_again(seed));
            eprintln!("the simulation panicked from seed {seed}, {at:?} after its beginning");
            eprintln!("  {again}");
            resume_unwind(panic)
        }
    }
}

/// The harness of `cargo test` names a test's thread after the test.
fn how_to_run_again(seed: u64) -> String {
    let thread = std::thread::current();
    let test = thread.name().filter(|name| *name != "main");
    let test = test.map(|name| format!(" {name} -- --exact")).unwrap_or_default();
    format!("run it again: {SEED_VARIABLE}={seed} cargo test{test}")
}

/// The environment variable that names the one seed to run.
pub const SEED_VARIABLE: &str = "SOCKETIO_TEST_SEED";

/// TCP on the simulated network.
#[derive(Debug, Clone, Copy)]
struct SimulatedConnector;

impl Connector for SimulatedConnector {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let stream = turmoil::net::TcpStream::connect((host, port)).await?;
            Ok(stream)
        })
    }
}

const PORT: u16 = 80;
