//! The opening handshake of a websocket (RFC 6455, section 4.1), over any byte stream.
//!
//! tungstenite reads the answer, but its own handshake leaves every connection a buffer of 4 KiB,
//! and cuts the body of a refusal where the first read ended.

use std::io;

use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError, SubProtocolError};
use tungstenite::handshake::client::{Response, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;

use super::chunked;
use crate::connector::ByteStream;

/// What the server has answered, and what it has sent after it already.
pub(super) struct Accepted {
    pub(super) headers: HeaderMap,
    pub(super) rest: Vec<u8>,
}

/// Asks for a websocket, with these headers beside those of the handshake. Fails with
/// [`Error::Http`] if the server answers with anything else, and as incomplete if it ends the
/// connection instead.
pub(super) async fn shake_hands(
    stream: &mut Box<dyn ByteStream>,
    target: &str,
    headers: &HeaderMap,
) -> Result<Accepted, Error> {
    let wants_protocol = headers.contains_key(SEC_WEBSOCKET_PROTOCOL);
    let key = generate_key();
    stream.write_all(&request(target, headers, &key)?).await.map_err(ended)?;
    stream.flush().await.map_err(ended)?;

    let mut came = Vec::with_capacity(READ_AT_ONCE);
    let mut interim = 0;
    let mut response = loop {
        match Response::try_parse(&came)? {
            Some((length, response)) => {
                came = came.split_off(length);
                if !is_interim(response.status()) {
                    break response;
                }
                interim += length;
            }
            None => read_some(stream, &mut came).await?,
        }
        if interim + came.len() > MAX_ANSWER {
            return Err(CapacityError::TooManyHeaders.into());
        }
    };
    let rest = came;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        verify(response.headers(), &key)?;
        verify_choices(response.headers(), wants_protocol)?;
        return Ok(Accepted { headers: std::mem::take(response.headers_mut()), rest });
    }
    *response.body_mut() = Some(read_body(stream, response.headers(), rest).await);
    Err(Error::Http(Box::new(response)))
}

fn request(target: &str, headers: &HeaderMap, key: &str) -> Result<Vec<u8>, Error> {
    let target = PathAndQuery::try_from(target)?;
    let mut request = format!("GET {target} HTTP/1.1\r\n").into_bytes();
    let own = [CONNECTION, UPGRADE, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_KEY];
    for (name, value) in headers.iter().filter(|(name, _)| !own.contains(name)) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            request.extend_from_slice(part);
        }
    }
    let rest = format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\r\n"
    );
    request.extend_from_slice(rest.as_bytes());
    Ok(request)
}

/// The body of a refusal. A server that ends early has said what it has to say.
async fn read_body(
    stream: &mut Box<dyn ByteStream>,
    headers: &HeaderMap,
    mut came: Vec<u8>,
) -> Vec<u8> {
    if chunked::is_chunked(headers) {
        while came.len() < MAX_ANSWER
            && !chunked::join(&came).1
            && read_some(stream, &mut came).await.is_ok()
        {}
        return chunked::join(&came).0;
    }
    let whole = content_length(headers).unwrap_or_default().min(MAX_ANSWER);
    while came.len() < whole && read_some(stream, &mut came).await.is_ok() {}
    came
}

async fn read_some(stream: &mut Box<dyn ByteStream>, into: &mut Vec<u8>) -> Result<(), Error> {
    into.reserve(READ_AT_ONCE);
    match stream.read_buf(into).await.map_err(ended)? {
        0 => Err(ProtocolError::HandshakeIncomplete.into()),
        _ => Ok(()),
    }
}

/// A connection that is reset has ended as one that is closed; which of them it is depends on what
/// the server had read.
fn ended(error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
            ProtocolError::HandshakeIncomplete.into()
        }
        _ => error.into(),
    }
}

/// What the server must say for the connection to be a websocket from here on.
fn verify(headers: &HeaderMap, key: &str) -> Result<(), ProtocolError> {
    if !lists(headers.get(UPGRADE), "websocket") {
        return Err(ProtocolError::MissingUpgradeWebSocketHeader);
    }
    if !lists(headers.get(CONNECTION), "upgrade") {
        return Err(ProtocolError::MissingConnectionUpgradeHeader);
    }
    let accept = derive_accept_key(key.as_bytes());
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|value| value != accept.as_str()) {
        return Err(ProtocolError::SecWebSocketAcceptKeyMismatch);
    }
    Ok(())
}

/// A server may choose among what the client offers, which is no extension.
fn verify_choices(headers: &HeaderMap, wants_protocol: bool) -> Result<(), ProtocolError> {
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(ProtocolError::InvalidHeader(Box::new(SEC_WEBSOCKET_EXTENSIONS)));
    }
    if headers.contains_key(SEC_WEBSOCKET_PROTOCOL) && !wants_protocol {
        let unasked = SubProtocolError::ServerSentSubProtocolNoneRequested;
        return Err(ProtocolError::SecWebSocketSubProtocolError(unasked));
    }
    Ok(())
}

/// Whether the answer proper follows: `100 Continue`, `103 Early Hints`.
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// Whether `token` is among the values of a header, whatever its case.
fn lists(value: Option<&HeaderValue>, token: &str) -> bool {
    let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

const READ_AT_ONCE: usize = 1 << 10;

/// How long the head of an answer may be, and how much of a refusal is read.
const MAX_ANSWER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What the client makes of an answer that comes in these parts; `KEY` stands for the right one.
    async fn answer(parts: &[&str]) -> Result<Accepted, Error> {
        let (client, mut server) = duplex(64);
        let parts: Vec<_> = parts.iter().map(|&part| part.to_owned()).collect();
        let server = tokio::spawn(async move {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                server.read_buf(&mut request).await.unwrap();
            }
            let request = String::from_utf8(request).unwrap();
            let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
            let accept = derive_accept_key(key.unwrap().as_bytes());
            for part in parts {
                // The client may have heard enough.
                let _ = server.write_all(part.replace("KEY", &accept).as_bytes()).await;
            }
        });
        let mut client: Box<dyn ByteStream> = Box::new(client);
        let result = shake_hands(&mut client, "/", &HeaderMap::new()).await;
        drop(client);
        server.await.unwrap();
        result
    }

    const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n";

    #[test]
    fn what_is_asked_can_neither_be_broken_nor_doubled_by_headers() {
        let headers = [("host", "localhost"), ("upgrade", "h2c"), ("cookie", "a=b")];
        let headers = headers.map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(value))
        });
        let request = request("/socket.io/?EIO=4", &HeaderMap::from_iter(headers), "dGhl").unwrap();
        assert_eq!(
            String::from_utf8(request).unwrap(),
            "GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: localhost\r\ncookie: a=b\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhl\r\n\r\n"
        );
    }

    #[test]
    fn a_target_that_is_none_is_refused() {
        for target in ["/a b", "/a\r\nx: y", "/\u{1}"] {
            assert!(request(target, &HeaderMap::new(), "key").is_err(), "{target:?}");
        }
    }

    #[tokio::test]
    async fn what_comes_along_with_the_answer_is_kept() {
        let accepted = answer(&[
            HEAD,
            "Connection: keep-alive, Upgrade\r\nX: 1\r\nSec-WebSocket-",
            "Accept: KEY\r\n\r\nab",
        ])
        .await;
        let Accepted { headers, rest } = accepted.unwrap();
        assert_eq!((&headers["x"], &rest[..]), (&HeaderValue::from_static("1"), &b"ab"[..]));
    }

    #[tokio::test]
    async fn an_answer_may_be_preceded_by_interim_ones() {
        let rest = "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\nab";
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
        let first = format!("HTTP/1.1 100 Continue\r\n\r\n{interim}");
        for parts in [&[&first, HEAD, rest][..], &[&first[..30], &first[30..], HEAD, rest]] {
            assert_eq!(answer(parts).await.unwrap().rest, b"ab");
        }
        let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
        let Err(Error::Http(response)) = answer(&[interim, refusal]).await else { panic!() };
        assert_eq!(
            (response.status().as_u16(), response.body().as_deref()),
            (400, Some(&b"no"[..]))
        );
        let endless = interim.repeat(MAX_ANSWER / interim.len() + 1);
        assert!(matches!(answer(&[&endless]).await, Err(Error::Capacity(_))));
    }

    #[tokio::test]
    async fn what_was_not_asked_for_is_refused() {
        // RFC 6455, section 4.1: the client must fail the connection.
        for header in ["Extensions: permessage-deflate", "Protocol: soap"] {
            let rest = format!(
                "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-{header}\r\n\r\n"
            );
            assert!(matches!(answer(&[HEAD, &rest]).await, Err(Error::Protocol(_))), "{header}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_proves_nothing_is_refused() {
        for rest in [
            "Connection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
            "Connection: Upgrade\r\n\r\n",
            "Connection: close\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
        ] {
            assert!(matches!(answer(&[HEAD, rest]).await, Err(Error::Protocol(_))), "{rest}");
        }
        let upgrade =
            ["HTTP/1.1 101 OK\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n"];
        assert!(matches!(answer(&upgrade).await, Err(Error::Protocol(_))));
        assert!(matches!(
            answer(&[HEAD]).await,
            Err(Error::Protocol(ProtocolError::HandshakeIncomplete))
        ));
        assert!(matches!(
            answer(&["\u{1}rubbish\r\n\r\n"]).await,
            Err(Error::HttpFormat(_) | Error::Protocol(_))
        ));
        let endless = "X: 1\r\n".repeat(MAX_ANSWER / 4);
        assert!(answer(&[HEAD, &endless]).await.is_err());
    }

    #[tokio::test]
    async fn a_refusal_is_read_to_its_end() {
        let head = "HTTP/1.1 400 Bad Request\r\nContent-Length: 10\r\n\r\n";
        for parts in [&[head, "01234", "56789"][..], &[head, "0123456789"], &[head, "0123"]] {
            let Err(Error::Http(response)) = answer(parts).await else { panic!("a refusal") };
            assert_eq!(response.status(), 400);
            let body = String::from_utf8(response.into_body().unwrap()).unwrap();
            assert_eq!(body, parts[1..].concat());
        }
        let head = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n";
        for parts in [&[head, "5\r\n01234\r\n0\r\n\r\n"][..], &[head, "5\r\n0", "1234"]] {
            let Err(Error::Http(response)) = answer(parts).await else { panic!("a refusal") };
            assert_eq!(response.into_body().as_deref(), Some(&b"01234"[..]));
        }
    }
}
