use httparse::{EMPTY_HEADER, Header, Status};

use super::Length;

/// The head of an HTTP/1.1 message, as far as anybody here looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start: Start,
    /// How long the body is, if the head is right: an answer to HEAD has none.
    pub(crate) length: Length,
    /// The body is compressed, so its text is not in the bytes.
    pub(crate) encoded: bool,
    /// The connection ends behind this message.
    pub(crate) closes: bool,
}

/// What the message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Request {
        method: Method,
        /// Path and query.
        target: String,
        /// Whether the client wants to leave HTTP for websocket.
        upgrade: bool,
    },
    Answer {
        status: u16,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Head,
    Other,
}

/// Bytes that are no head of HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHttp;

impl Head {
    /// The head at the front, and its length; `None` if there is more of it to come.
    pub(super) fn of(bytes: &[u8]) -> Result<Option<(Self, usize)>, NotHttp> {
        if bytes.starts_with(b"HTTP/") { Self::of_answer(bytes) } else { Self::of_request(bytes) }
    }

    /// Whether frames follow.
    pub(crate) fn accepts_upgrade(&self) -> bool {
        self.start == Start::Answer { status: 101 }
    }

    /// Whether it is an answer before the answer: `100 Continue`.
    pub(crate) fn is_interim(&self) -> bool {
        matches!(self.start, Start::Answer { status: 100 | 102..=199 })
    }

    fn of_answer(bytes: &[u8]) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let Status::Complete(end) = head.parse(bytes).map_err(|_| NotHttp)? else {
            return Ok(None);
        };
        let status = head.code.unwrap_or_default();
        let length = match status {
            100..=199 | 204 | 304 => Length::Exactly(0),
            _ => length(head.headers)?.unwrap_or(Length::UntilClosed),
        };
        Ok(Some((Self::new(Start::Answer { status }, length, head.headers), end)))
    }

    fn of_request(bytes: &[u8]) -> Result<Option<(Self, usize)>, NotHttp> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let Status::Complete(end) = head.parse(bytes).map_err(|_| NotHttp)? else {
            return Ok(None);
        };
        let method = match head.method {
            Some("GET") => Method::Get,
            Some("POST") => Method::Post,
            Some("HEAD") => Method::Head,
            _ => Method::Other,
        };
        let target = head.path.unwrap_or_default().to_owned();
        let upgrade = lists(head.headers, "upgrade", "websocket");
        let length = length(head.headers)?.unwrap_or(Length::Exactly(0));
        let start = Start::Request { method, target, upgrade };
        Ok(Some((Self::new(start, length, head.headers), end)))
    }

    fn new(start: Start, length: Length, headers: &[Header<'_>]) -> Self {
        let encoded = value(headers, "content-encoding")
            .is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
        Self { start, length, encoded, closes: lists(headers, "connection", "close") }
    }
}

fn length(headers: &[Header<'_>]) -> Result<Option<Length>, NotHttp> {
    if lists(headers, "transfer-encoding", "chunked") {
        return Ok(Some(Length::Chunked));
    }
    let Some(number) = value(headers, "content-length") else { return Ok(None) };
    let number = str::from_utf8(number).ok().and_then(|number| number.trim().parse().ok());
    number.map(|number| Some(Length::Exactly(number))).ok_or(NotHttp)
}

fn value<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Whether a header that holds a list holds this.
fn lists(headers: &[Header<'_>], name: &str, item: &str) -> bool {
    value(headers, name).is_some_and(|list| {
        list.split(|byte| *byte == b',')
            .any(|other| other.trim_ascii().eq_ignore_ascii_case(item.as_bytes()))
    })
}

const MAX_HEADERS: usize = 128;
