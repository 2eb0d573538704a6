//! One direction of an HTTP/1.1 connection, read from bytes that arrive in pieces of any size.

use bytes::{Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Header, Status};

use super::body::{Body, Length};

/// Splits a stream of bytes into heads and bodies.
///
/// After each head, [`body`](Self::body) tells what follows it: for a response that depends on the
/// request.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: BytesMut,
    body: Option<Body>,
}

/// What was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    /// Whether the client wants to leave HTTP for websocket.
    pub(super) upgrade: bool,
    pub(super) length: Length,
}

/// What was answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    /// The body is compressed, so its text is not in the bytes.
    pub(super) encoded: bool,
    /// What the response says of its body; `None` if it says nothing.
    pub(super) length: Option<Length>,
}

/// Bytes that are not HTTP/1.1, or pass a bound.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotHttp;

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next head, once all of it has come.
    pub(super) fn request(&mut self) -> Result<Option<Request>, NotHttp> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let Some(end) = self.head_end(head.parse(&self.buffer))? else { return Ok(None) };
        let request = Request {
            method: head.method.unwrap_or_default().to_owned(),
            target: head.path.unwrap_or_default().to_owned(),
            upgrade: has(head.headers, "upgrade", "websocket"),
            length: length(head.headers)?.unwrap_or(Length::Exactly(0)),
        };
        drop(self.buffer.split_to(end));
        Ok(Some(request))
    }

    /// The next head, once all of it has come.
    pub(super) fn response(&mut self) -> Result<Option<Response>, NotHttp> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let Some(end) = self.head_end(head.parse(&self.buffer))? else { return Ok(None) };
        let encoded = value(head.headers, "content-encoding")
            .is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity"));
        let status = head.code.unwrap_or_default();
        let response = Response { status, encoded, length: length(head.headers)? };
        drop(self.buffer.split_to(end));
        Ok(Some(response))
    }

    /// After a head: what follows it, and whether anybody wants to see it.
    pub(super) fn expect_body(&mut self, length: Length, keep: bool) {
        self.body = Some(Body::new(length, keep));
    }

    /// Whether a body is being read.
    pub(super) fn in_body(&self) -> bool {
        self.body.is_some()
    }

    /// The body announced last, once all of it has come; empty if nobody wanted it.
    pub(super) fn body(&mut self) -> Result<Option<Bytes>, NotHttp> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let whole = body.read(&mut self.buffer)?;
        if whole.is_some() {
            self.body = None;
        }
        Ok(whole)
    }

    /// No more bytes will come: the end of a body that lasts until then.
    pub(super) fn end(&mut self) -> Option<Bytes> {
        self.body.take()?.end()
    }

    /// What came behind the last message: the connection speaks another protocol from here on.
    pub(super) fn leave(&mut self) -> BytesMut {
        std::mem::take(&mut self.buffer)
    }

    fn head_end(&self, parsed: httparse::Result<usize>) -> Result<Option<usize>, NotHttp> {
        match parsed {
            Ok(Status::Complete(end)) => Ok(Some(end)),
            Ok(Status::Partial) if self.buffer.len() <= MAX_HEAD => Ok(None),
            _ => Err(NotHttp),
        }
    }
}

impl Response {
    /// What follows the head of this answer to a request (RFC 9112, "Message Body Length").
    pub(super) fn length(&self, method: &str) -> Length {
        match self.status {
            100..=199 | 204 | 304 => Length::Exactly(0),
            _ if method == "HEAD" => Length::Exactly(0),
            _ => self.length.unwrap_or(Length::UntilClosed),
        }
    }
}

fn length(headers: &[Header<'_>]) -> Result<Option<Length>, NotHttp> {
    if has(headers, "transfer-encoding", "chunked") {
        return Ok(Some(Length::Chunked));
    }
    let Some(number) = value(headers, "content-length") else { return Ok(None) };
    let number = std::str::from_utf8(number).ok().and_then(|number| number.trim().parse().ok());
    number.map(|number| Some(Length::Exactly(number))).ok_or(NotHttp)
}

fn value<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h [u8]> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// Whether a header that holds a list holds this.
fn has(headers: &[Header<'_>], name: &str, item: &str) -> bool {
    value(headers, name).is_some_and(|list| {
        list.split(|byte| *byte == b',')
            .any(|other| other.trim_ascii().eq_ignore_ascii_case(item.as_bytes()))
    })
}

const MAX_HEADERS: usize = 128;
const MAX_HEAD: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: &str = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: app\r\n\r\n";

    #[test]
    fn a_head_is_read_whatever_the_pieces() {
        for size in 1..POLL.len() {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in POLL.as_bytes().chunks(size) {
                reader.push(piece);
                found.extend(reader.request().unwrap());
            }
            assert_eq!(
                found,
                [Request {
                    method: "GET".into(),
                    target: "/socket.io/?EIO=4&transport=polling".into(),
                    upgrade: false,
                    length: Length::Exactly(0)
                }]
            );
        }
    }

    #[test]
    fn bodies_end_where_their_head_says() {
        let cases = [
            ("content-length: 5\r\n\r\n", Length::Exactly(5), "hello"),
            (
                "Transfer-Encoding: gzip, Chunked\r\n\r\n",
                Length::Chunked,
                "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
            ),
        ];
        for (head, length, body) in cases {
            let bytes = format!("HTTP/1.1 200 OK\r\n{head}{body}HTTP/1.1 204 No Content\r\n\r\n");
            for size in 1..bytes.len() {
                let mut reader = Reader::default();
                let (mut heads, mut bodies) = (Vec::new(), Vec::new());
                for piece in bytes.as_bytes().chunks(size) {
                    reader.push(piece);
                    loop {
                        if reader.in_body() {
                            let Some(body) = reader.body().unwrap() else { break };
                            bodies.push(body);
                        } else {
                            let Some(head) = reader.response().unwrap() else { break };
                            reader.expect_body(head.length("GET"), true);
                            heads.push(head);
                        }
                    }
                }
                assert_eq!(heads.len(), 2, "in pieces of {size}");
                assert_eq!((heads[0].status, heads[0].length), (200, Some(length)));
                assert_eq!(heads[1].length("GET"), Length::Exactly(0));
                assert_eq!(bodies, ["hello", ""]);
            }
        }
    }

    #[test]
    fn what_is_not_http_is_told() {
        for bytes in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"] {
            let mut reader = Reader::default();
            reader.push(bytes);
            assert_eq!(reader.request(), Err(NotHttp));
        }
        let mut endless = Reader::default();
        endless.push(&vec![b'a'; MAX_HEAD + 1]);
        assert_eq!(endless.request(), Err(NotHttp));
    }
}
