use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Sink, SinkExt, StreamExt};
use socketio_proto::Limits;
use socketio_proto::engine::{Frame, Transport};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::connector::ByteStream;
use crate::endpoint::Endpoint;

/// The websocket transport: frames in, frames out, and a close that waits for the server's.
pub(crate) struct WebsocketLane {
    stream: WebSocketStream<Box<dyn ByteStream>>,
    queue: VecDeque<Message>,
    unflushed: bool,
    closing: bool,
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
        let stream = target.connector.connect(&target.host, target.port).await?;
        let path = endpoint.request_target(Transport::Websocket, sid.as_deref());
        let mut request = format!("ws://{}{path}", target.authority()).into_client_request()?;
        endpoint.add_headers(request.headers_mut());
        let (stream, response) =
            client_async_with_config(request, stream, Some(config(limits))).await?;
        endpoint.keep_cookies(response.headers());
        Ok(Self { stream, queue: VecDeque::new(), unflushed: false, closing: false })
    }

    pub(crate) fn send(&mut self, frame: Frame) {
        self.queue.push_back(match frame {
            Frame::Text(text) => Message::Text(text.into()),
            Frame::Binary(data) => Message::Binary(data),
        });
    }

    /// Sends a close frame behind everything queued. The lane then ends when the server closes.
    pub(crate) fn close(&mut self) {
        if !self.closing {
            self.closing = true;
            self.queue.push_back(Message::Close(None));
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        loop {
            return Poll::Ready(match std::task::ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(Message::Text(text))) => Came::Text(text),
                Some(Ok(Message::Binary(data))) => Came::Binary(data),
                // tungstenite answers pings and closes by itself, when it is polled or flushed.
                Some(Ok(_)) => {
                    self.unflushed = true;
                    continue;
                }
                Some(Err(error)) => Came::Lost(lost(&error)),
                None => Came::Lost(None),
            });
        }
    }

    /// Moves what is queued towards the socket; an error means that the connection is gone.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Option<String>> {
        while !self.queue.is_empty() {
            match self.stream.poll_ready_unpin(cx) {
                Poll::Ready(ready) => ready.map_err(|error| lost(&error))?,
                Poll::Pending => return Ok(()),
            }
            if let Some(message) = self.queue.pop_front() {
                self.stream.start_send_unpin(message).map_err(|error| lost(&error))?;
                self.unflushed = true;
            }
        }
        // A burst must not keep its memory for as long as the connection lives.
        self.queue.shrink_to(KEPT_MESSAGES);
        if self.unflushed {
            match std::pin::Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(flushed) => {
                    self.unflushed = false;
                    flushed.map_err(|error| lost(&error))?;
                }
                Poll::Pending => {}
            }
        }
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
        error => Some(error.to_string()),
    }
}

/// Small buffers: an idle connection should cost a few kilobytes, and tests open thousands.
fn config(limits: Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10)
        .max_message_size(Some(limits.max_packet))
        .max_frame_size(Some(limits.max_packet))
}

/// For how many messages a lane keeps room when there are none.
const KEPT_MESSAGES: usize = 64;
