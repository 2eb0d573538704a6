//! Nodes and clients on turmoil's network: a bug that only a partition at the wrong moment shows.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use socketio_harness::simulation::{Simulation, explore, replay};
use socketio_harness::{Error, create_socketio_client};
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

/// What bob saw, and when on the simulated clock.
type Seen = Arc<Mutex<Vec<(Duration, u32)>>>;

/// Alice posts on one node, bob reads on the other, and the network between the nodes breaks once,
/// for a moment.
fn chat(simulation: &mut Simulation, link: Link, seen: &Seen) {
    simulation.serve("left", move || node("right", link));
    simulation.serve("right", move || node("left", link));
    let mut random = simulation.random();
    let (begin, length) = (random.u64(1_000..4_000), random.u64(1..60));
    let pauses: Vec<_> = (0..POSTS).map(|_| random.u64(300..1_200)).collect();

    simulation.client("network", async move {
        sleep(Duration::from_millis(begin)).await;
        turmoil::partition("left", "right");
        sleep(Duration::from_millis(length)).await;
        turmoil::repair("left", "right");
        Ok(())
    });
    simulation.client("alice", async move {
        let alice = create_socketio_client(Simulation::target("left")).await?;
        for (number, pause) in (0..).zip(pauses) {
            sleep(Duration::from_millis(pause)).await;
            alice.send("post", number)?;
            assert_eq!(alice.once("post").await?.args(), [json!(number)]);
        }
        Ok(alice.close().await?)
    });
    let seen = Arc::clone(seen);
    simulation.client("bob", async move {
        let bob = create_socketio_client(Simulation::target("right")).await?;
        for number in 0..POSTS {
            let post = bob.once("post").await?;
            seen.lock().expect("no panic").push((turmoil::elapsed(), post.parse()?));
            if post.args() != [json!(number)] {
                return Err(format!("bob missed post {number}, and got {:?}", post.args()).into());
            }
        }
        Ok(bob.close().await?)
    });
}

#[test]
fn a_broadcast_lost_across_a_partition_is_found_and_replayed_from_its_seed() {
    let found = explore(0..200, |simulation| chat(simulation, Link::Forgetful, &Seen::default()));
    let Err(Error::Simulation { seed, reason }) = found else { panic!("the bug was not found") };
    eprintln!("found by seed {seed}: {}", reason.lines().next().unwrap_or_default());

    let again = || {
        let seen = Seen::default();
        let outcome = replay(seed, |simulation| chat(simulation, Link::Forgetful, &seen));
        let Err(Error::Simulation { reason, .. }) = outcome else {
            panic!("it did not fail again")
        };
        (first_line(&reason), seen.lock().expect("no panic").clone())
    };
    let (reason_again, seen) = again();
    assert_eq!(reason_again, first_line(&reason));
    // To the microsecond.
    assert_eq!(again(), (reason_again, seen));
    // The same partition at the same moment, without the bug.
    replay(seed, |simulation| chat(simulation, Link::Persistent, &Seen::default()))
        .expect("nothing is lost");
}

#[test]
fn a_link_that_repeats_itself_loses_nothing() -> socketio_harness::Result {
    explore(0..10, |simulation| chat(simulation, Link::Persistent, &Seen::default()))
}

#[test]
fn another_seed_is_another_run() -> socketio_harness::Result {
    let run = |seed| -> socketio_harness::Result<_> {
        let seen = Seen::default();
        replay(seed, |simulation| chat(simulation, Link::Persistent, &seen))?;
        let seen = seen.lock().expect("no panic").clone();
        Ok(seen)
    };
    assert_eq!(run(1)?, run(1)?);
    assert_ne!(run(1)?, run(2)?);
    Ok(())
}

/// Without the conversation, in which the server's random session ids stand.
fn first_line(reason: &str) -> String {
    reason.lines().next().unwrap_or_default().to_owned()
}

const LINK_PORT: u16 = 9_000;
const POSTS: u32 = 5;
const PATIENCE: Duration = Duration::from_millis(100);
/// Between two attempts to reach the other node.
const PAUSE: Duration = Duration::from_millis(50);
