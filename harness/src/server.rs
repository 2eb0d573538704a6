use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use socketio_mock_client::scaled;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

use crate::connections::Connections;
use crate::listen::Listen;
use crate::patience::Patience;
use crate::report::Leftover;
use crate::service::AnyService;
use crate::subject::ServeFn;
use crate::tracked::Tracked;

/// A server that accepts connections on the runtime it was started on.
pub(crate) struct Server {
    connections: Arc<Connections>,
    kind: Kind,
}

enum Kind {
    /// The harness accepts, and a service answers.
    Service { service: AnyService, accepting: JoinHandle<()> },
    /// The server accepts by itself; ends with what the server ended with.
    Listener { serving: JoinHandle<String> },
}

impl Server {
    pub(crate) fn start(
        service: AnyService,
        listener: impl Listen,
        connections: Arc<Connections>,
    ) -> Self {
        let accepting = tokio::spawn(accept(listener, service.clone(), Arc::clone(&connections)));
        Self { connections, kind: Kind::Service { service, accepting } }
    }

    pub(crate) fn start_listener(serve: ServeFn, listener: TcpListener) -> Self {
        let serving = tokio::spawn(serve(listener));
        Self { connections: Connections::new(None), kind: Kind::Listener { serving } }
    }

    /// `None` for a server that accepts by itself.
    pub(crate) fn connections(&self) -> Option<&Arc<Connections>> {
        match &self.kind {
            Kind::Service { .. } => Some(&self.connections),
            Kind::Listener { .. } => None,
        }
    }

    /// Stops listening, cuts every connection, ends the polling sessions, and waits until the
    /// server has let go of everything. Returns what it did not let go of.
    pub(crate) async fn stop(&mut self, patience: Patience) -> Vec<Leftover> {
        match &mut self.kind {
            Kind::Service { service, accepting } => {
                accepting.abort();
                // Only an aborted task has dropped its listener for sure.
                let blocked = answer(accepting, patience).await.err();
                self.connections.cut_all();
                let service = service.clone();
                let ending = async {
                    self.end_polling_sessions(&service).await;
                    self.connections.all_closed().await;
                };
                // What is left of it is told one by one.
                let _ = patience.wait_for(ending).await;
                let left = self.connections.describe().into_iter();
                let left = left
                    .map(|connection| Leftover::Connection { connection, after: patience.total });
                blocked.into_iter().chain(left).collect()
            }
            Kind::Listener { serving } => {
                serving.abort();
                match answer(serving, patience).await {
                    Ok(Ok(outcome)) => vec![Leftover::ServerEnded { outcome }],
                    // Stopped just now; or it panicked, which is told as such.
                    Ok(Err(_)) => Vec::new(),
                    Err(blocked) => vec![blocked],
                }
            }
        }
    }

    /// Closes each session over a connection in memory, as its client would have.
    async fn end_polling_sessions(&self, service: &AnyService) {
        for request in service.farewells() {
            let (mut client, server) = tokio::io::duplex(FAREWELL_BUFFER);
            let client = async {
                let mut answer = Vec::new();
                // A session that is already gone is what is wanted.
                if client.write_all(request.as_bytes()).await.is_ok() {
                    let _ = client.read_to_end(&mut answer).await;
                }
            };
            let server = service.serve(Tracked::new(server, None, &self.connections));
            // A handler that panics over it is noted by the hook.
            let server = std::panic::AssertUnwindSafe(server).catch_unwind();
            let _ = futures::join!(client, server);
        }
    }
}

impl Drop for Server {
    /// An app that was not closed still frees its port and its connections.
    fn drop(&mut self) {
        match &self.kind {
            Kind::Service { accepting, .. } => accepting.abort(),
            Kind::Listener { serving } => serving.abort(),
        }
        self.connections.cut_all();
    }
}

/// The end of a task that was told to end: at once, unless its runtime stands still.
async fn answer<T>(
    task: &mut JoinHandle<T>,
    patience: Patience,
) -> Result<Result<T, JoinError>, Leftover> {
    let after = patience.total.max(scaled(SHORTEST_PATIENCE));
    timeout(after, task).await.map_err(|_| Leftover::Blocked { after })
}

async fn accept(mut listener: impl Listen, service: AnyService, connections: Arc<Connections>) {
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
        let service = service.clone();
        let stream = Tracked::new(stream, peer, &connections);
        tokio::spawn(async move { service.serve(stream).await });
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// A busy machine takes its time over a task that ends at once.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);
const FAREWELL_BUFFER: usize = 4 << 10;
