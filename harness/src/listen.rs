//! Where an app's connections come from: a port, or memory.

use std::io;
use std::net::SocketAddr;

use socketio_mock_client::{ByteStream, Connecting, Connector, connecting};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::memory::End;

/// Accepts the connections of an app.
pub(crate) trait Listen: Send + 'static {
    /// One connection.
    type Stream: ByteStream;

    /// The next connection. Cancel safe.
    fn accept(
        &mut self,
    ) -> impl Future<Output = io::Result<(Self::Stream, Option<SocketAddr>)>> + Send;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (stream, peer) = Self::accept(self).await?;
        // Nagle's delay would hold every small frame back for the client's ack. A connection that
        // is gone already has no use for the setting.
        let _ = stream.set_nodelay(true);
        Ok((stream, Some(peer)))
    }
}

/// Connections in memory, as [`Memory`] makes them.
pub(crate) struct MemoryListener {
    incoming: mpsc::UnboundedReceiver<End>,
}

impl Listen for MemoryListener {
    type Stream = End;

    async fn accept(&mut self) -> io::Result<(End, Option<SocketAddr>)> {
        match self.incoming.recv().await {
            Some(stream) => Ok((stream, None)),
            // The app, which holds a sender, is gone; so nobody will ever connect.
            None => std::future::pending().await,
        }
    }
}

/// Connects clients to a [`MemoryListener`].
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    outgoing: mpsc::UnboundedSender<End>,
}

impl Memory {
    pub(crate) fn new() -> (Self, MemoryListener) {
        let (outgoing, incoming) = mpsc::unbounded_channel();
        (Self { outgoing }, MemoryListener { incoming })
    }
}

impl Connector for Memory {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        connecting(async move {
            let (client, server) = End::pair();
            let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
            self.outgoing.send(server).map_err(refused)?;
            Ok(client)
        })
    }

    fn is_in_memory(&self) -> bool {
        true
    }
}
