use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use std::time::Duration;

use socketio_mock_client::{ByteStream, scaled};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;

use crate::connections::{Connection, Connections};
use crate::tap::Flow;

/// A connection of the app that is counted as open until it is dropped, wherever the server has
/// moved it (a websocket leaves the HTTP server), and that can be cut from outside.
pub(crate) struct Tracked<S: ByteStream> {
    /// Taken only when this is dropped.
    stream: Option<S>,
    open: Arc<OpenConnection>,
}

/// Counts as an open connection while it lives.
struct OpenConnection {
    connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl<S: ByteStream> Tracked<S> {
    pub(crate) fn new(stream: S, peer: Option<SocketAddr>, connections: &Arc<Connections>) -> Self {
        let connection = connections.open(peer);
        let open = OpenConnection { connection, connections: Arc::clone(connections) };
        Self { stream: Some(stream), open: Arc::new(open) }
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.open.connection
    }

    fn readable(&mut self, cx: &Context<'_>) -> Option<Pin<&mut S>> {
        if self.open.connection.poll_cut_for_reader(cx) { None } else { self.stream() }
    }

    fn writable(&mut self, cx: &Context<'_>) -> io::Result<Pin<&mut S>> {
        let cut = self.open.connection.poll_cut_for_writer(cx);
        let stream = if cut { None } else { self.stream() };
        stream.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    fn stream(&mut self) -> Option<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new)
    }
}

impl<S: ByteStream> Drop for Tracked<S> {
    /// The server lets go of a connection that was cut. Closing a socket with unread input resets
    /// it, and whether there is any (a pong on its way) is chance; so the client is told the end
    /// first, and what it still says is read, to make every cut look alike to it.
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take()
            && self.open.connection.is_cut()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(end(stream, Arc::clone(&self.open)));
        }
    }
}

impl OpenConnection {
    fn passed<'b>(&self, flow: Flow, parts: impl IntoIterator<Item = &'b [u8]>) {
        if let Some(tap) = self.connections.tap() {
            tap.passed(self.connection.id(), flow, parts);
        }
    }

    fn writing<'b>(
        &self,
        parts: impl Iterator<Item = &'b [u8]>,
        write: impl FnOnce() -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match self.connections.tap() {
            Some(tap) => tap.writing(self.connection.id(), parts, write),
            None => write(),
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(tap) = self.connections.tap() {
            tap.closed(self.connection.id());
        }
        self.connections.closed(&self.connection);
    }
}

async fn end(mut stream: impl ByteStream, _open: Arc<OpenConnection>) {
    let ending = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    // A client that neither reads nor closes is reset in the end.
    let _ = tokio::time::timeout(scaled(LINGER), ending).await;
}

impl<S: ByteStream> AsyncRead for Tracked<S> {
    /// A cut connection reads as one that the client has closed.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match self.readable(cx) {
            Some(stream) => stream.poll_read(cx, buffer),
            None => return Poll::Ready(Ok(())),
        };
        if let Some(bytes) = buffer.filled().get(before..).filter(|bytes| !bytes.is_empty()) {
            self.open.passed(Flow::Received, [bytes]);
        }
        read
    }
}

impl<S: ByteStream> AsyncWrite for Tracked<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let open = Arc::clone(&self.open);
        let stream = self.writable(cx)?;
        open.writing(std::iter::once(data), || stream.poll_write(cx, data))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let open = Arc::clone(&self.open);
        let stream = self.writable(cx)?;
        let parts = data.iter().map(|part| &**part);
        open.writing(parts, || stream.poll_write_vectored(cx, data))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().map_or(Poll::Ready(Ok(())), |stream| stream.poll_shutdown(cx))
    }
}

/// How long a cut connection may take to be closed by its client.
const LINGER: Duration = Duration::from_millis(500);
