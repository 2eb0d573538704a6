//! TCP whose reads break off where a test says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socketio_harness::{Connecting, Connector, connecting};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Connects over TCP; what the server sends is read as two segments, the first of this many bytes.
#[derive(Debug, Clone, Copy)]
pub struct Cut(pub usize);

impl Connector for Cut {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let tcp = TcpStream::connect((host, port)).await?;
            Ok(CutStream { tcp, left: self.0 })
        })
    }
}

struct CutStream {
    tcp: TcpStream,
    /// Bytes until the cut; 0 behind it.
    left: usize,
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Pin::new(&mut self.tcp).poll_read(cx, buffer);
        }
        let mut first = vec![0; self.left.min(buffer.remaining())];
        let mut first = ReadBuf::new(&mut first);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut first))?;
        buffer.put_slice(first.filled());
        self.left -= first.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
