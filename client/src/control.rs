//! What a test does to a connection that no well-behaved client would.

use std::time::Instant;

use socketio_proto::connection::CloseReason;
use socketio_proto::engine::Frame;

use crate::client::SocketIoClient;

/// # Control over the connection
///
/// These act on the whole connection, which the clients of its other namespaces share.
impl SocketIoClient {
    /// Begins the upgrade to websocket now. For clients that were told to wait for it with
    /// [`Upgrade::OnRequest`](crate::Upgrade::OnRequest); does nothing on websocket, or if the
    /// server does not offer it. [`upgraded`](Self::upgraded) tells when it is done.
    pub fn upgrade(&self) {
        self.shared().command(|state| state.core.upgrade(now()));
    }

    /// Drops the connection as a failing network would: the server is told nothing. A client with
    /// reconnection makes a new one.
    pub fn drop_connection(&self) {
        let reason = CloseReason::TransportError("dropped by the client".into());
        self.shared().command(|state| state.core.abandon(reason));
    }

    /// Reads nothing more, until [`resume_reading`](Self::resume_reading): the server meets
    /// backpressure, and its pings stay unanswered.
    pub fn pause_reading(&self) {
        self.shared().command(|state| state.reading_paused = true);
    }

    /// Reads again.
    pub fn resume_reading(&self) {
        self.shared().command(|state| state.reading_paused = false);
    }

    /// Sends an Engine.IO packet as it is, whether or not it is the protocol: `4` and a Socket.IO
    /// packet, a bare digit, or rubbish.
    ///
    /// ```no_run
    /// # fn f(client: &socketio_mock_client::SocketIoClient) {
    /// client.send_raw(r#"42["message","by hand"]"#);
    /// client.send_raw(vec![1, 2, 3]);
    /// # }
    /// ```
    pub fn send_raw(&self, packet: impl Into<RawPacket>) {
        let RawPacket(frame) = packet.into();
        self.shared().command(|state| state.core.send_frame(frame));
    }
}

/// What [`SocketIoClient::send_raw`] sends: text or bytes.
#[derive(Debug, Clone)]
pub struct RawPacket(Frame);

impl From<&str> for RawPacket {
    fn from(text: &str) -> Self {
        Self(Frame::Text(text.to_owned()))
    }
}

impl From<String> for RawPacket {
    fn from(text: String) -> Self {
        Self(Frame::Text(text))
    }
}

impl From<Vec<u8>> for RawPacket {
    fn from(data: Vec<u8>) -> Self {
        Self(Frame::Binary(data.into()))
    }
}

impl From<bytes::Bytes> for RawPacket {
    fn from(data: bytes::Bytes) -> Self {
        Self(Frame::Binary(data))
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
