use std::time::Instant;

use bytes::Bytes;

use super::Event;
use crate::engine::{Frame, Transport};

/// What the caller tells the connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// The websocket is open: the session's transport, or the one asked for by
    /// [`Output::OpenWebsocket`]. A server says so when a websocket comes for this session.
    ///
    /// A websocket that is not wanted is answered by [`Output::CloseTransport`], which then means
    /// this newest one; nothing more is to be reported of it.
    WebsocketOpened,
    /// A text frame came over websocket.
    Text(&'a str),
    /// A binary frame came over websocket.
    Binary(Bytes),
    /// A body came by polling: the answer to a GET (client), or a POST (server).
    ///
    /// A server whose [`transport`](super::Connection::transport) is websocket ignores it and
    /// [`PollRequested`](Self::PollRequested): such a request deserves `400` and harms nobody.
    Payload(&'a [u8]),
    /// Server: a GET waits for packets. Answer it with the frames sent on polling, once there are
    /// any.
    PollRequested,
    /// Client: after [`Output::PausePolling`], no request is in flight any more.
    PollingPaused,
    /// A transport ended (`None`), or failed with a message.
    Lost(Transport, Option<String>),
    /// The time of [`Output::WaitUntil`] has come.
    Tick,
}

/// What the connection tells the caller to do, in order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Send a frame: by websocket as it is, the packet type before binary of protocol v3 included;
    /// by polling, joined with others into a body by
    /// [`Protocol::encode_payload_front`](crate::engine::Protocol::encode_payload_front).
    Send(Transport, Frame),
    /// Client: open a websocket for this session and report [`Input::WebsocketOpened`], or
    /// [`Input::Lost`].
    OpenWebsocket,
    /// Client: post what was sent on polling so far, finish the requests in flight, start no more,
    /// report [`Input::PollingPaused`].
    PausePolling,
    /// Client: the upgrade failed, or the connection closes before its end: poll and post again.
    ResumePolling,
    /// Close a transport when everything sent on it has left. A websocket is closed with a close
    /// frame. A server may have frames left for the next poll: the last is the close packet.
    CloseTransport(Transport),
    /// Tell the application.
    Event(Event),
    /// All is said. Come back with input, or with [`Input::Tick`] at this time.
    WaitUntil(Option<Instant>),
}
