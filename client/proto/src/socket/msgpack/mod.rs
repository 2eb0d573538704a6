//! The `MessagePack` parser: one binary message a packet, binary arguments inside it. Compatible
//! with npm's `socket.io-msgpack-parser` 3 (notepack.io 2.2), and so with every server that was
//! given it.
//!
//! A packet is the map `{type, data, nsp, id}`; `data` is the payload, or the array of the event's
//! name and arguments, or an ack's arguments. Other keys, such as the official client's `options`,
//! are ignored. Arguments are JSON on our side, so what `MessagePack` has beyond JSON is read as
//! JavaScript would turn it into JSON, which is also what the default parser would have sent:
//!
//! | `MessagePack` | becomes |
//! |---|---|
//! | bin, and ext of type 0 (an `ArrayBuffer` or typed array) | an attachment and its placeholder |
//! | fixext 8 of type 0 (a `Date`) | its ISO 8601 text, `"2023-11-14T22:13:20.123Z"`, or `null` |
//! | fixext 1 of type 0 (`undefined`) | `null`; as a map's value, nothing |
//! | any other ext | `[type, attachment]`, as notepack.io gives it |
//! | NaN and infinities | `null` |
//! | integers | all 64 bits; JavaScript keeps 53 of them |
//! | a map key that is a number, a boolean or nil | its text; the last of equal keys counts |
//!
//! Integers are written in their shortest form and fractions as 64-bit floats, as notepack.io does.
//! A `Date` cannot be sent; its text can. Depth, attachments and sizes are bounded by [`Limits`],
//! and nothing is allocated for a length that the message has not the bytes for.
//!
//! ```
//! use socketio_proto::{Args, Limits, socket::{Packet, msgpack}};
//!
//! let packet = Packet::Ack { namespace: "/".into(), id: 7, args: Args::new("ok")? };
//! let message = msgpack::encode(&packet);
//! assert_eq!(message, &b"\x84\xa4type\x03\xa4data\x91\xa2ok\xa3nsp\xa1/\xa2id\x07"[..]);
//! assert_eq!(msgpack::decode(&message, &Limits::default())?, packet);
//! # Ok::<(), socketio_proto::Error>(())
//! ```
//!
//! [`Limits`]: crate::Limits

mod date;
mod decode;
mod encode;
mod reader;

pub use decode::decode;
pub use encode::encode;
