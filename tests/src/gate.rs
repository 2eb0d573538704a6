//! A network that a test can shut.

use socketio_harness::{Connecting, Connector, connecting};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Connects over TCP while it is open; connections asked for while it is shut wait until it opens.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// An open one.
    pub fn open() -> Self {
        Self(watch::Sender::new(true))
    }

    /// Lets no further connection through.
    pub fn shut(&self) {
        self.0.send_replace(false);
    }

    /// Lets all through, those that wait included.
    pub fn reopen(&self) {
        self.0.send_replace(true);
    }
}

impl Connector for Gate {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            // The sender lives in `self`, so waiting cannot fail.
            let _ = self.0.subscribe().wait_for(|open| *open).await;
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}
