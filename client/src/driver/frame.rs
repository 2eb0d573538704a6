//! Frames of a client's websocket, as they are written.

use bytes::BytesMut;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// Writes a whole message (RFC 6455, sections 5.2 and 5.3). By way of tungstenite it would be
/// copied three times, which a burst of small events spends a third of its time on.
pub(super) fn push(outgoing: &mut BytesMut, kind: Data, payload: &[u8]) {
    // Masks protect proxies from pages that choose what a browser sends: none here does.
    let mask = fastrand::u32(..).to_ne_bytes();
    let first = FINAL | u8::from(OpCode::Data(kind));
    outgoing.reserve(LONGEST_HEADER + payload.len());
    let [a, b, c, d] = mask;
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => {
            outgoing.extend_from_slice(&[first, MASKED | length, a, b, c, d]);
        }
        (_, Ok(length)) => {
            let [high, low] = length.to_be_bytes();
            outgoing.extend_from_slice(&[first, MASKED | IN_TWO_BYTES, high, low, a, b, c, d]);
        }
        _ => {
            outgoing.extend_from_slice(&[first, MASKED | IN_EIGHT_BYTES]);
            outgoing.extend_from_slice(&(payload.len() as u64).to_be_bytes());
            outgoing.extend_from_slice(&mask);
        }
    }
    let begin = outgoing.len();
    outgoing.extend_from_slice(payload);
    let (_, masked) = outgoing.split_at_mut(begin);
    apply_mask(masked, mask);
}

fn apply_mask(data: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = data.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    let (halves, rest) = rest.as_chunks_mut::<4>();
    for half in halves {
        *half = (u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The bits of a frame's first two bytes: it is a whole message, and it is masked.
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// What stands for a length that follows.
const IN_TWO_BYTES: u8 = 0x7e;
const IN_EIGHT_BYTES: u8 = 0x7f;

/// Type, length in eight bytes, mask.
const LONGEST_HEADER: usize = 14;
