//! One connection of the app, both ways: HTTP, and what it becomes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use socketio_proto::Limits;
use socketio_proto::engine::{Frame, Handshake, Packet, Protocol, Transport};

use super::http::{self, NotHttp};
use super::log::Flow;
use super::websocket::{self, Message, Unreadable};

/// Follows a connection by its bytes.
#[derive(Debug)]
pub(super) struct Wire {
    /// What sessions without an id are called.
    name: Arc<str>,
    read: Half,
    written: Half,
    /// Requests that have not been answered, oldest first.
    asked: VecDeque<Asked>,
    /// Whose body is being read.
    posting: Option<Link>,
    /// Whose websocket the connection has become.
    websocket: Option<Link>,
}

/// One direction.
#[derive(Debug)]
enum Half {
    Http(http::Reader),
    /// Asked to become a websocket; what comes before the answer waits.
    Leaving(http::Reader),
    Websocket(websocket::Reader),
    /// The rest does not concern Socket.IO, or cannot be read.
    Ignored,
}

#[derive(Debug)]
struct Asked {
    method: String,
    link: Option<Link>,
    upgrade: bool,
    /// Its answer has begun.
    answered: bool,
}

/// The Engine.IO session that a request belongs to.
#[derive(Debug, Clone)]
struct Link {
    session: Option<Arc<str>>,
    transport: Transport,
    protocol: Protocol,
}

/// Engine.IO packets, as they travelled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) session: Arc<str>,
    pub(super) flow: Flow,
    pub(super) transport: Transport,
    pub(super) protocol: Protocol,
    pub(super) body: Raw,
}

/// How they are packed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// The body of a polling request or answer.
    Payload(Bytes),
    /// A websocket's text message.
    Text(Bytes),
    /// A websocket's binary message.
    Binary(Bytes),
    /// A websocket's close frame.
    Close(Option<u16>),
}

impl Piece {
    /// Whether it may tell the id of a session or socket: an open packet, or a CONNECT.
    pub(super) fn introduces(&self) -> bool {
        match &self.body {
            Raw::Payload(_) => true,
            Raw::Text(text) => text.starts_with(b"0") || text.starts_with(b"40"),
            Raw::Binary(_) | Raw::Close(_) => false,
        }
    }
}

/// What a connection gives.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) pieces: Vec<Piece>,
    /// What could not be read, a sentence each.
    pub(super) problems: Vec<String>,
}

impl Wire {
    pub(super) fn new(connection: u64) -> Self {
        Self {
            name: format!("connection {connection}").into(),
            read: Half::Http(http::Reader::default()),
            written: Half::Http(http::Reader::default()),
            asked: VecDeque::new(),
            posting: None,
            websocket: None,
        }
    }

    /// Takes bytes that the server has read or written.
    pub(super) fn push(&mut self, flow: Flow, bytes: &[u8], found: &mut Found) {
        match self.half(flow) {
            Half::Http(reader) | Half::Leaving(reader) => reader.push(bytes),
            Half::Websocket(reader) => reader.push(bytes),
            Half::Ignored => {}
        }
        self.advance(flow, found);
    }

    /// The connection is gone.
    pub(super) fn close(&mut self, found: &mut Found) {
        if let Half::Http(reader) = &mut self.written
            && let Some(body) = reader.end()
        {
            self.answer_ended(body, found);
        }
    }

    fn half(&mut self, flow: Flow) -> &mut Half {
        match flow {
            Flow::Received => &mut self.read,
            Flow::Emitted => &mut self.written,
        }
    }

    fn advance(&mut self, flow: Flow, found: &mut Found) {
        let result = match (flow, self.half(flow)) {
            (_, Half::Websocket(_)) => return self.messages(flow, found),
            (Flow::Received, Half::Http(_)) => self.requests(found),
            (Flow::Emitted, Half::Http(_)) => self.answers(found),
            (_, Half::Leaving(_) | Half::Ignored) => return,
        };
        if result.is_err() {
            found.problems.push(format!("{} does not speak HTTP/1.1", self.name));
            *self.half(flow) = Half::Ignored;
        }
    }

    fn requests(&mut self, found: &mut Found) -> Result<(), NotHttp> {
        while let Half::Http(reader) = &mut self.read {
            if reader.in_body() {
                let Some(body) = reader.body()? else { break };
                if let Some(link) = self.posting.take() {
                    found.pieces.push(link.piece(&self.name, Flow::Received, Raw::Payload(body)));
                }
                continue;
            }
            let Some(request) = reader.request()? else { break };
            let link = Link::of(&request.target);
            let upgrade = request.upgrade;
            self.posting = link.clone().filter(|_| request.method == "POST");
            reader.expect_body(request.length, self.posting.is_some());
            let answered = false;
            self.asked.push_back(Asked { method: request.method, link, upgrade, answered });
            if upgrade {
                let reader = std::mem::take(reader);
                self.read = Half::Leaving(reader);
            }
        }
        Ok(())
    }

    fn answers(&mut self, found: &mut Found) -> Result<(), NotHttp> {
        while let Half::Http(reader) = &mut self.written {
            if reader.in_body() {
                let Some(body) = reader.body()? else { break };
                self.answer_ended(body, found);
                continue;
            }
            let Some(response) = reader.response()? else { break };
            let Some(asked) = self.asked.front_mut().filter(|asked| !asked.answered) else {
                return Err(NotHttp);
            };
            match response.status {
                101 => return self.switch(found),
                100..=199 => continue,
                _ => asked.answered = true,
            }
            let polled = asked.method == "GET" && response.status == 200;
            if polled && response.encoded && asked.link.is_some() {
                found.problems.push(format!("{}: compressed polling bodies", self.name));
            }
            let wanted = polled && !response.encoded && asked.link.is_some() && !asked.upgrade;
            if !wanted {
                asked.link = None;
            }
            reader.expect_body(response.length(&asked.method), wanted);
            if asked.upgrade {
                // Refused: HTTP goes on.
                if let Half::Leaving(reader) = &mut self.read {
                    self.read = Half::Http(std::mem::take(reader));
                    self.requests(found)?;
                }
            }
        }
        Ok(())
    }

    fn answer_ended(&mut self, body: Bytes, found: &mut Found) {
        let Some(mut link) = self.asked.pop_front().and_then(|asked| asked.link) else { return };
        if link.session.is_none() {
            let first = link.protocol.decode_payload(&body, &Limits::default());
            let first = first.ok().and_then(|frames| frames.into_iter().next());
            link.session = first.as_ref().and_then(opened);
        }
        if !body.is_empty() {
            found.pieces.push(link.piece(&self.name, Flow::Emitted, Raw::Payload(body)));
        }
    }

    fn switch(&mut self, found: &mut Found) -> Result<(), NotHttp> {
        let (Half::Leaving(read), Half::Http(written)) = (&mut self.read, &mut self.written) else {
            return Err(NotHttp);
        };
        let (read, written) = (read.leave(), written.leave());
        self.websocket = self.asked.pop_front().and_then(|asked| asked.link);
        if self.websocket.is_none() {
            (self.read, self.written) = (Half::Ignored, Half::Ignored);
            return Ok(());
        }
        self.read = Half::Websocket(websocket::Reader::new(read));
        self.written = Half::Websocket(websocket::Reader::new(written));
        // The server speaks first.
        self.messages(Flow::Emitted, found);
        self.messages(Flow::Received, found);
        Ok(())
    }

    fn messages(&mut self, flow: Flow, found: &mut Found) {
        let half = match flow {
            Flow::Received => &mut self.read,
            Flow::Emitted => &mut self.written,
        };
        let (Half::Websocket(reader), Some(link)) = (&mut *half, &mut self.websocket) else {
            return;
        };
        loop {
            let body = match reader.next() {
                Ok(None) => return,
                Ok(Some(Message::Text(text))) => {
                    if link.session.is_none() && flow == Flow::Emitted {
                        let text = String::from_utf8_lossy(&text).into_owned();
                        link.session = opened(&Frame::Text(text));
                    }
                    Raw::Text(text)
                }
                Ok(Some(Message::Binary(data))) => Raw::Binary(data),
                Ok(Some(Message::Close(code))) => Raw::Close(code),
                Err(reason) => {
                    found.problems.push(unreadable(&self.name, flow, reason));
                    *half = Half::Ignored;
                    return;
                }
            };
            found.pieces.push(link.piece(&self.name, flow, body));
        }
    }
}

impl Link {
    /// Reads the query of an Engine.IO request; other requests are none of ours.
    fn of(target: &str) -> Option<Self> {
        let (_, query) = target.split_once('?')?;
        let value = |name| query.split('&').find_map(|pair| pair.strip_prefix(name));
        let transport = match value("transport=")? {
            "polling" => Transport::Polling,
            "websocket" => Transport::Websocket,
            _ => return None,
        };
        let protocol = if value("EIO=")? == "3" { Protocol::V3 } else { Protocol::V4 };
        let session = value("sid=").filter(|sid| sid.len() <= MAX_SID).map(Arc::from);
        Some(Self { session, transport, protocol })
    }

    fn piece(&self, name: &Arc<str>, flow: Flow, body: Raw) -> Piece {
        let session = Arc::clone(self.session.as_ref().unwrap_or(name));
        Piece { session, flow, transport: self.transport, protocol: self.protocol, body }
    }
}

/// The session id, if this is the packet that opens a session.
fn opened(frame: &Frame) -> Option<Arc<str>> {
    let Ok(Packet::Open(data)) = Packet::decode(frame) else { return None };
    let handshake = Handshake::parse(&data).ok()?;
    (handshake.sid.len() <= MAX_SID).then(|| handshake.sid.into())
}

fn unreadable(name: &str, flow: Flow, reason: Unreadable) -> String {
    let side = match flow {
        Flow::Received => "client",
        Flow::Emitted => "server",
    };
    format!("what the {side} sends on the websocket of {name} cannot be read: {reason}")
}

const MAX_SID: usize = 256;
