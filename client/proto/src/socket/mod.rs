//! Socket.IO protocol v5: packets, and the decoder that collects their attachments.

mod codec;
mod decode;
mod encode;
#[cfg(feature = "msgpack")]
pub mod msgpack;
mod packet;
mod parse;
mod recovery;
mod surrogates;

pub(crate) use codec::Codec;
pub use codec::Parser;
pub use decode::Decoder;
pub(crate) use encode::Message;
pub use encode::{encode_ack, encode_event};
pub use packet::Packet;
pub use recovery::Recovery;

use crate::error::Error;

/// Refuses the names that the official libraries keep for themselves, on sending and on arrival.
pub(crate) fn check_event_name(name: &str) -> Result<(), Error> {
    if RESERVED_EVENTS.contains(&name) {
        return Err(Error::ReservedEventName(name.to_owned()));
    }
    Ok(())
}

/// As in the official parser.
const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
