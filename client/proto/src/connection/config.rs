use std::time::Duration;

use crate::Limits;
use crate::engine::{Handshake, Protocol, Transport};
use crate::socket::Parser;

/// How a client's [`Connection`](super::Connection) behaves.
#[derive(Debug, Clone, Copy)]
pub struct ClientConfig {
    /// The protocol to speak. The caller asks the server for it by [`Protocol::query`].
    pub protocol: Protocol,
    /// The transport the session is opened on.
    pub transport: Transport,
    /// When to move from polling to websocket.
    pub upgrade: Upgrade,
    /// How long an upgrade may take before it is given up and polling goes on.
    pub upgrade_timeout: Duration,
    /// How Socket.IO packets are written; the server must have been given the same.
    pub parser: Parser,
    /// Bounds on the server's input.
    pub limits: Limits,
}

impl ClientConfig {
    /// A client that opens its session on `transport` and upgrades as [`Upgrade::Automatic`] does.
    pub fn new(transport: Transport) -> Self {
        Self {
            protocol: Protocol::V4,
            transport,
            upgrade: Upgrade::Automatic,
            upgrade_timeout: Duration::from_secs(10),
            parser: Parser::Default,
            limits: Limits::default(),
        }
    }
}

/// When a client that began on polling moves to websocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// As soon as the handshake offers it, like the official client.
    Automatic,
    /// Only when [`Connection::upgrade`](super::Connection::upgrade) is called.
    OnRequest,
    /// Never.
    Never,
}

/// How a server's [`Connection`](super::Connection) behaves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The transport the session was opened on.
    pub transport: Transport,
    /// What the open packet tells the client; the heartbeat follows it.
    pub handshake: Handshake,
    /// How long a client may stay without any namespace. Socket.IO's default is 45 s.
    pub connect_timeout: Duration,
    /// Bounds on the client's input.
    pub limits: Limits,
}
