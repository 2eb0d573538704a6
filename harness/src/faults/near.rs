//! The client's end of a relayed connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;

use super::rules::Rules;

/// A stream in memory that a relay can reset, as a network resets a socket.
#[derive(Debug)]
pub(super) struct Near {
    stream: DuplexStream,
    rules: watch::Receiver<Rules>,
    fate: Arc<Fate>,
}

/// What either end must know of the other.
#[derive(Debug, Default)]
pub(super) struct Fate {
    reset: AtomicBool,
    abandoned: AtomicBool,
}

impl Near {
    /// The client's end, and the relay's.
    pub(super) fn pair(rules: watch::Receiver<Rules>) -> (Self, DuplexStream, Arc<Fate>) {
        let (near, far) = tokio::io::duplex(BUFFER);
        let fate = Arc::<Fate>::default();
        (Self { stream: near, rules, fate: Arc::clone(&fate) }, far, fate)
    }

    fn check(&self) -> io::Result<()> {
        if self.fate.reset.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Fate {
    /// From now on the client's end fails.
    pub(super) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }

    /// Whether the client has let go of its end, rather than only ended what it sends.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.fate.abandoned.store(true, Ordering::Release);
    }
}

impl AsyncRead for Near {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let chop = self.rules.borrow().chop;
        let most = chop.map_or(usize::MAX, std::num::NonZeroUsize::get);
        let before = buffer.filled().len();
        if most < buffer.remaining() {
            let mut piece = buffer.take(most);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
            let read = piece.filled().to_vec();
            buffer.put_slice(&read);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        }
        if buffer.filled().len() == before {
            self.check()?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Near {
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

/// What a client can write into a frozen network before it has to wait, like a socket's buffer.
const BUFFER: usize = 64 << 10;
