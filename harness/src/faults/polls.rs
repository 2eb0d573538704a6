//! HTTP/1.1 messages, as far as a poll needs it.

use socketio_mock_client::Transport;

use crate::wire::{Head, Method, Start};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A poll of an open session: a GET.
    Poll,
    /// Packets for an open session: a POST.
    Packets,
    /// An answer without its body: a HEAD.
    NoBody,
    /// Anything else.
    Other,
}

impl Asked {
    /// `None` for an answer.
    pub(super) fn of(head: &Head) -> Option<Self> {
        let Start::Request { method, target, .. } = &head.start else { return None };
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let has = |wanted: &str| query.split('&').any(|pair| pair.starts_with(wanted));
        let polls = has(&format!("transport={}", Transport::Polling)) && has("sid=");
        Some(match method {
            Method::Get if polls => Self::Poll,
            Method::Post if polls => Self::Packets,
            Method::Head => Self::NoBody,
            _ => Self::Other,
        })
    }
}

/// The message with another body of known length.
pub(super) fn with_body(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(head.len() + body.len());
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let sizes: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];
        if sizes.iter().any(|size| name.eq_ignore_ascii_case(size)) {
            message.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
        } else {
            message.extend_from_slice(line);
        }
    }
    message.extend_from_slice(body);
    message
}

/// An answer of the relay's own.
pub(super) fn answer(body: &[u8]) -> Vec<u8> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\ncontent-length: 0\r\n";
    with_body(format!("{head}\r\n").as_bytes(), body)
}

/// The payload without these packets. `None` if it holds none of them.
pub(super) fn without(payload: &[u8], unwanted: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let is_unwanted = |packet: &&[u8]| matches!(packet, [kind] if unwanted(*kind));
    let packets = || payload.split(|byte| *byte == SEPARATOR);
    packets().any(|packet| is_unwanted(&packet)).then(|| {
        packets().filter(|packet| !is_unwanted(packet)).collect::<Vec<_>>().join(&SEPARATOR)
    })
}

/// Whether the payload carries events or acks, beyond the coming and going of namespaces.
pub(super) fn has_messages(payload: &[u8]) -> bool {
    payload
        .split(|byte| *byte == SEPARATOR)
        .any(|packet| matches!(packet, [b'4', b'2' | b'3' | b'5' | b'6', ..] | [b'b', ..]))
}

/// The packet that says nothing (Engine.IO protocol v4, "noop").
pub(super) const NOOP: &[u8] = b"6";
/// Between the packets of a payload.
const SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reader, Step};

    #[test]
    fn polls_are_told_from_other_requests() {
        let asked = |request: &str| {
            let mut reader = Reader::default();
            let head = format!("{request} HTTP/1.1\r\n\r\n");
            let mut data = head.as_bytes();
            match reader.next(&mut data) {
                Some(Step::Head { head, .. }) => Asked::of(&head),
                _ => None,
            }
        };
        assert_eq!(asked("GET /socket.io/?EIO=4&transport=polling&sid=x"), Some(Asked::Poll));
        assert_eq!(asked("GET /socket.io/?EIO=4&transport=polling"), Some(Asked::Other));
        assert_eq!(asked("POST /?sid=x&transport=polling"), Some(Asked::Packets));
        assert_eq!(asked("HEAD /?sid=x&transport=polling"), Some(Asked::NoBody));
    }

    #[test]
    fn packets_are_taken_out_of_payloads() {
        let pings = |kind| kind == b'2';
        assert_eq!(without(b"2", pings).unwrap(), b"");
        assert_eq!(without(b"40\x1e2\x1e42[2]", pings).unwrap(), b"40\x1e42[2]");
        assert_eq!(without(b"42[2]", pings), None);
    }

    #[test]
    fn a_new_body_has_its_own_length() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nx: y\r\n\r\n";
        let message = with_body(head, b"6");
        let expected = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx: y\r\n\r\n6";
        assert_eq!(message, expected);
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: y\r\n\r\n";
        assert_eq!(with_body(chunked, b"6"), expected);
        assert!(answer(b"ok").ends_with(b"\r\ncontent-length: 2\r\n\r\nok"));
    }
}
