//! A Socket.IO client for tests: it never loses an event, never hangs and never leaks.
//!
//! Most users get it through `socketio-harness`, which also boots the server. On its own it talks
//! to anything that speaks Socket.IO 3 or 4 (protocol 5 on Engine.IO 4):
//!
//! ```no_run
//! use serde_json::json;
//! use socketio_mock_client::{Result, create_socketio_client};
//!
//! # #[tokio::main] async fn main() -> Result {
//! let client = create_socketio_client("http://127.0.0.1:3000").await?;
//! let result = client.once("myEventResult"); // registered here, not at the await
//! client.send("myEvent", (1, 2, 3))?;
//! assert_eq!(result.await?.args(), [json!({"name": "harry", "result": 6})]);
//! client.close().await
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Nothing is lost.** Every event is kept from the first byte; [`once`](SocketIoClient::once)
//!   and [`on`](SocketIoClient::on) see what came before they were called.
//! - **Nothing hangs.** Every wait has a deadline, [`DEFAULT_TIMEOUT`] unless told otherwise, and
//!   fails with what was awaited and the conversation so far.
//! - **Nothing leaks.** [`close`](SocketIoClient::close) resolves when the sockets are gone; a
//!   dropped client closes in the background. There is no reconnection behind a test's back.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `rust-socketio` | `Engine::RustSocketio`: rust_socketio 0.6 as the client's engine; on Linux it needs OpenSSL's headers |
//! | `msgpack` | `Parser::MessagePack`, the wire format of `socket.io-msgpack-parser` |
//! | `tls` | `https` and `wss`, with rustls; `ClientBuilder::root_certificate` |

mod ack;
mod builder;
mod client;
mod connection_events;
mod connector;
mod control;
mod driver;
mod endpoint;
mod engine;
mod error;
mod event;
mod event_log;
mod expect;
mod fence;
mod inbox;
mod log;
mod macros;
mod many;
mod observer;
mod of;
mod once;
mod packets;
mod reconnection;
mod redacted;
mod registry;
mod respond;
mod settle;
mod shared;
mod socket;
mod socket_ids;
mod stream;
mod target;
mod timeout;
#[cfg(feature = "tls")]
mod tls;
mod transcript;
mod wait;

pub use ack::AckFuture;
pub use builder::{ClientBuilder, create_socketio_client};
pub use client::SocketIoClient;
pub use connection_events::{ConnectionEvent, ConnectionEvents};
#[cfg(unix)]
pub use connector::UnixConnector;
pub use connector::{ByteStream, Connecting, Connector, Transit, connecting};
pub use control::RawPacket;
pub use engine::Engine;
pub use error::{Error, Result};
pub use event::Event;
pub use event_log::{Claim, EventLog, LogEntry};
pub use expect::{
    Absence, All, Candidate, Difference, EventPattern, Expectation, Expecting, First, Group,
    GroupExpectation, InOrder, Manner, Number, Observed, Panics, ReasonName, Situation, Source,
    Tries, Unmet, event, group, matchers,
};
pub use many::{ClientsBuilder, create_socketio_clients};
pub use observer::{ConnectionObserver, Failure, FrameData, Met, Observer, Opening};
pub use of::NamespaceBuilder;
pub use once::Once;
pub use packets::{Content, PacketEntry};
pub use reconnection::Reconnection;
pub use redacted::Redacted;
pub use registry::{Fate, Leftovers, RegisteredClient, Registry};
pub use respond::Responder;
pub use settle::clock_is_paused;
pub use socket_ids::SocketIds;
pub use stream::{EventStream, Next};
pub use target::{IntoTarget, Target};
pub use timeout::{DEFAULT_TIMEOUT, TIMEOUT_SCALE_VARIABLE, scaled};
pub use transcript::{Direction, Entry, Transcript};

/// Binary, wherever it stands in arguments: `client.send("upload", Bytes::from_static(b"\x89PNG"))`.
pub use bytes::Bytes;
pub use socketio_proto::connection::{CloseReason, Upgrade};
pub use socketio_proto::engine::{Protocol, Transport};
pub use socketio_proto::socket::{Packet, Parser};
pub use socketio_proto::{Args, EncodedArgs, ParseArgsError};

/// What the macros need.
#[doc(hidden)]
pub mod __private {
    pub use serde_json::json;
}
