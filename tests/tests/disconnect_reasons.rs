//! One way to provoke each end of a connection, and what either side calls it, found out by trying.

use std::fmt::Write;

use futures::{StreamExt, stream};
use rstest::rstest;
use socketio_harness::{
    ClientError, CloseReason, Result, SocketIoClient, Upgrade, close, create_socketio_client,
};
use socketio_tests::Via;
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use socketio_tests::witness::{Heartbeat, Witness};
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

    /// How many cells are filled at a time: they wait more than they work, once a process has
    /// started.
    fn at_once(self) -> usize {
        match self {
            Self::Simulated | Self::Rust => 16,
            Self::Node | Self::Python => 6,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        return "–".to_owned();
    }
    let provoked = async {
        let witness = server.boot(cause.heartbeat(server, via)).await?;
        provoke(witness, cause, via).await
    };
    provoked.await.unwrap_or_else(|error: socketio_harness::Error| format!("failed: {error}"))
}

async fn provoke(mut witness: Witness, cause: Cause, via: Via) -> Result<String> {
    let faults = witness.app.faults().clone();
    let transports = if cause == Cause::UpgradeFails { Via::Upgrade } else { via }.transports();
    let client = create_socketio_client(&witness.app)
        .transports(transports)
        .upgrade(Upgrade::OnRequest)
        .ready("auth")
        .await?;
    client.send_with_ack("message-with-ack", 0).await?;
    if via == Via::Polling {
        witness.is_polled().await;
    }
    let mut held = None;
    let client_says = match cause {
        Cause::ClientCloses => {
            client.close().await?;
            client.disconnected().await?
        }
        Cause::ClientLeavesNamespace | Cause::ServerDisconnectsNamespace => {
            let custom = client.of("/custom").await?;
            custom.once("auth").await?;
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
        Cause::ServerCloses => {
            let server_says = witness.close().await?;
            let reason = client.disconnected().await?;
            client.close().await?;
            return Ok(told(&reason, server_says.as_deref()));
        }
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
    let server_says = witness.next_leave().await;
    drop(held);
    client.close().await?;
    close(witness.app).await?;
    assert_eq!(faults.open_connections(), 0, "a connection is left");
    Ok(told(&client_says, Some(server_says.as_deref().unwrap_or("never told"))))
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
        match client.send_with_ack("message-with-ack", 1).await {
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

async fn nothing_happened(witness: Witness, client: SocketIoClient, what: &str) -> Result<String> {
    client.close().await?;
    close(witness.app).await?;
    Ok(what.to_owned())
}

fn told(client: &CloseReason, server: Option<&str>) -> String {
    match server {
        Some(server) => format!("{}; `{server}`", client.name()),
        None => client.name().to_owned(),
    }
}

async fn table(server: Server) -> String {
    let mut table = String::from("| what is done | websocket | polling |\n|---|---|---|\n");
    let cells = ROWS.iter().flat_map(|(cause, _)| VIAS.map(|via| cell(server, *cause, via)));
    let cells: Vec<_> = stream::iter(cells).buffered(server.at_once()).collect().await;
    for ((_, what), cells) in ROWS.iter().zip(cells.chunks(VIAS.len())) {
        writeln!(table, "| {what} | {} |", cells.join(" | ")).expect("memory");
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
    // Each cell has a runtime to itself: a clock that jumps for one alone.
    let mut table = String::from("| what is done | websocket | polling |\n|---|---|---|\n");
    for (cause, what) in ROWS {
        let cells = VIAS.map(|via| {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(cell(Server::Simulated, cause, via))
        });
        writeln!(table, "| {what} | {} |", cells.join(" | ")).expect("memory");
    }
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

const VIAS: [Via; 2] = [Via::Websocket, Via::Polling];
