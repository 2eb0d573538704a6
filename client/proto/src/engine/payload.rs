//! Polling bodies: several packets joined by `0x1e`, binary ones as `b` + base64
//! (Engine.IO protocol v4, "Packet encoding", "HTTP long-polling").

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::Frame;
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Splits a polling body into its packets.
pub fn decode(body: &[u8], limits: &Limits) -> Result<Vec<Frame>, Error> {
    let mut frames = Vec::new();
    decode_into(&mut frames, body, limits)?;
    Ok(frames)
}

/// The same, up to the first packet that cannot be read.
pub(super) fn decode_into(
    frames: &mut Vec<Frame>,
    body: &[u8],
    limits: &Limits,
) -> Result<(), Error> {
    limits.check_payload(body.len())?;
    let text = std::str::from_utf8(body).map_err(|_| Error::NotUtf8(Excerpt::of_bytes(body)))?;
    for part in text.split(SEPARATOR) {
        limits.check_payload_packets(frames.len() + 1)?;
        limits.check_packet(part.len())?;
        frames.push(decode_part(part)?);
    }
    Ok(())
}

/// Joins as many packets from the front of `frames` as fit into one body, and removes them.
///
/// A body holds at most `max_packets` packets and `max_bytes` bytes; a single packet above
/// `max_bytes` still travels, alone, so that the server's own answer to it is seen.
pub fn encode_front(
    frames: &mut std::collections::VecDeque<Frame>,
    max_packets: usize,
    max_bytes: usize,
) -> String {
    let mut body = String::new();
    let mut packets = 0;
    while let Some(frame) = frames.front() {
        let fits = body.len() + 1 + encoded_len(frame) <= max_bytes && packets < max_packets;
        if packets > 0 && !fits {
            break;
        }
        if packets > 0 {
            body.push(SEPARATOR);
        }
        push_part(&mut body, frame);
        packets += 1;
        frames.pop_front();
    }
    body
}

/// Joins all packets into one body.
pub fn encode(frames: &[Frame]) -> String {
    let mut body = String::with_capacity(frames.iter().map(|f| encoded_len(f) + 1).sum());
    for (index, frame) in frames.iter().enumerate() {
        if index > 0 {
            body.push(SEPARATOR);
        }
        push_part(&mut body, frame);
    }
    body
}

fn decode_part(part: &str) -> Result<Frame, Error> {
    match part.strip_prefix('b') {
        Some(encoded) => BASE64_STANDARD
            .decode(encoded)
            .map(|data| Frame::Binary(Bytes::from(data)))
            .map_err(|_| Error::NotBase64(Excerpt::of_text(part))),
        None => Ok(Frame::Text(part.to_owned())),
    }
}

fn push_part(body: &mut String, frame: &Frame) {
    match frame {
        Frame::Text(text) => body.push_str(text),
        Frame::Binary(data) => {
            body.push('b');
            BASE64_STANDARD.encode_string(data, body);
        }
    }
}

/// Bytes the packet takes in a polling body.
fn encoded_len(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Binary(data) => 1 + data.len().div_ceil(3) * 4,
    }
}

/// The record separator between packets.
pub const SEPARATOR: char = '\u{1e}';

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn text(text: &str) -> Frame {
        Frame::Text(text.into())
    }

    #[test]
    fn follows_the_specification_example() {
        let frames = [text("4hello"), text("2"), Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))];
        assert_eq!(encode(&frames), "4hello\x1e2\x1ebAQIDBA==");
        assert_eq!(decode(b"4hello\x1e2\x1ebAQIDBA==", &Limits::default()).unwrap(), frames);
    }

    #[test]
    fn splits_at_the_packet_count() {
        let mut queue: VecDeque<_> = (0..5).map(|n| text(&format!("4{n}"))).collect();
        assert_eq!(encode_front(&mut queue, 2, usize::MAX), "40\x1e41");
        assert_eq!(encode_front(&mut queue, 2, usize::MAX), "42\x1e43");
        assert_eq!(encode_front(&mut queue, 2, usize::MAX), "44");
    }

    #[test]
    fn splits_at_the_size_and_counts_base64() {
        let binary = Frame::Binary(Bytes::from_static(&[0; 4]));
        let mut queue = VecDeque::from([text("4a"), binary.clone(), text("4b")]);
        // "4a", separator, "b" and eight characters of base64: twelve bytes.
        assert_eq!(encode_front(&mut queue, 16, 12), "4a\x1ebAAAAAA==");
        let mut queue = VecDeque::from([text("4a"), binary]);
        assert_eq!(encode_front(&mut queue, 16, 11), "4a");
        assert_eq!(encode_front(&mut queue, 16, 3), "bAAAAAA==");
    }

    #[test]
    fn rejects_what_is_no_payload() {
        let limits = Limits { max_payload_packets: 2, max_packet: 8, ..Limits::default() };
        assert!(matches!(decode(b"4\xff", &limits), Err(Error::NotUtf8(_))));
        assert!(matches!(decode(b"b###", &limits), Err(Error::NotBase64(_))));
        assert!(matches!(decode(b"2\x1e2\x1e2", &limits), Err(Error::LimitExceeded { .. })));
        assert!(matches!(decode(b"4aaaaaaaa", &limits), Err(Error::LimitExceeded { .. })));
    }
}
