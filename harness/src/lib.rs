//! Boot a Socket.IO server for a test, talk to it, take it down.
//!
//! ```no_run,test_harness
//! use serde_json::json;
//! use socketio_harness::{Result, close, create_app, create_socketio_client};
//!
//! # fn my_server() -> axum::Router { axum::Router::new() }
//! #[tokio::test]
//! async fn adds_its_arguments() -> Result {
//!     let app = create_app(my_server()).await?;
//!     let client = create_socketio_client(&app).await?;
//!
//!     let result = client.once("myEventResult"); // registered here, not at the await
//!     client.send("myEvent", (1, 2, 3))?;
//!     assert_eq!(result.await?.args(), [json!({"name": "harry", "result": 6})]);
//!
//!     let sum: serde_json::Value = client.send_with_ack("myEvent", (1, 2, 3)).await?.parse()?;
//!     assert_eq!(sum["result"], 6);
//!
//!     client.close().await?;
//!     close(app).await
//! }
//! ```
//!
//! Tests need no port numbers, no sleeps and no clean-up: every app gets a free port, every wait has
//! a deadline, and [`close`] resolves when nothing is left, or fails and says what.
//!
//! | to | there is |
//! |---|---|
//! | boot a service, a process in any language, something that runs already | [`create_app`], [`guide::subjects`] |
//! | connect, with what options | [`create_socketio_client`], [`ClientBuilder`] |
//! | send, wait, ack, answer | [`SocketIoClient`], [`Event`] |
//! | see a lost connection come back | [`ClientBuilder::reconnection`], [`ConnectionEvents`], [`ReservedPort`] for the server |
//! | say what has to come, and what must not | [`guide::asserting_events`] |
//! | see what the server received and emitted | [`App::log`], [`App::received`], [`App::emitted`] |
//! | see the whole test, packet by packet | [`guide::trace`] |
//! | let minutes pass in no time | [`AppBuilder::simulated`], [`guide::simulation`] |
//! | break the network, and find out how a connection ends | [`App::faults`], [`guide::faults`], [`guide::disconnect_reasons`] |
//! | run several servers as one | [`create_cluster`], [`guide::clusters`](guide) |
//! | search for failures in partitions, by seed | `guide::simulated_network`, with the feature `turmoil` |
//!
//! The client is [`socketio_mock_client`], re-exported here whole.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | `https` and `wss` with rustls; `ClientBuilder::root_certificate` |
//! | `msgpack` | `Parser::MessagePack`, the wire format of `socket.io-msgpack-parser` |
//! | `turmoil` | `simulation`: nodes and clients on a simulated network, run from seeds |
//! | `rust-socketio` | `Engine::RustSocketio`: the client on rust_socketio 0.6; on Linux it needs OpenSSL's headers |
//!
//! None of them is on by default, and without them nothing is asked of the system.

mod app;
mod close;
mod cluster;
mod connections;
mod error;
mod faults;
pub mod guide;
mod hosted;
mod listen;
mod memory;
mod panics;
mod patience;
mod process;
mod report;
mod reserved_port;
mod server;
mod service;
#[cfg(feature = "turmoil")]
pub mod simulation;
mod subject;
mod tap;
mod trace;
mod tracked;
mod wire;

pub use app::{App, AppBuilder, create_app};
pub use close::{Close, close};
pub use cluster::{
    Cluster, ClusterBuilder, ClusterNode, IntoNode, Isolation, Node, create_cluster,
};
#[cfg(unix)]
pub use cluster::{Redis, create_redis};
pub use error::{Error, Result};
pub use faults::{Fault, Faults, Gone, Latency, Relay};
pub use panics::HandlerPanic;
pub use process::{ChildProcess, RunningProcess};
pub use report::{CloseReport, Leftover};
pub use reserved_port::ReservedPort;
pub use subject::{IntoSubject, Server, Subject, TowerService, hyper_service, serve};
pub use tap::{ClientOfServer, Flow, ServerEvent, ServerLog, ServerPacket, ServerPacketKind};

pub use trace::{TRACE_VARIABLE, Tracing};

#[cfg(unix)]
pub use socketio_mock_client::UnixConnector;
pub use socketio_mock_client::{
    Absence, AckFuture, All, Args, ByteStream, Bytes, Candidate, Claim, ClientBuilder,
    ClientsBuilder, CloseReason, Connecting, ConnectionEvent, ConnectionEvents, ConnectionObserver,
    Connector, Content, DEFAULT_TIMEOUT, Difference, Direction, EncodedArgs, Engine, Entry,
    Error as ClientError, Event, EventLog, EventPattern, EventStream, Expectation, Expecting,
    Failure, Fate, First, FrameData, Group, GroupExpectation, InOrder, IntoTarget, Leftovers,
    LogEntry, Manner, Met, NamespaceBuilder, Next, Number, Observed, Observer, Once, Opening,
    Packet, PacketEntry, Panics, ParseArgsError, Parser, Protocol, RawPacket, ReasonName,
    Reconnection, Redacted, RegisteredClient, Registry, Responder, Situation, SocketIoClient,
    Source, TIMEOUT_SCALE_VARIABLE, Target, Transcript, Transit, Transport, Tries, Unmet, Upgrade,
    assert_emitted, assert_not_emitted, clock_is_paused, connecting, create_socketio_client,
    create_socketio_clients, event, group, matchers, scaled,
};
