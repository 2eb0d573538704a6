//! Nodes and clients on turmoil's network: a bug that only a partition at the wrong moment shows.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::simulation::{SEED_VARIABLE, Simulation, explore, replay};
use socketio_harness::{Error, Result, SocketIoClient, create_socketio_client};
use socketio_tests::frames::{frames, without_ids};
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

/// What a node does with a broadcast that does not reach the other node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// The planted bug: it is forgotten.
    Forgetful,
    /// It is sent until it arrives.
    Persistent,
}

/// A chat server of two nodes: a `post` on one is emitted to the clients of both.
fn node(other: &'static str, link: Link) -> axum::Router {
    let (layer, io) = SocketIo::new_layer();
    let (outgoing, posts) = mpsc::unbounded_channel::<u32>();
    let register = async move |socket: SocketRef| {
        socket.on("post", async move |io: SocketIo, Data::<u32>(number)| {
            io.emit("post", &number).await.ok();
            outgoing.send(number).ok();
        });
        Ok::<_, Infallible>(())
    };
    io.ns("/", (async || {}).with(register));
    tokio::spawn(forward(posts, other, link));
    tokio::spawn(receive(io));
    axum::Router::new().layer(layer)
}

async fn forward(mut posts: mpsc::UnboundedReceiver<u32>, other: &str, link: Link) {
    while let Some(number) = posts.recv().await {
        while !matches!(timeout(PATIENCE, deliver(number, other)).await, Ok(Ok(()))) {
            if link == Link::Forgetful {
                break;
            }
            sleep(PAUSE).await;
        }
    }
}

async fn deliver(number: u32, other: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect((other, LINK_PORT)).await?;
    stream.write_u32(number).await?;
    stream.read_u8().await.map(|_| ())
}

async fn receive(io: SocketIo) {
    let listener = TcpListener::bind(("0.0.0.0", LINK_PORT)).await.expect("a port");
    let mut seen = BTreeSet::new();
    while let Ok((mut stream, _)) = listener.accept().await {
        let Ok(Ok(number)) = timeout(PATIENCE, stream.read_u32()).await else { continue };
        stream.write_u8(1).await.ok();
        // Sent again because the answer was lost, perhaps.
        if seen.insert(number) {
            io.emit("post", &number).await.ok();
        }
    }
}

/// What each client has sent and received, to the last frame and its time.
type Told = Arc<Mutex<BTreeMap<&'static str, String>>>;

/// A client that tells its conversation however its test ends.
struct Telling {
    name: &'static str,
    client: SocketIoClient,
    told: Told,
}

impl Telling {
    async fn connect(name: &'static str, node: &str, told: Told) -> Result<Self> {
        let client = create_socketio_client(Simulation::target(node)).await?;
        Ok(Self { name, client, told })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let text = frames(&self.client.transcript());
        self.told.lock().expect("no panic").insert(self.name, text);
    }
}

/// Alice posts on one node, bob reads on the other, and the network between the nodes breaks once,
/// for a moment.
fn chat(simulation: &mut Simulation, link: Link, told: &Told) {
    simulation.serve("left", move || node("right", link));
    simulation.serve("right", move || node("left", link));
    let mut random = simulation.random();
    let (begin, length) = (random.u64(100..800), random.u64(1..20));
    let pauses: Vec<_> = (0..POSTS).map(|_| random.u64(50..200)).collect();

    simulation.client("network", async move {
        sleep(Duration::from_millis(begin)).await;
        turmoil::partition("left", "right");
        sleep(Duration::from_millis(length)).await;
        turmoil::repair("left", "right");
        Ok(())
    });
    let tell = Arc::clone(told);
    simulation.client("alice", async move {
        let alice = Telling::connect("alice", "left", tell).await?;
        for (number, pause) in (0..).zip(pauses) {
            sleep(Duration::from_millis(pause)).await;
            alice.client.send("post", number)?;
            assert_eq!(alice.client.once("post").await?.args(), [json!(number)]);
        }
        Ok(alice.client.close().await?)
    });
    let tell = Arc::clone(told);
    simulation.client("bob", async move {
        let bob = Telling::connect("bob", "right", tell).await?;
        for number in 0..POSTS {
            let post = bob.client.once("post").await?;
            if post.args() != [json!(number)] {
                return Err(format!("bob missed post {number}, and got {:?}", post.args()).into());
            }
        }
        Ok(bob.client.close().await?)
    });
}

/// Runs the chat from a seed: how it ended, and all that was said.
fn run(seed: u64, link: Link) -> (Result, BTreeMap<&'static str, String>) {
    let told = Told::default();
    let outcome = replay(seed, |simulation| chat(simulation, link, &told));
    let told = told.lock().expect("no panic").clone();
    (outcome, told)
}

#[test]
fn a_broadcast_lost_across_a_partition_is_found_and_replayed_from_its_seed() {
    let found = explore(SEEDS, |simulation| chat(simulation, Link::Forgetful, &Told::default()));
    let found = found.expect_err("a seed that shows the bug");
    let Error::Simulation { seed, .. } = found else { panic!("{found}") };

    let (again, told) = run(seed, Link::Forgetful);
    let again = again.expect_err("the same failure");
    assert_eq!(without_ids(&again.to_string()), without_ids(&found.to_string()));
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(told["bob"].contains("42[\"post\",0]"), "{told:?}");
    for _ in 0..10 {
        let (_, same) = run(seed, Link::Forgetful);
        assert_eq!(same, told);
    }
    // The same partition at the same moment, without the bug.
    run(seed, Link::Persistent).0.expect("nothing is lost");
}

#[test]
fn the_message_names_the_seed_and_how_to_run_it_again() {
    let failing = |simulation: &mut Simulation| {
        simulation.client("alice", async {
            sleep(Duration::from_millis(1_500)).await;
            Err("it is never right".into())
        });
    };
    let error = replay(17, failing).expect_err("it fails from every seed");
    assert_eq!(
        error.to_string(),
        "the simulation failed from seed 17, 1.5s after its beginning: it is never right\n  \
         run it again: SOCKETIO_TEST_SEED=17 cargo test \
         the_message_names_the_seed_and_how_to_run_it_again -- --exact"
    );
}

/// From the same seeds as the bug, in parts that run side by side.
#[rstest]
fn a_link_that_repeats_itself_loses_nothing(#[values(0, 50, 100, 150)] first: u64) -> Result {
    explore(first..first + 50, |simulation| chat(simulation, Link::Persistent, &Told::default()))
}

#[rstest]
#[case::a_seed(b"17", "ran 17\n")]
#[case::a_number_that_is_none(b"-1", REFUSAL)]
#[case::words(b"seed 17", REFUSAL)]
#[case::nothing(b"", REFUSAL)]
#[case::no_text(b"17\xff", REFUSAL)]
fn the_environment_names_the_one_seed_to_run(#[case] value: &[u8], #[case] expected: &str) {
    let program = std::env::current_exe().expect("the path of this program");
    let run = Command::new(program)
        .args(["--exact", "a_run_tells_its_seed", "--nocapture"])
        .env(SEED_VARIABLE, OsStr::from_bytes(value))
        .output()
        .expect("this program runs again");
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains(expected), "{said}");
    assert_eq!(said.matches("ran ").count(), usize::from(expected != REFUSAL), "{said}");
}

/// Run by itself, and by the test above in an environment of its own.
#[test]
fn a_run_tells_its_seed() -> Result {
    explore(0..3, |simulation| eprintln!("ran {}", simulation.seed()))
}

#[test]
fn another_seed_is_another_run() {
    let [(first, told), (second, again), (third, other)] =
        [1, 1, 2].map(|seed| run(seed, Link::Persistent));
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(told, again);
    assert_ne!(told, other);
}

#[test]
fn each_call_gives_random_numbers_of_its_own_that_follow_from_the_seed() {
    let drawn = |seed| {
        let simulation = Simulation::new(seed);
        [simulation.random(), simulation.random()].map(|mut random| random.u64(..))
    };
    let [first, second] = drawn(7);
    assert_ne!(first, second);
    assert_eq!(drawn(7), [first, second]);
    assert_ne!(drawn(8), [first, second]);
}

const REFUSAL: &str = "expected a seed as a failed run names it, such as 17";
const SEEDS: Range<u64> = 0..200;
const LINK_PORT: u16 = 9_000;
const POSTS: u32 = 5;
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two attempts to reach the other node.
const PAUSE: Duration = Duration::from_millis(50);
