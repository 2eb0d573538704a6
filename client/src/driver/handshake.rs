//! The opening handshake of a websocket (RFC 6455, section 4.1), over any byte stream.
//!
//! tungstenite writes the request and reads the answer, but its own handshake leaves every
//! connection a buffer of 4 KiB, and cuts the body of a refusal where the first read ended.

use http::header::{CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::Error;
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::handshake::client::{Response, generate_request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;

use super::chunked;
use crate::connector::ByteStream;

/// What the server has answered, and what it has sent after it already.
pub(super) struct Accepted {
    pub(super) headers: HeaderMap,
    pub(super) rest: Vec<u8>,
}

/// Asks for a websocket. Fails with [`Error::Http`] if the server answers with anything else.
pub(super) async fn shake_hands(
    stream: &mut Box<dyn ByteStream>,
    request: Request<()>,
) -> Result<Accepted, Error> {
    let (request, key) = generate_request(request)?;
    stream.write_all(&request).await?;
    stream.flush().await?;

    let mut came = Vec::with_capacity(READ_AT_ONCE);
    let (length, mut response) = loop {
        read_some(stream, &mut came).await?;
        if let Some(parsed) = Response::try_parse(&came)? {
            break parsed;
        }
        if came.len() > MAX_ANSWER {
            return Err(CapacityError::TooManyHeaders.into());
        }
    };
    let rest = came.split_off(length);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        verify(response.headers(), &key)?;
        return Ok(Accepted { headers: std::mem::take(response.headers_mut()), rest });
    }
    *response.body_mut() = Some(read_body(stream, response.headers(), rest).await);
    Err(Error::Http(Box::new(response)))
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
    match stream.read_buf(into).await? {
        0 => Err(ProtocolError::HandshakeIncomplete.into()),
        _ => Ok(()),
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tungstenite::client::IntoClientRequest;

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
        let request = "ws://localhost/".into_client_request().unwrap();
        let result = shake_hands(&mut (Box::new(client) as Box<dyn ByteStream>), request).await;
        server.await.unwrap();
        result
    }

    const HEAD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n";

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
