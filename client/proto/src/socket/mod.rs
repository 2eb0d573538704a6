//! Socket.IO protocol v5: packets, and the decoder that collects their attachments.

mod decode;
mod encode;
mod packet;

pub use decode::Decoder;
pub use encode::{encode_ack, encode_event};
pub use packet::Packet;
