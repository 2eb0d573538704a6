//! What a test does to a connection that no well-behaved client would.

use std::time::Instant;

use socketio_proto::connection::CloseReason;
use socketio_proto::engine::Frame;

use crate::Result;
use crate::client::SocketIoClient;

/// # Control over the connection
///
/// These act on the whole connection, which the clients of its other namespaces share.
impl SocketIoClient {
    /// Begins the upgrade to websocket now. For clients that were told to wait for it with
    /// [`Upgrade::OnRequest`](crate::Upgrade::OnRequest); does nothing on websocket, for a client
    /// that was given one transport alone, or if the server does not offer it.
    /// [`upgraded`](Self::upgraded) tells when it is done.
    pub fn upgrade(&self) {
        self.shared().command(|state| state.upgrade(now()));
    }

    /// Drops the connection as a failing network would: the server is told nothing. A client with
    /// reconnection makes a new one.
    pub fn drop_connection(&self) {
        let reason = CloseReason::TransportError("dropped by the client".into());
        self.shared().command(|state| state.core.abandon(reason));
    }

    /// Reads nothing more, until [`resume_reading`](Self::resume_reading): the server meets
    /// backpressure, and its pings stay unanswered.
    ///
    /// Fails on an engine that cannot do it.
    pub fn pause_reading(&self) -> Result {
        self.set_reading_paused(true)
    }

    /// Reads again.
    ///
    /// Fails on an engine that cannot do it.
    pub fn resume_reading(&self) -> Result {
        self.set_reading_paused(false)
    }

    fn set_reading_paused(&self, paused: bool) -> Result {
        self.shared().engine.refuse("pausing the reading")?;
        self.shared().command(|state| state.reading_paused = paused);
        Ok(())
    }

    /// Whether the server's pings are answered. A client told not to is given up by the server
    /// after its ping timeout. (With [`Protocol::V3`](crate::Protocol::V3), where the client pings,
    /// it stops pinging.)
    ///
    /// Fails on an engine that always answers them.
    pub fn answer_pings(&self, answer: bool) -> Result {
        self.shared().engine.refuse_if(!answer, "leaving pings unanswered")?;
        self.shared().command(|state| state.core.set_answer_pings(answer));
        Ok(())
    }

    /// Sends an Engine.IO packet as it is, whether or not it is the protocol: `4` and a Socket.IO
    /// packet, a bare digit, or rubbish. Fails on an engine that cannot do it.
    ///
    /// ```no_run
    /// # fn f(client: &socketio_mock_client::SocketIoClient) -> socketio_mock_client::Result {
    /// client.send_raw(r#"42["message","by hand"]"#)?;
    /// client.send_raw(vec![1, 2, 3])?;
    /// # Ok(()) }
    /// ```
    pub fn send_raw(&self, packet: impl Into<RawPacket>) -> Result {
        self.shared().engine.refuse("raw packets")?;
        let RawPacket(frame) = packet.into();
        self.shared().command(|state| state.core.send_frame(frame));
        Ok(())
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
