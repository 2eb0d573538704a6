//! Byte streams in memory that end as sockets do: well, or by a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct End {
    stream: DuplexStream,
    /// Of both ends.
    reset: Arc<AtomicBool>,
}

impl End {
    /// Two ends that are connected.
    pub(crate) fn pair() -> (Self, Self) {
        let (one, other) = tokio::io::duplex(BUFFER);
        let reset = Arc::<AtomicBool>::default();
        (Self { stream: one, reset: Arc::clone(&reset) }, Self { stream: other, reset })
    }

    /// Makes a reset of the end of the stream, which comes when this is dropped: the other end
    /// reads what was under way, and then the error.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    fn check(&self) -> io::Result<()> {
        if self.reset.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let ended = read.is_ready() && room > 0 && buffer.filled().len() == before;
        if ended {
            self.check()?;
        }
        read
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Bytes under way in one direction before their sender has to wait: what loopback TCP holds, about.
const BUFFER: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::error::Error;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_was_under_way_comes_before_the_end() -> Result<(), Box<dyn Error>> {
        let (mut one, mut other) = End::pair();
        one.write_all(b"last words").await?;
        drop(one);
        let mut came = String::new();
        other.read_to_string(&mut came).await?;
        assert_eq!(came, "last words");
        let error = other.write_all(b"too late").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        Ok(())
    }

    #[tokio::test]
    async fn what_was_under_way_comes_before_a_reset() -> Result<(), Box<dyn Error>> {
        let (mut one, mut other) = End::pair();
        one.write_all(b"last words").await?;
        one.reset();
        drop(one);
        let mut came = [0; 10];
        other.read_exact(&mut came).await?;
        assert_eq!(&came, b"last words");
        let errors = [other.read_u8().await.unwrap_err(), other.write_u8(1).await.unwrap_err()];
        assert_eq!(errors.map(|error| error.kind()), [io::ErrorKind::ConnectionReset; 2]);
        Ok(())
    }
}
