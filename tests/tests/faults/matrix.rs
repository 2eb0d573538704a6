//! Every fault on every transport and engine: what either side reports of it, found out by trying.
//!
//! The client of this project meets each fault twice: in a simulated app, where the order of things
//! is fixed, and over TCP, where both sides must report the same.

use std::fmt::Write;
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::json;
use socketio_harness::{
    ClientBuilder, ClientError, Engine, Fault, Faults, Gone, Latency, Relay, Result,
    SocketIoClient, close, create_socketio_client, scaled,
};
use socketio_tests::Via;
use socketio_tests::witness::{Heartbeat, Witness};
use tokio::runtime::Builder;

#[test]
fn each_side_reports_what_the_matrix_says() {
    let mut table = String::from("| fault | websocket | polling | polling, upgraded |\n");
    table += "|---|---|---|---|\n";
    for row in ROWS {
        let cells = VIAS.map(|via| simulated(row, via).to_string()).join(" | ");
        writeln!(table, "| {} | {cells} |", row.fault).expect("memory");
    }
    insta::assert_snapshot!("native", table);
    let documented = include_str!("../../../harness/docs/faults.md");
    assert!(documented.contains(&table), "harness/docs/faults.md holds a copy of the snapshot");
}

#[tokio::test]
async fn each_side_reports_the_same_over_tcp() {
    let cells = ROWS.iter().flat_map(|row| VIAS.map(|via| (row, via)));
    let differing: Vec<_> = stream::iter(cells)
        .map(|(row, via)| async move {
            let (expected, found) = (simulated(row, via), over_tcp(row, via, Engine::Native).await);
            (expected != found)
                .then(|| format!("{} on {via:?}: {found} instead of {expected}", row.fault))
        })
        .buffered(AT_ONCE)
        .filter_map(async |difference| difference)
        .collect()
        .await;
    assert!(differing.is_empty(), "{differing:#?}");
}

#[tokio::test]
async fn the_second_engine_reports_what_its_matrix_says() {
    let mut table = String::from("| fault | `rust_socketio`, websocket |\n|---|---|\n");
    let cells: Vec<_> = stream::iter(ROWS)
        .map(|row| over_tcp(row, Via::Websocket, Engine::RustSocketio))
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (row, mut cell) in ROWS.iter().zip(cells) {
        if row.fault == PINGS_SWALLOWED {
            cell.allow_either_first();
        }
        writeln!(table, "| {} | {cell} |", row.fault).expect("memory");
    }
    insta::assert_snapshot!("rust_socketio", table);
    let documented = include_str!("../../../harness/docs/faults.md");
    assert!(documented.contains(&table), "harness/docs/faults.md holds a copy of the snapshot");
}

const PINGS_SWALLOWED: &str = "pings swallowed";

/// A fault, and when and how it is caused.
struct Row {
    fault: &'static str,
    cause: Cause,
    begins: Begins,
    /// Whether it shows by the heartbeat alone, which must not make the others wait.
    shows: Shows,
}

/// What is done to the network, and what must be kept until the cell is over.
type Cause = fn(&Faults) -> Vec<Fault>;

#[derive(PartialEq, Eq)]
enum Begins {
    BeforeTheClient,
    WhileConnected,
}

#[derive(PartialEq, Eq)]
enum Shows {
    AtOnce,
    ByHeartbeat,
    /// A server knows of a polling client by its heartbeat alone.
    AtOnceButOnPolling,
}

impl Row {
    fn heartbeat(&self, via: Via) -> Heartbeat {
        match self.shows {
            Shows::AtOnce => Heartbeat::RARE,
            Shows::AtOnceButOnPolling if via != Via::Polling => Heartbeat::RARE,
            Shows::AtOnceButOnPolling | Shows::ByHeartbeat => Heartbeat::BRISK,
        }
    }
}

/// What the two sides report. A hang is an error of the client's or the witness's deadline, a leak
/// one of the close.
#[derive(Debug, PartialEq, Eq)]
struct Reports {
    client: String,
    server: Option<String>,
}

impl Reports {
    /// Without pings the alarms of rust_socketio and of the server ring at the same time: either
    /// may see the other's close first.
    fn allow_either_first(&mut self) {
        let (client, server) =
            (["transport error", "transport close"], ["HeartbeatTimeout", "TransportClose"]);
        if client.contains(&&*self.client) {
            self.client = client.join(" or ");
        }
        if let Some(told) = self.server.as_mut().filter(|told| server.contains(&&***told)) {
            *told = server.join("` or `");
        }
    }
}

impl std::fmt::Display for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{}; `{server}`", self.client),
            None => f.write_str(&self.client),
        }
    }
}

/// On a thread with a clock of its own.
fn simulated(row: &Row, via: Via) -> Reports {
    let run = || {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime can be built").block_on(async {
            let witness = Witness::simulated(row.heartbeat(via)).await?;
            reports(witness, None, row, via, Engine::Native).await
        })
    };
    let ran = std::thread::scope(|scope| scope.spawn(run).join());
    told(ran.expect("no panic"))
}

async fn over_tcp(row: &Row, via: Via, engine: Engine) -> Reports {
    let reported = async {
        let witness = Witness::rust(row.heartbeat(via)).await?;
        // rust_socketio opens sockets of its own.
        let relay =
            if engine == Engine::Native { None } else { Some(witness.app.faults().relay()?) };
        reports(witness, relay, row, via, engine).await
    };
    told(reported.await)
}

fn told(reports: Result<Reports>) -> Reports {
    reports.unwrap_or_else(|error| Reports { client: format!("failed: {error}"), server: None })
}

async fn reports(
    mut witness: Witness,
    relay: Option<Relay>,
    row: &Row,
    via: Via,
    engine: Engine,
) -> Result<Reports> {
    let faults = witness.app.faults().clone();
    let mut held = Vec::new();
    if row.begins == Begins::BeforeTheClient {
        held = (row.cause)(&faults);
    }
    let client = builder(&witness, relay.as_ref(), via, engine).await?;
    if via == Via::Upgrade {
        client.upgraded().await?;
    }
    client.send_with_ack("message-with-ack", 0).await?;
    if via == Via::Polling && row.begins == Begins::WhileConnected {
        witness.is_polled().await;
    }
    if row.begins == Begins::WhileConnected {
        held = (row.cause)(&faults);
    }
    let (client_says, over) = match ask(&client).await? {
        // Half a heartbeat carries everything else, until it is missed.
        Told::Answer if row.shows == Shows::ByHeartbeat && row.fault.ends_with("swallowed") => {
            let ended = tokio::time::timeout(scaled(PATIENCE), client.disconnected()).await;
            (
                ended
                    .map_or(Ok("nothing".into()), |reason| reason.map(|it| it.name().to_owned()))?,
                true,
            )
        }
        // The connection that is open goes on; what of a new one?
        Told::Answer => match builder(&witness, relay.as_ref(), via, engine).await {
            Ok(second) => {
                second.close().await?;
                ("answers".to_owned(), false)
            }
            Err(ClientError::Unreachable { .. }) => {
                ("answers; a new one: cannot connect".to_owned(), false)
            }
            Err(error) => return Err(error.into()),
        },
        Told::End(reason) => (reason, true),
        Told::Silence => ("no answer".to_owned(), true),
    };
    let server = if over {
        Some(witness.next_leave().await.expect("a client leaves in time"))
    } else {
        None
    };
    drop(held);
    client.close().await?;
    drop(relay);
    close(witness.app).await?;
    assert_eq!(faults.open_connections(), 0, "a connection is left");
    Ok(Reports { client: client_says, server })
}

fn builder(witness: &Witness, relay: Option<&Relay>, via: Via, engine: Engine) -> ClientBuilder {
    let client = match relay {
        Some(relay) => create_socketio_client(relay),
        None => create_socketio_client(&witness.app),
    };
    client.engine(engine).transports(via.transports()).timeout(scaled(Heartbeat::MISSED_WITHIN))
}

/// What the client hears when it asks.
enum Told {
    Answer,
    /// That its connection has ended, for this reason.
    End(String),
    /// rust_socketio watches no heartbeat: it never learns that nobody is there.
    Silence,
}

async fn ask(client: &SocketIoClient) -> Result<Told> {
    let asked = client.send_with_ack("message-with-ack", json!("x".repeat(3_000)));
    let answer = tokio::select! {
        answer = asked.timeout(scaled(PATIENCE)) => answer,
        reason = client.disconnected() => return Ok(Told::End(reason?.name().to_owned())),
    };
    match answer {
        Ok(_) => Ok(Told::Answer),
        Err(
            ClientError::Disconnected { reason, .. } | ClientError::NotConnected { reason, .. },
        ) => Ok(Told::End(reason.name().to_owned())),
        Err(ClientError::Timeout { .. }) => Ok(Told::Silence),
        Err(error) => Err(error.into()),
    }
}

const VIAS: [Via; 3] = [Via::Websocket, Via::Polling, Via::Upgrade];

const ROWS: &[Row] = &[
    row("none", Shows::AtOnce, |_| vec![]),
    row("latency and jitter", Shows::AtOnce, |faults| {
        let latency = Latency::new(Duration::from_millis(10)).jitter(Duration::from_millis(10));
        vec![faults.latency(latency.seed(1))]
    }),
    row("bandwidth", Shows::AtOnce, |faults| vec![faults.bandwidth(100_000)]),
    // Smaller pieces are refused by the second engine, sometimes: see the guide.
    row("chopped", Shows::AtOnce, |faults| vec![faults.chop(16)]),
    row("frozen", Shows::ByHeartbeat, |faults| vec![faults.freeze()]),
    row("frozen, and healed", Shows::AtOnce, |faults| {
        faults.freeze().heal();
        vec![]
    }),
    row("cut", Shows::AtOnceButOnPolling, |faults| {
        faults.cut();
        vec![]
    }),
    row("reset", Shows::AtOnceButOnPolling, |faults| {
        faults.reset();
        vec![]
    }),
    row("reset after 2,000 bytes", Shows::AtOnceButOnPolling, |faults| {
        vec![faults.reset_after(2_000)]
    }),
    row("refused", Shows::AtOnce, |faults| vec![faults.refuse()]),
    row("half-open, the client gone", Shows::ByHeartbeat, |faults| {
        vec![faults.half_open(Gone::Client)]
    }),
    row("half-open, the server gone", Shows::ByHeartbeat, |faults| {
        vec![faults.half_open(Gone::Server)]
    }),
    Row {
        // socketioxide's first ping comes at once. Once a ping has arrived, the deadlines of both
        // sides fall on one moment.
        begins: Begins::BeforeTheClient,
        ..row("pings swallowed", Shows::ByHeartbeat, |faults| vec![faults.swallow_pings()])
    },
    row("pongs swallowed", Shows::ByHeartbeat, |faults| vec![faults.swallow_pongs()]),
    row("polls duplicated", Shows::AtOnce, |faults| vec![faults.duplicate_polls()]),
    // The next heartbeat brings what is kept back.
    row("polls reordered", Shows::ByHeartbeat, |faults| vec![faults.reorder_polls()]),
    row("websockets closed", Shows::AtOnce, |faults| {
        faults.close_websockets();
        vec![]
    }),
];

const fn row(fault: &'static str, shows: Shows, cause: Cause) -> Row {
    Row { fault, cause, begins: Begins::WhileConnected, shows }
}

/// Longer than the heartbeat takes to fail.
const PATIENCE: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 12;
