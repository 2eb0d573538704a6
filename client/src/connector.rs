use std::any::Any;
use std::io;
#[cfg(unix)]
use std::path::PathBuf;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Opens the byte streams that carry a client's HTTP and WebSocket traffic.
///
/// The default opens TCP connections. Another one lets a client talk through memory, a simulated
/// network or a proxy.
pub trait Connector: Send + Sync + 'static {
    /// Opens one stream. Polling needs two at a time, an upgrade one more.
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a>;

    /// Whether its streams stay within tokio's runtime, so that a paused clock of tokio waits for
    /// them. What goes through the operating system does not.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// What is on its way through a network of its own, which lets it arrive later: `settle` waits
    /// for it where time is virtual.
    fn transit(&self) -> Transit {
        Transit::default()
    }
}

/// The future of [`Connector::connect`]; [`connecting`] makes one.
pub type Connecting<'a> = BoxFuture<'a, io::Result<Box<dyn ByteStream>>>;

/// Opens a byte stream of any type, for [`Connector::connect`].
///
/// ```
/// use socketio_mock_client::{Connecting, Connector, connecting};
/// use tokio::net::TcpStream;
///
/// /// Reaches everything through one port of this machine.
/// struct Tunnel(u16);
///
/// impl Connector for Tunnel {
///     fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
///         connecting(TcpStream::connect(("127.0.0.1", self.0)))
///     }
/// }
/// ```
pub fn connecting<'a, S: ByteStream>(
    opening: impl Future<Output = io::Result<S>> + Send + 'a,
) -> Connecting<'a> {
    async move { Ok(Box::new(opening.await?) as Box<dyn ByteStream>) }.boxed()
}

/// What a [`Connector`] that delays bytes is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transit {
    /// Pieces that have set out since the beginning.
    pub begun: u64,
    /// Pieces that have not arrived, and will with the passing of time.
    pub under_way: u64,
}

/// A byte stream in both directions. As [`Any`], it can be asked whether it is a `TcpStream`.
pub trait ByteStream: AsyncRead + AsyncWrite + Any + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Any + Send + Unpin> ByteStream for T {}

/// TCP without Nagle's delay, which would hold every small frame back for the peer's ack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TcpConnector;

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// Reaches a server that listens on a Unix socket; host and port only name it.
///
/// ```no_run
/// use socketio_mock_client::{Target, UnixConnector, create_socketio_client};
///
/// # async fn f() -> socketio_mock_client::Result {
/// let target = Target::new("localhost", 80).connector(UnixConnector::new("/run/app.sock"));
/// let client = create_socketio_client(target).await?;
/// # Ok(()) }
/// ```
#[cfg(unix)]
#[derive(Debug, Clone)]
pub struct UnixConnector {
    path: PathBuf,
}

#[cfg(unix)]
impl UnixConnector {
    /// The path of the socket.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[cfg(unix)]
impl Connector for UnixConnector {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        connecting(async move {
            let stream = tokio::net::UnixStream::connect(&self.path).await?;
            Ok(stream)
        })
    }
}
