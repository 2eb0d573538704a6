//! The client's end of a relayed connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::rules::Rules;
use crate::memory::End;

/// A stream in memory whose pieces are as small as the rules have them.
#[derive(Debug)]
pub(super) struct Near {
    stream: End,
    rules: watch::Receiver<Rules>,
    abandoned: Abandoned,
}

/// Whether a client has let go of its end, rather than only ended what it sends.
#[derive(Debug, Clone, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

impl Near {
    /// The client's end, and the relay's.
    pub(super) fn pair(rules: watch::Receiver<Rules>) -> (Self, End, Abandoned) {
        let (stream, far) = End::pair();
        let abandoned = Abandoned::default();
        (Self { stream, rules, abandoned: abandoned.clone() }, far, abandoned)
    }
}

impl Abandoned {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.abandoned.0.store(true, Ordering::Release);
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
        if most < buffer.remaining() {
            let mut piece = buffer.take(most);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
            let read = piece.filled().to_vec();
            buffer.put_slice(&read);
        } else {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
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
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
