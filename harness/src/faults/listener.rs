use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socketio_mock_client::{ByteStream, IntoTarget, Target, scaled};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::conversation::Conversation;
use super::link::admit;
use super::relay::Connection;
use super::{Faults, LONGEST_END};
use crate::{Error, Result};

/// A TCP port that leads to an app through [`Faults`].
///
/// ```no_run
/// # use socketio_harness::{App, Result, create_socketio_client};
/// # async fn f(app: App) -> Result {
/// let relay = app.faults().relay()?;
/// let client = create_socketio_client(&relay).await?; // or a browser at `relay.url()`
/// app.faults().cut();
/// client.disconnected().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    target: Target,
    accepting: JoinHandle<()>,
    /// Dropped at the end of `accepting`, together with its port.
    closed: watch::Receiver<()>,
}

impl Relay {
    pub(super) fn open(faults: &Faults) -> Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let cannot_listen = |source| Error::Listen { addr: any, source };
        // Keeps the port while it refuses: bound, but not listening.
        let keeper = bind(any).map_err(cannot_listen)?;
        let addr = keeper.local_addr().map_err(cannot_listen)?;
        let listener = listen(addr).map_err(cannot_listen)?;
        let target = faults.target.clone().moved_to(addr);
        let accepting = accept(faults.clone(), addr, listener, keeper);
        let (open, closed) = watch::channel(());
        let accepting = tokio::spawn(async move {
            accepting.await;
            drop(open);
        });
        Ok(Self { addr, target, accepting, closed })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Closes it; resolves when the port is free. Fails with what it does instead.
    pub(crate) async fn closed(&self) -> Result<(), String> {
        self.accepting.abort();
        let mut closed = self.closed.clone();
        let closing = async { while closed.changed().await.is_ok() {} };
        let after = scaled(LONGEST_END);
        timeout(after, closing).await.map_err(|_| {
            let addr = self.addr;
            format!("is still reached at {addr} after {after:?}: nobody runs its runtime")
        })
    }

    /// The base URL for clients, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        self.target.url()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl IntoTarget for &Relay {
    fn into_target(self) -> socketio_mock_client::Result<Target> {
        Ok(self.target.clone())
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    bind(addr)?.listen(BACKLOG)
}

/// Accepts while nothing says to refuse. The connections end with this task.
async fn accept(faults: Faults, addr: SocketAddr, first: TcpListener, _keeper: TcpSocket) {
    let mut connections = JoinSet::new();
    let mut rules = faults.book.watch();
    let mut listener = Some(first);
    loop {
        let refused = rules.borrow_and_update().refused;
        if refused {
            listener = None;
        } else if listener.is_none() {
            listener = listen(addr)
                .inspect_err(|error| tracing::warn!(target: "socketio", %error, "cannot listen"))
                .ok();
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Ok((client, _)) => {
                    connections.spawn(relay(faults.clone(), client));
                }
                Err(error) => {
                    tracing::warn!(target: "socketio", %error, "cannot accept");
                    // Out of file descriptors, most likely: to try at once would help nobody.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            changed = rules.changed() => if changed.is_err() { return },
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn relay(faults: Faults, client: TcpStream) {
    let number = faults.registry.number();
    let mut rules = faults.book.watch();
    let (orders, running) = faults.registry.add_relay(number);
    let connecting = async {
        client.set_nodelay(true)?;
        admit(&mut rules, number).await?;
        faults.target.open().await
    };
    match connecting.await {
        Ok(server) => {
            let client: Box<dyn ByteStream> = Box::new(client);
            let conversation = Conversation::default();
            let abandoned = None;
            let connection = Connection { client, abandoned, server, conversation, rules, number };
            connection.run(orders, running).await;
        }
        Err(error) => {
            tracing::debug!(target: "socketio", %error, "cannot relay");
            let _ = client.set_zero_linger();
        }
    }
}

const BACKLOG: u32 = 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
