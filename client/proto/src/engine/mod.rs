//! Engine.IO protocol v4, and v3 where a server speaks nothing newer: packets, polling payloads and
//! the handshake.

mod handshake;
mod packet;
pub mod payload;
mod payload_v3;
mod protocol;

pub use handshake::Handshake;
pub use packet::{Frame, Packet};
pub use protocol::Protocol;

/// How Engine.IO packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// HTTP long-polling: packets down by GET, up by POST.
    Polling,
    /// One WebSocket frame a packet.
    Websocket,
}

impl Transport {
    /// The value of the `transport` query parameter, which is also its name in every message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Websocket => "websocket",
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
