//! One way to provoke each end of a connection, and what either side calls it, found out by trying.

use std::collections::HashMap;
use std::fmt::Write;

use futures::future::join_all;
use futures::{StreamExt, stream};
use rstest::rstest;
use socketio_harness::{
    ClientError, CloseReason, DEFAULT_TIMEOUT, Result, SocketIoClient, Upgrade, close,
    create_socketio_client, scaled,
};
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use socketio_tests::witness::{Heartbeat, Witness};
use socketio_tests::{Via, becomes};
use tokio::runtime::Builder;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// socketioxide, in virtual time.
    Simulated,
    /// socketioxide, on a port.
    Rust,
    Node,
    Python,
}

impl Server {
    async fn boot(self, heartbeat: Heartbeat) -> Result<Witness> {
        match self {
            Self::Simulated => Witness::simulated(heartbeat).await,
            Self::Rust => Witness::rust(heartbeat).await,
            Self::Node => Witness::node(heartbeat).await,
            Self::Python if heartbeat == Heartbeat::BRISK => {
                Witness::python(Heartbeat::BRISK_FOR_PYTHON).await
            }
            Self::Python => Witness::python(heartbeat).await,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cause {
    ClientCloses,
    ClientLeavesNamespace,
    ServerDisconnects,
    ServerDisconnectsNamespace,
    ServerCloses,
    PingsUnanswered,
    ServerSilent,
    ConnectionReset,
    ConnectionCut,
    WebsocketClosed,
    ClientDrops,
    NoEnginePacket,
    NoSocketPacket,
    UpgradeFails,
}

const ROWS: [(Cause, &str); 14] = [
    (Cause::ClientCloses, "`client.close()`"),
    (Cause::ClientLeavesNamespace, "`client.of(\"/custom\")` is closed"),
    (Cause::ServerDisconnects, "the server disconnects the client"),
    (Cause::ServerDisconnectsNamespace, "the server disconnects it from `/custom`"),
    (Cause::ServerCloses, "`close(app).disconnect_clients()`"),
    (Cause::PingsUnanswered, "`client.answer_pings(false)`"),
    (Cause::ServerSilent, "`faults().freeze()`"),
    (Cause::ConnectionReset, "`faults().reset()`"),
    (Cause::ConnectionCut, "`faults().cut()`"),
    (Cause::WebsocketClosed, "`faults().close_websockets()`"),
    (Cause::ClientDrops, "`client.drop_connection()`"),
    (Cause::NoEnginePacket, "`client.send_raw(\"x\")`, no packet of Engine.IO"),
    (Cause::NoSocketPacket, "`client.send_raw(\"4x\")`, no packet of Socket.IO"),
    (Cause::UpgradeFails, "`faults().refuse()`, then `client.upgrade()`"),
];

impl Cause {
    /// A brisk one where it is what tells one of the two. Elsewhere a ping would only come between.
    fn heartbeat(self, server: Server, via: Via) -> Heartbeat {
        let tells = match self {
            Self::PingsUnanswered | Self::ServerSilent => true,
            // python-engineio goes on reading.
            Self::NoEnginePacket | Self::NoSocketPacket => server == Server::Python,
            // Of those three socket.io alone watches the connection of a poll.
            Self::ConnectionReset | Self::ConnectionCut | Self::ClientDrops => {
                via == Via::Polling && server != Server::Node
            }
            _ => false,
        };
        if tells { Heartbeat::BRISK } else { Heartbeat::RARE }
    }

    fn exists(self, via: Via) -> bool {
        match self {
            Self::WebsocketClosed => via == Via::Websocket,
            Self::UpgradeFails => via == Via::Polling,
            _ => true,
        }
    }
}

/// What the client reports and what the server does, in their own words.
async fn cell(server: Server, cause: Cause, via: Via) -> String {
    if !cause.exists(via) {
        return NO_SUCH_CELL.to_owned();
    }
    told(alone(server.boot(cause.heartbeat(server, via)).await, cause, via).await)
}

/// On a server of the cell's own.
async fn alone(witness: Result<Witness>, cause: Cause, via: Via) -> Result<String> {
    let mut witness = witness?;
    if cause == Cause::ServerCloses {
        let client = connect(&witness, cause, via).await?;
        let server_says = witness.close().await?;
        let reason = client.disconnected().await?;
        client.close().await?;
        return Ok(both(&reason, server_says.as_deref()));
    }
    let both = provoke(&mut witness, cause, via).await?;
    close(witness.app).await?;
    Ok(both)
}

/// Several, one after the other, on one server.
async fn in_turn(server: Server, causes: &[Cause], via: Via) -> Vec<String> {
    let mut cells = Vec::new();
    let filled = async {
        let mut witness = server.boot(Heartbeat::RARE).await?;
        for cause in causes {
            cells.push(provoke(&mut witness, *cause, via).await?);
        }
        close(witness.app).await
    };
    let failure = told(filled.await.map(|()| String::new()));
    cells.resize(causes.len(), failure);
    cells
}

fn told(outcome: Result<String>) -> String {
    outcome.unwrap_or_else(|error| format!("failed: {error}"))
}

async fn connect(witness: &Witness, cause: Cause, via: Via) -> Result<SocketIoClient> {
    let transports = if cause == Cause::UpgradeFails { Via::Upgrade } else { via }.transports();
    let client =
        witness.client().transports(transports).upgrade(Upgrade::OnRequest).ready("auth").await?;
    client.send_with_ack("message-with-ack", 0).await?;
    if via == Via::Polling {
        witness.is_polled().await;
    }
    Ok(client)
}

/// Does what ends the connection, and hears of it on both sides.
async fn provoke(witness: &mut Witness, cause: Cause, via: Via) -> Result<String> {
    let client = connect(witness, cause, via).await?;
    let faults = witness.app.faults().clone();
    let mut held = None;
    let mut namespaces = 1;
    let client_says = match cause {
        Cause::ClientCloses => {
            client.close().await?;
            client.disconnected().await?
        }
        Cause::ClientLeavesNamespace | Cause::ServerDisconnectsNamespace => {
            let custom = client.of("/custom").await?;
            custom.once("auth").await?;
            namespaces = 2;
            if cause == Cause::ClientLeavesNamespace {
                custom.close().await?;
            } else {
                custom.send("leave", ())?;
            }
            let reason = custom.disconnected().await?;
            assert!(client.connected(), "the main namespace goes on");
            custom.close().await?;
            reason
        }
        Cause::ServerDisconnects => {
            client.send("leave", ())?;
            client.disconnected().await?
        }
        Cause::ServerCloses => unreachable!("it takes the server with it"),
        Cause::PingsUnanswered => {
            client.answer_pings(false)?;
            client.disconnected().await?
        }
        Cause::ServerSilent => {
            held = Some(faults.freeze());
            client.disconnected().await?
        }
        Cause::ConnectionReset => {
            faults.reset();
            client.disconnected().await?
        }
        Cause::ConnectionCut => {
            faults.cut();
            client.disconnected().await?
        }
        Cause::WebsocketClosed => {
            faults.close_websockets();
            client.disconnected().await?
        }
        Cause::ClientDrops => {
            client.drop_connection();
            client.disconnected().await?
        }
        Cause::NoEnginePacket | Cause::NoSocketPacket => {
            client.send_raw(if cause == Cause::NoEnginePacket { "x" } else { "4x" })?;
            match answer(&client).await? {
                After::Ended(reason) => reason,
                After::GoesOn => return nothing_happened(witness, client, "goes on").await,
                After::LostOne => {
                    let what = "goes on, without what came in the same request";
                    return nothing_happened(witness, client, what).await;
                }
            }
        }
        Cause::UpgradeFails => {
            held = Some(faults.refuse());
            client.upgrade();
            let failed = client.upgraded().await.expect_err("nothing connects");
            assert!(matches!(failed, ClientError::UpgradeFailed { .. }), "{failed}");
            assert_eq!(answer(&client).await?, After::GoesOn);
            drop(held);
            return nothing_happened(witness, client, "goes on").await;
        }
    };
    // Shown if the table is not what it was.
    eprintln!("{cause:?} by {via:?}: {client_says}{:#}\n", client.transcript());
    let server_says = witness.next_leave().await;
    drop(held);
    client.close().await?;
    for _ in 1..namespaces {
        witness.next_leave().await;
    }
    becomes(0, || faults.open_connections()).await;
    Ok(both(&client_says, Some(server_says.as_deref().unwrap_or("never told"))))
}

/// What has become of the connection.
#[derive(Debug, PartialEq, Eq)]
enum After {
    GoesOn,
    /// It answers, but not the first question.
    LostOne,
    Ended(CloseReason),
}

/// Asks the server, and asks again if it does not answer.
async fn answer(client: &SocketIoClient) -> Result<After> {
    for after in [After::GoesOn, After::LostOne] {
        match client.send_with_ack("message-with-ack", 1).timeout(scaled(DEFAULT_TIMEOUT)).await {
            Ok(_) => return Ok(after),
            Err(
                ClientError::Disconnected { reason, .. } | ClientError::NotConnected { reason, .. },
            ) => return Ok(After::Ended(reason)),
            Err(ClientError::Timeout { .. }) if after == After::GoesOn => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the second question decides")
}

async fn nothing_happened(
    witness: &mut Witness,
    client: SocketIoClient,
    what: &str,
) -> Result<String> {
    client.close().await?;
    witness.next_leave().await;
    Ok(what.to_owned())
}

fn both(client: &CloseReason, server: Option<&str>) -> String {
    match server {
        Some(server) => format!("{}; `{server}`", client.name()),
        None => client.name().to_owned(),
    }
}

async fn table(server: Server) -> String {
    let needs_its_own = |cause: Cause, via| {
        cause == Cause::ServerCloses || cause.heartbeat(server, via) == Heartbeat::BRISK
    };
    let (own, shared): (Vec<_>, Vec<_>) = ROWS
        .iter()
        .flat_map(|(cause, _)| VIAS.map(|via| (*cause, via)))
        .filter(|(cause, via)| cause.exists(*via))
        .partition(|(cause, via)| needs_its_own(*cause, *via));
    let mut cells = HashMap::new();
    let shared = VIAS.map(async |via| {
        let causes: Vec<_> =
            shared.iter().filter(|cell| cell.1 == via).map(|(cause, _)| *cause).collect();
        let filled = in_turn(server, &causes, via).await;
        causes.into_iter().map(move |cause| (cause, via)).zip(filled)
    });
    cells.extend(join_all(shared).await.into_iter().flatten());
    // All start before the first is at work: processes that start would hold up a heartbeat.
    let witnesses: Vec<_> = stream::iter(own)
        .map(async |(cause, via)| ((cause, via), server.boot(cause.heartbeat(server, via)).await))
        .buffer_unordered(STARTING_AT_ONCE)
        .collect()
        .await;
    let own = witnesses.into_iter().map(async |((cause, via), witness)| {
        ((cause, via), told(alone(witness, cause, via).await))
    });
    cells.extend(join_all(own).await);
    tabulate(|cause, via| cells.remove(&(cause, via)).unwrap_or_else(|| NO_SUCH_CELL.to_owned()))
}

fn tabulate(mut cell: impl FnMut(Cause, Via) -> String) -> String {
    let mut table = String::from("| what is done | websocket | polling |\n|---|---|---|\n");
    for (cause, what) in ROWS {
        let cells = VIAS.map(|via| cell(cause, via)).join(" | ");
        writeln!(table, "| {what} | {cells} |").expect("memory");
    }
    table
}

fn is_documented(table: &str) {
    let documented = include_str!("../../harness/docs/disconnect-reasons.md");
    assert!(
        documented.contains(table),
        "harness/docs/disconnect-reasons.md holds a copy of the snapshot"
    );
}

#[test]
fn of_socketioxide_in_virtual_time() {
    let table = tabulate(|cause, via| {
        // Each cell has a runtime to itself: a clock that jumps for one alone.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(cell(Server::Simulated, cause, via))
    });
    insta::assert_snapshot!("socketioxide", table);
    is_documented(&table);
}

#[rstest]
#[case::socketioxide(Server::Rust, "socketioxide")]
#[case::node(Server::Node, "node")]
#[case::python(Server::Python, "python")]
#[tokio::test]
async fn of_every_server(#[case] server: Server, #[case] name: &str) {
    let table = table(server).await;
    insta::with_settings!({ omit_expression => true, snapshot_suffix => "" }, {
        insta::assert_snapshot!(name, table);
    });
    is_documented(&table);
}

/// No server of these three can be made to send it.
#[tokio::test]
async fn of_a_server_that_sends_no_packet() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text("x").await;
        socket.drain().await;
    };
    let target = scripted::websocket(script).await.expect("a port is free");
    let client = create_socketio_client(target).await?;
    assert_eq!(client.disconnected().await?.name(), "parse error");
    client.close().await?;

    let server = PollingServer::start([OPEN, CONNECTED, "x"]).await?;
    let client = create_socketio_client(&server.app).transports(Via::Polling.transports()).await?;
    assert_eq!(client.disconnected().await?.name(), "parse error");
    client.close().await?;
    close(server.app).await
}

const NO_SUCH_CELL: &str = "–";

const STARTING_AT_ONCE: usize = 6;

const VIAS: [Via; 2] = [Via::Websocket, Via::Polling];
