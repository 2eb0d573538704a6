//! The bytes below HTTP and WebSocket.

use std::io;

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::{Failure, FailureKind, Subject};

/// In the clear, or encrypted, which takes a kilobyte.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection to the subject, without Nagle's delay.
pub(super) async fn connect(subject: &Subject) -> Result<Stream, Failure> {
    let opened = async {
        let stream = TcpStream::connect(subject.authority()).await?;
        stream.set_nodelay(true)?;
        Ok(match subject.tls() {
            Some(tls) => Either::Right(Box::pin(tls.encrypt(stream)).await?.into()),
            None => Either::Left(stream),
        })
    };
    opened.await.map_err(|error: io::Error| {
        let expected = format!("a connection to {}", subject.authority());
        Failure::new(FailureKind::Unreachable, expected, error)
    })
}
