//! HTTP/1.1 messages, as far as a poll needs it.

use socketio_mock_client::Transport;

/// The head of a request or an answer.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Bytes, the empty line included.
    pub(super) length: usize,
    pub(super) body: Body,
    pub(super) start: Start,
    /// Where the connection ends behind this message.
    pub(super) closes: bool,
}

/// How long the body is (RFC 9112, "Message Body Length").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Sized(u64),
    Chunked,
    UntilTheEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Request(Asked),
    Answer { status: u16 },
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A poll of an open session: a GET.
    Poll,
    /// Packets for an open session: a POST.
    Packets,
    /// Anything else.
    Other,
}

impl Head {
    /// `None` if there is more of it to come.
    pub(super) fn of(bytes: &[u8]) -> Result<Option<Self>, httparse::Error> {
        if bytes.starts_with(b"HTTP/") { Self::of_answer(bytes) } else { Self::of_request(bytes) }
    }

    fn of_answer(bytes: &[u8]) -> Result<Option<Self>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = answer.parse(bytes)? else { return Ok(None) };
        let status = answer.code.unwrap_or_default();
        let bodiless = status < 200 || status == 204 || status == 304;
        let body = if bodiless { Body::Sized(0) } else { body(answer.headers, Body::UntilTheEnd) };
        let start = Start::Answer { status };
        Ok(Some(Self { length, body, start, closes: closes(answer.headers) }))
    }

    fn of_request(bytes: &[u8]) -> Result<Option<Self>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
        let query = request.path.and_then(|path| path.split_once('?')).map(|(_, query)| query);
        let has = |wanted: &str| {
            query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with(wanted)))
        };
        let polls = has(&format!("transport={}", Transport::Polling)) && has("sid=");
        let asked = match request.method {
            Some("GET") if polls => Asked::Poll,
            Some("POST") if polls => Asked::Packets,
            _ => Asked::Other,
        };
        let body = body(request.headers, Body::Sized(0));
        let start = Start::Request(asked);
        Ok(Some(Self { length, body, start, closes: closes(request.headers) }))
    }

    /// Whether frames follow.
    pub(super) fn is_upgrade_accepted(&self) -> bool {
        self.start == Start::Answer { status: 101 }
    }
}

fn body(headers: &[httparse::Header<'_>], otherwise: Body) -> Body {
    if value(headers, "transfer-encoding").is_some() {
        return Body::Chunked;
    }
    let length = value(headers, "content-length").and_then(|length| length.trim().parse().ok());
    length.map_or(otherwise, Body::Sized)
}

fn closes(headers: &[httparse::Header<'_>]) -> bool {
    value(headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn value<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok()
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
const MAX_HEADERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_told_from_other_requests() {
        let asked = |request: &str| Head::of(request.as_bytes()).unwrap().unwrap().start;
        let poll = "GET /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\n\r\n";
        assert_eq!(asked(poll), Start::Request(Asked::Poll));
        let opening = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n\r\n";
        assert_eq!(asked(opening), Start::Request(Asked::Other));
        let packets = "POST /?sid=x&transport=polling HTTP/1.1\r\ncontent-length: 1\r\n\r\n";
        assert_eq!(asked(packets), Start::Request(Asked::Packets));
        assert!(Head::of(b"GET / HTTP/1.1\r\nho").unwrap().is_none());
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
