//! Reading along at the clients' end, for a server whose own connections are out of reach.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use socketio_mock_client::{ByteStream, Connecting, Connector, Transit, connecting};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Flow, Tap};

/// Opens connections whose bytes a tap sees.
pub(crate) struct ObservedConnector {
    inner: Arc<dyn Connector>,
    tap: Arc<Tap>,
    next: AtomicU64,
}

impl ObservedConnector {
    pub(crate) fn new(inner: Arc<dyn Connector>, tap: Arc<Tap>) -> Self {
        Self { inner, tap, next: AtomicU64::new(1) }
    }
}

impl Connector for ObservedConnector {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let stream = self.inner.connect(host, port).await?;
            let connection = self.next.fetch_add(1, Ordering::Relaxed);
            let observed = Observed { stream, tap: Arc::clone(&self.tap), connection };
            Ok(observed)
        })
    }

    fn is_in_memory(&self) -> bool {
        self.inner.is_in_memory()
    }

    fn transit(&self) -> Transit {
        self.inner.transit()
    }
}

/// The client's end of a connection.
struct Observed {
    stream: Box<dyn ByteStream>,
    tap: Arc<Tap>,
    connection: u64,
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        self.tap.passed(self.connection, Flow::Emitted, [read]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, data))?;
        let passed = data.get(..written).unwrap_or(data);
        self.tap.passed(self.connection, Flow::Received, [passed]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.tap.closed(self.connection);
    }
}
