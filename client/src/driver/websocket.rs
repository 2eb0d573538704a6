use std::any::Any;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use socketio_proto::Limits;
use socketio_proto::engine::{Frame, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::has_budget_remaining;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::Data;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message, Utf8Bytes};

use super::frame::push;
use super::handshake::{Accepted, shake_hands};
use crate::connector::ByteStream;
use crate::endpoint::Endpoint;

/// The websocket transport: frames in, frames out, and a close that waits for the server's.
///
/// tungstenite speaks the protocol, between the stream and what is about to leave on it. One task
/// reads and writes, so its waker can go straight to the stream.
pub(crate) struct WebsocketLane {
    stream: Box<dyn ByteStream>,
    protocol: WebSocketContext,
    /// Encoded frames that the stream has not taken.
    outgoing: BytesMut,
    unflushed: bool,
    closing: bool,
    /// Why nothing more can be sent; told by [`poll_read`](Self::poll_read) when all that came
    /// before has been read.
    failed: Option<Box<Error>>,
    /// Whether [`poll_write`](Self::poll_write) has told of that.
    told: bool,
}

/// What came over a websocket.
pub(crate) enum Came {
    Text(Utf8Bytes),
    Binary(Bytes),
    /// The connection is gone; with a message if it failed.
    Lost(Option<String>),
}

impl WebsocketLane {
    /// Opens a websocket, for a new session or (with a session id) for an upgrade.
    pub(crate) async fn open(
        endpoint: Arc<Endpoint>,
        sid: Option<String>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let target = &endpoint.target;
        let mut stream = target.connector.connect(&target.host, target.port).await?;
        let path = endpoint.request_target(Transport::Websocket, sid.as_deref());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::try_from(target.authority())?);
        endpoint.add_headers(&mut headers);
        let Accepted { headers, rest } = shake_hands(&mut stream, &path, &headers).await?;
        endpoint.keep_cookies(&headers);
        let protocol =
            WebSocketContext::from_partially_read(rest, Role::Client, Some(config(limits)));
        Ok(Self {
            stream,
            protocol,
            outgoing: BytesMut::new(),
            unflushed: false,
            closing: false,
            failed: None,
            told: false,
        })
    }

    /// Sends a frame behind those sent before. It may leave at once; what does not leaves with
    /// [`poll_write`](Self::poll_write).
    pub(crate) fn send(&mut self, frame: &Frame) {
        if !self.protocol.can_write() {
            self.fail(Error::Protocol(ProtocolError::SendAfterClosing));
        }
        if self.failed.is_some() {
            return;
        }
        match frame {
            Frame::Text(text) => push(&mut self.outgoing, Data::Text, text.as_bytes()),
            Frame::Binary(data) => push(&mut self.outgoing, Data::Binary, data),
        }
        if self.outgoing.len() >= BATCH {
            self.write_early();
        }
    }

    /// Sends a close frame behind everything sent. The lane then ends when the server closes.
    pub(crate) fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            let Self { stream, protocol, outgoing, .. } = self;
            let mut io = Io { stream, cx: None, outgoing };
            if let Err(error) = protocol.close(&mut io, None) {
                self.fail(error);
            }
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether all that was sent has left.
    pub(crate) fn is_written(&self) -> bool {
        self.outgoing.is_empty() && !self.unflushed
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        let closing = self.closing;
        loop {
            let Self { stream, protocol, outgoing, .. } = self;
            let mut io = Io { stream, cx: Some(&mut *cx), outgoing };
            return Poll::Ready(match protocol.read(&mut io) {
                Ok(Message::Text(text)) => Came::Text(text),
                Ok(Message::Binary(data)) => Came::Binary(data),
                Ok(Message::Close(_)) if !closing => {
                    // The answer leaves if it can. Some servers keep the connection even then.
                    let _ = protocol.flush(&mut io);
                    let _ = self.poll_flush(cx);
                    Came::Lost(None)
                }
                // tungstenite answers pings and closes by itself, into `outgoing`.
                Ok(_) => continue,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    // Where tokio has the task make way for others, there may be more.
                    match &self.failed {
                        Some(error) if has_budget_remaining() => Came::Lost(lost(error)),
                        _ => return Poll::Pending,
                    }
                }
                Err(error) => Came::Lost(lost(self.failed.as_deref().unwrap_or(&error))),
            });
        }
    }

    /// Moves what was sent towards the stream. True, once, if nothing more can be sent.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.failed.is_none()
            && let Poll::Ready(Err(error)) = self.poll_flush(cx)
        {
            self.fail(Error::Io(error));
        }
        self.failed.is_some() && !std::mem::replace(&mut self.told, true)
    }

    /// Why nothing more can be sent, as [`Came::Lost`] tells it.
    pub(crate) fn why_failed(&self) -> Option<String> {
        self.failed.as_deref().and_then(lost)
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert_with(|| Box::new(error));
        self.outgoing = BytesMut::new();
        self.unflushed = false;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => self.outgoing.advance(written),
            }
            self.unflushed = true;
        }
        // A burst must not keep its memory for as long as the connection lives.
        if self.outgoing.try_reclaim(KEPT + 1) {
            self.outgoing = BytesMut::new();
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes from within a call of the user: a long burst does not pile up until the driver has its
    /// turn, and the server is at work while the one who waits for it gets ready to. TCP only: it can
    /// be tried anywhere, while other streams may need the task and the runtime they belong to.
    /// Errors come again in [`poll_write`](Self::poll_write).
    pub(crate) fn write_early(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        let stream: &dyn Any = &*self.stream;
        if let Some(stream) = stream.downcast_ref::<TcpStream>()
            && let Ok(written) = stream.try_write(&self.outgoing)
        {
            self.outgoing.advance(written);
        }
    }
}

/// What tungstenite reads from and writes to. Writing never blocks: it goes to `outgoing`.
struct Io<'a, 'b> {
    stream: &'a mut Box<dyn ByteStream>,
    /// Absent where nothing is read.
    cx: Option<&'a mut Context<'b>>,
    outgoing: &'a mut BytesMut,
}

impl Read for Io<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(cx) = self.cx.as_deref_mut() else { return Err(ErrorKind::WouldBlock.into()) };
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Io<'_, '_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `None` for an end of the connection, clean or not: both are a "transport close" to Socket.IO.
fn lost(error: &Error) -> Option<String> {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
        ) => None,
        // How rustls tells of an end without its own farewell, which many servers leave out.
        Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => None,
        error => Some(error.to_string()),
    }
}

/// Small buffers: an idle connection should cost a few kilobytes, and tests open thousands.
fn config(limits: Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(2 << 10)
        // What it writes goes to `outgoing` at once.
        .write_buffer_size(0)
        .max_message_size(Some(limits.max_packet))
        .max_frame_size(Some(limits.max_packet))
}

/// From how many bytes on a burst is written before its end.
const BATCH: usize = 16 << 10;

/// For how many bytes a lane keeps room when there are none.
const KEPT: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Cursor;

    use tokio::io::{AsyncReadExt, duplex};
    use tokio::net::TcpListener;
    use tungstenite::WebSocket;

    use super::*;

    fn lane(stream: impl ByteStream) -> WebsocketLane {
        WebsocketLane {
            stream: Box::new(stream),
            protocol: WebSocketContext::new(Role::Client, Some(config(Limits::default()))),
            outgoing: BytesMut::new(),
            unflushed: false,
            closing: false,
            failed: None,
            told: false,
        }
    }

    /// The server's end of what a lane has written.
    fn server(bytes: Vec<u8>) -> WebSocket<Cursor<Vec<u8>>> {
        WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, None)
    }

    #[test]
    fn a_server_reads_what_is_sent_whatever_its_length() {
        let lengths = [0, 1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 70_001];
        let (stream, _peer) = duplex(1);
        let mut lane = lane(stream);
        let text = |length: usize| "abcdefg".chars().cycle().take(length).collect::<String>();
        for length in lengths {
            lane.send(&Frame::Text(text(length)));
            lane.send(&Frame::Binary(text(length).into()));
        }
        lane.close();
        let mut server = server(lane.outgoing.to_vec());
        for length in lengths {
            assert_eq!(server.read().unwrap(), Message::text(text(length)), "{length}");
            assert_eq!(server.read().unwrap(), Message::binary(text(length)), "{length}");
        }
        assert_eq!(server.read().unwrap(), Message::Close(None));
        lane.send(&Frame::Text("late".into()));
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        assert!(lane.poll_write(cx) && !lane.poll_write(cx), "nothing follows a close");
        assert_eq!(lane.why_failed(), None, "it is an end, and no error");
    }

    #[test]
    fn an_end_without_a_farewell_is_an_end() {
        // What rustls makes of a peer that closes TCP and has not said so in TLS.
        let error = io::Error::new(ErrorKind::UnexpectedEof, "peer closed without close_notify");
        assert_eq!(lost(&Error::Io(error)), None);
        assert_eq!(lost(&Error::ConnectionClosed), None);
        assert!(lost(&Error::Io(ErrorKind::ConnectionReset.into())).is_some());
    }

    #[tokio::test]
    async fn a_burst_begins_to_leave_before_its_end_and_stays_in_order() {
        const COUNT: usize = 100_000;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        let mut lane = lane(stream);
        for number in 0..COUNT {
            lane.send(&Frame::Text(format!("event {number:0>100}")));
        }
        let kept = lane.outgoing.len();
        let all = COUNT * (6 + 106);
        assert!(0 < kept && kept < all, "{kept} of {all} bytes: some have left, and some cannot");

        let mut bytes = Vec::with_capacity(all);
        let writing = poll_fn(|cx| {
            assert!(!lane.poll_write(cx), "{:?}", lane.failed);
            if lane.outgoing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        let reading = async {
            while bytes.len() < all {
                peer.read_buf(&mut bytes).await.unwrap();
            }
        };
        tokio::join!(writing, reading);
        assert!(lane.outgoing.capacity() <= KEPT, "the memory of the burst is given back");
        let mut server = server(bytes);
        for number in 0..COUNT {
            assert_eq!(server.read().unwrap(), Message::text(format!("event {number:0>100}")));
        }
    }
}
