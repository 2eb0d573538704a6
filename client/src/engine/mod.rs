//! The implementations of Socket.IO that a client can stand on.

#[cfg(feature = "rust-socketio")]
mod rust_socketio;
#[cfg_attr(
    not(feature = "rust-socketio"),
    expect(dead_code, reason = "the native engine needs none")
)]
pub(crate) mod turns;

use std::fmt;

use socketio_proto::connection::ClientConfig;
use socketio_proto::engine::{Protocol, Transport};
use socketio_proto::socket::Parser;

use crate::client::SocketIoClient;
use crate::driver::open::Patience;
use crate::driver::run;
use crate::endpoint::Endpoint;
use crate::reconnection::Reconnection;
use crate::{Error, Result};

/// Which implementation of Socket.IO carries a client; see
/// [`ClientBuilder::engine`](crate::ClientBuilder::engine).
///
/// The client is the same type with the same promises on either. What an engine does not do right
/// is refused with [`Error::Unsupported`] before anything is sent. This is what each does, as the
/// project's own test has found it out by trying:
///
#[doc = include_str!("capabilities.md")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// This project's own, which does everything.
    #[default]
    Native,
    /// The crate rust_socketio 0.6: for those who deploy it, and to check this project against an
    /// implementation that is not its own.
    ///
    /// It runs on a thread of its own, which ends with the client; a paused clock of tokio does not
    /// reach there. What it does not tell, the client cannot know:
    ///
    /// - [`SocketIoClient::id`](crate::SocketIoClient::id) is empty, and
    ///   [`Event::wants_ack`](crate::Event::wants_ack) always false.
    /// - An event without arguments arrives as `message`, its name as the only argument.
    /// - An event whose name is `message`, `open`, `close` or `error` but for the case of its
    ///   letters arrives in lower case. A `close` with `""` as its only argument is taken for the
    ///   server's disconnect; what the engine finds wrong with a packet arrives as an `error`.
    /// - Binary that the server sends is not delivered: the engine takes it apart at every byte 0x1e,
    ///   and often loses the connection over it. Whoever waits for its event or ack gets
    ///   [`Error::Unsupported`] as soon as it comes, and it is counted in
    ///   [`SocketIoClient::stray_packets`](crate::SocketIoClient::stray_packets). Of its event the
    ///   name is known up to the first comma.
    /// - The transcript shows what was asked of the engine and what it told, written as packets. The
    ///   frames themselves, ack ids among them, are its own.
    ///
    /// Its ack ids are random and may collide, so one ack is asked for at a time: later requests,
    /// and the events emitted after them, leave when the answer has come. If it does not, they are
    /// refused: at their own deadline, or as soon as it is given up, like all that follow while it
    /// may still come.
    #[cfg(feature = "rust-socketio")]
    RustSocketio,
}

impl Engine {
    /// Fails on every engine but the native one, which alone does this.
    pub(crate) fn refuse(self, feature: &'static str) -> Result {
        if self == Self::Native {
            Ok(())
        } else {
            Err(Error::Unsupported { engine: self, feature })
        }
    }

    /// Fails on every engine but the native one, if this is asked for.
    pub(crate) fn refuse_if(self, asked_for: bool, feature: &'static str) -> Result {
        if asked_for { self.refuse(feature) } else { Ok(()) }
    }

    /// Fails if the engine cannot connect in this way.
    pub(crate) fn check(self, endpoint: &Endpoint, config: &ClientConfig) -> Result {
        self.refuse_if(config.transport == Transport::Polling, "the polling transport")?;
        self.refuse_if(config.protocol != Protocol::V4, "another protocol than Engine.IO 4")?;
        self.refuse_if(config.parser != Parser::Default, "another parser than the default one")?;
        endpoint.check_engine(self)
    }

    /// Opens the transport and lets a task, or a thread, carry the connection from there on.
    pub(crate) async fn start(
        self,
        client: &SocketIoClient,
        patience: Patience,
        reconnection: Option<Reconnection>,
    ) -> Result {
        match self {
            Self::Native => run::start(client.shared(), patience, reconnection).await,
            #[cfg(feature = "rust-socketio")]
            Self::RustSocketio => rust_socketio::start(client, patience).await,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            #[cfg(feature = "rust-socketio")]
            Self::RustSocketio => "rust_socketio",
        })
    }
}
