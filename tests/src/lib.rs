//! What the integration tests share.

use std::path::PathBuf;

use socketio_harness::{ChildProcess, Transport};

/// The three ways a client can travel, as every test of events should be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Websocket from the first byte.
    Websocket,
    /// Polling to the end.
    Polling,
    /// Polling, then an upgrade to websocket.
    Upgrade,
}

impl Via {
    /// The transports to give to the client.
    pub fn transports(self) -> Vec<Transport> {
        match self {
            Self::Websocket => vec![Transport::Websocket],
            Self::Polling => vec![Transport::Polling],
            Self::Upgrade => vec![Transport::Polling, Transport::Websocket],
        }
    }
}

/// A server of `fixtures/peers/node`, by the name of its script.
pub fn node_peer(script: &str) -> ChildProcess {
    let directory: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "peers", "node"].iter().collect();
    ChildProcess::new("node").arg(script).current_dir(directory).env("EXIT_WITH_STDIN", "1")
}
