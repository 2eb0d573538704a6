use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socketio_mock_client::{DEFAULT_TIMEOUT, scaled};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::connections::Connections;
use crate::service::AnyService;
use crate::tap::Tap;
use crate::tracked::Tracked;
use crate::{Error, Result};

/// A service on a listener of its own.
pub(crate) struct Server {
    service: AnyService,
    connections: Arc<Connections>,
    accepting: JoinHandle<()>,
    addr: SocketAddr,
}

impl Server {
    /// Binds and keeps the listener: a port that was only looked up could be taken by another.
    pub(crate) async fn start(
        service: AnyService,
        addr: SocketAddr,
        tap: Option<Arc<Tap>>,
    ) -> Result<Self> {
        let cannot_listen = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => Error::PortInUse { addr },
            _ => Error::Listen { addr, source },
        };
        let listener = TcpListener::bind(addr).await.map_err(cannot_listen)?;
        let addr = listener.local_addr().map_err(cannot_listen)?;
        let connections = Connections::new(tap);
        let accepting = tokio::spawn(accept(listener, service.clone(), Arc::clone(&connections)));
        Ok(Self { service, connections, accepting, addr })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn tap(&self) -> Option<&Arc<Tap>> {
        self.connections.tap()
    }

    pub(crate) fn open_connections(&self) -> usize {
        self.connections.count()
    }

    /// Stops listening, cuts every connection, ends the polling sessions, and waits until the
    /// server has let go of everything.
    pub(crate) async fn stop(mut self) -> Result {
        self.accepting.abort();
        // Only an aborted task has dropped its listener for sure.
        let _ = (&mut self.accepting).await;
        self.connections.cut_all();
        let after = scaled(DEFAULT_TIMEOUT);
        let ending = async {
            self.end_polling_sessions().await;
            self.connections.all_closed().await;
        };
        if tokio::time::timeout(after, ending).await.is_err() {
            return Err(Error::StillOpen { after, leftovers: self.connections.describe() });
        }
        Ok(())
    }

    /// Closes each session over a connection in memory, as its client would have.
    async fn end_polling_sessions(&self) {
        for request in self.service.farewells() {
            let (mut client, server) = tokio::io::duplex(FAREWELL_BUFFER);
            let client = async {
                let mut answer = Vec::new();
                // A session that is already gone is what is wanted.
                if client.write_all(request.as_bytes()).await.is_ok() {
                    let _ = client.read_to_end(&mut answer).await;
                }
            };
            let server = self.service.serve(Tracked::new(server, None, &self.connections));
            futures::join!(client, server);
        }
    }
}

impl Drop for Server {
    /// An app that was not closed still frees its port and its connections.
    fn drop(&mut self) {
        self.accepting.abort();
        self.connections.cut_all();
    }
}

async fn accept(listener: TcpListener, service: AnyService, connections: Arc<Connections>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "socketio", %error, "cannot accept a connection");
                // Out of file descriptors, most likely: others must close before it gets better.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Nagle's delay would hold every small frame back for the client's ack.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target: "socketio", %error, "connection gone before it was served");
            continue;
        }
        let service = service.clone();
        let stream = Tracked::new(stream, Some(peer), &connections);
        tokio::spawn(async move { service.serve(stream).await });
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const FAREWELL_BUFFER: usize = 4 << 10;
