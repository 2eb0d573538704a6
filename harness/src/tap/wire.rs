//! One connection of the app, both ways: HTTP, and what it becomes.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use socketio_proto::Limits;
use socketio_proto::engine::{Frame, Handshake, Packet, Protocol, Transport};

use super::log::Flow;
use crate::wire::{Head, Joiner, Message, Method, Reader, Start, Step, Unreadable};

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
#[derive(Debug, Default)]
struct Half {
    reader: Reader,
    /// What there is of a body that somebody wants to see.
    body: Option<BytesMut>,
    joiner: Joiner,
    /// The client has asked to leave HTTP: what comes before the answer.
    waiting: Option<Vec<u8>>,
    /// The rest does not concern Socket.IO, or cannot be read.
    ignored: bool,
}

#[derive(Debug)]
struct Asked {
    method: Method,
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
    /// The first of them that hides packets of Engine.IO.
    pub(super) hidden: Option<String>,
}

impl Found {
    fn hide(&mut self, problem: String) {
        self.hidden.get_or_insert_with(|| problem.clone());
        self.problems.push(problem);
    }
}

impl Wire {
    pub(super) fn new(connection: u64) -> Self {
        Self {
            name: format!("connection {connection}").into(),
            read: Half::default(),
            written: Half::default(),
            asked: VecDeque::new(),
            posting: None,
            websocket: None,
        }
    }

    /// Takes bytes that the server has read or written.
    pub(super) fn push(&mut self, flow: Flow, mut bytes: &[u8], found: &mut Found) {
        let mut half = mem::take(self.half(flow));
        half.wait(&mut bytes);
        while !half.ignored
            && let Some(step) = half.reader.next(&mut bytes)
        {
            let taken = match step {
                Step::Head { head, .. } => self.head(flow, &mut half, &head, found),
                Step::Body { content, .. } => keep(&mut half.body, content),
                Step::Frame { header, .. } => half.joiner.begin(header).map_err(Problem::Websocket),
                Step::Payload(bytes) => {
                    half.joiner.payload(bytes);
                    Ok(())
                }
                Step::End => {
                    self.end(flow, &mut half, found);
                    Ok(())
                }
                Step::Other(_) => Err(Problem::NotHttp),
            };
            if let Err(problem) = taken {
                let told = problem.told(&self.name, flow);
                match problem {
                    Problem::NotHttp => found.problems.push(told),
                    Problem::Websocket(_) => found.hide(told),
                }
                half.ignored = true;
            }
            half.wait(&mut bytes);
        }
        *self.half(flow) = half;
        // The server speaks first on a websocket.
        if flow == Flow::Emitted && self.websocket.is_some() {
            self.go_on(found);
        }
    }

    /// The connection is gone.
    pub(super) fn close(&mut self, found: &mut Found) {
        if self.written.reader.ends_with_connection()
            && let Some(body) = self.written.body.take()
        {
            self.answered(body.freeze(), found);
        }
    }

    fn half(&mut self, flow: Flow) -> &mut Half {
        match flow {
            Flow::Received => &mut self.read,
            Flow::Emitted => &mut self.written,
        }
    }

    /// Reads what the client has sent since it asked to leave HTTP.
    fn go_on(&mut self, found: &mut Found) {
        if let Some(waiting) = self.read.waiting.take() {
            self.push(Flow::Received, &waiting, found);
        }
    }

    fn head(
        &mut self,
        flow: Flow,
        half: &mut Half,
        head: &Head,
        found: &mut Found,
    ) -> Result<(), Problem> {
        match (flow, &head.start) {
            (Flow::Received, Start::Request { method, target, upgrade }) => {
                let (method, upgrade, link) = (*method, *upgrade, Link::of(target));
                self.posting = link.clone().filter(|_| method == Method::Post);
                half.body = self.posting.is_some().then(BytesMut::new);
                half.waiting = upgrade.then(Vec::new);
                self.asked.push_back(Asked { method, link, upgrade, answered: false });
                Ok(())
            }
            (Flow::Emitted, Start::Answer { status }) => self.answer(half, head, *status, found),
            _ => Err(Problem::NotHttp),
        }
    }

    fn answer(
        &mut self,
        half: &mut Half,
        head: &Head,
        status: u16,
        found: &mut Found,
    ) -> Result<(), Problem> {
        if head.accepts_upgrade() {
            return self.switch(half);
        }
        let asked = self.asked.front_mut().filter(|asked| !asked.answered);
        let asked = asked.ok_or(Problem::NotHttp)?;
        if head.is_interim() {
            return Ok(());
        }
        asked.answered = true;
        let polled = asked.method == Method::Get && status == 200;
        if polled && head.encoded && asked.link.is_some() {
            found.hide(format!("{}: compressed polling bodies", self.name));
        }
        let wanted = polled && !head.encoded && asked.link.is_some() && !asked.upgrade;
        if !wanted {
            asked.link = None;
        }
        half.body = wanted.then(BytesMut::new);
        if asked.method == Method::Head {
            half.reader.skip_body();
        }
        if asked.upgrade {
            // Refused: HTTP goes on.
            self.go_on(found);
        }
        Ok(())
    }

    fn switch(&mut self, half: &mut Half) -> Result<(), Problem> {
        let asked = self.asked.front().is_some_and(|asked| !asked.answered && asked.upgrade);
        if !asked || self.read.waiting.is_none() {
            return Err(Problem::NotHttp);
        }
        self.websocket = self.asked.pop_front().and_then(|asked| asked.link);
        if self.websocket.is_none() {
            (half.ignored, self.read.ignored) = (true, true);
        }
        half.reader.become_websocket();
        self.read.reader.become_websocket();
        Ok(())
    }

    /// A message or a frame is complete.
    fn end(&mut self, flow: Flow, half: &mut Half, found: &mut Found) {
        if half.reader.is_websocket() {
            if let Some(message) = half.joiner.end() {
                self.message(flow, message, found);
            }
            return;
        }
        let body = half.body.take().unwrap_or_default().freeze();
        match flow {
            Flow::Received => {
                if let Some(link) = self.posting.take() {
                    found.pieces.push(link.piece(&self.name, flow, Raw::Payload(body)));
                }
            }
            // Another answer follows one that is interim.
            Flow::Emitted if self.asked.front().is_some_and(|asked| asked.answered) => {
                self.answered(body, found);
            }
            Flow::Emitted => {}
        }
    }

    fn answered(&mut self, body: Bytes, found: &mut Found) {
        let Some(mut link) = self.asked.pop_front().and_then(|asked| asked.link) else { return };
        if link.session.is_none() {
            let mut frames = Vec::new();
            // What follows the first packet does not matter here, even if it cannot be read.
            let _ = link.protocol.decode_payload_into(&mut frames, &body, &Limits::default());
            link.session = frames.first().and_then(opened);
        }
        if !body.is_empty() {
            found.pieces.push(link.piece(&self.name, Flow::Emitted, Raw::Payload(body)));
        }
    }

    fn message(&mut self, flow: Flow, message: Message, found: &mut Found) {
        let Some(link) = &mut self.websocket else { return };
        let body = match message {
            Message::Text(text) => {
                if link.session.is_none() && flow == Flow::Emitted {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    link.session = opened(&Frame::Text(text));
                }
                Raw::Text(text)
            }
            Message::Binary(data) => Raw::Binary(data),
            Message::Close(code) => Raw::Close(code),
        };
        found.pieces.push(link.piece(&self.name, flow, body));
    }
}

impl Half {
    /// Keeps what comes for later, while it waits for the answer to an upgrade.
    fn wait(&mut self, bytes: &mut &[u8]) {
        if let Some(waiting) = &mut self.waiting {
            waiting.extend_from_slice(mem::take(bytes));
        }
    }
}

/// Adds to a body, if it is kept.
fn keep(body: &mut Option<BytesMut>, content: &[u8]) -> Result<(), Problem> {
    let Some(body) = body else { return Ok(()) };
    if body.len() + content.len() > MAX_BODY {
        return Err(Problem::NotHttp);
    }
    body.extend_from_slice(content);
    Ok(())
}

/// Why the rest of a direction is not read.
enum Problem {
    /// It is no HTTP/1.1, or passes a bound.
    NotHttp,
    Websocket(Unreadable),
}

impl Problem {
    fn told(&self, name: &str, flow: Flow) -> String {
        let side = match flow {
            Flow::Received => "client",
            Flow::Emitted => "server",
        };
        match self {
            Self::NotHttp => format!("{name} does not speak HTTP/1.1"),
            Self::Websocket(reason) => {
                format!("what the {side} sends on the websocket of {name} cannot be read: {reason}")
            }
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

const MAX_SID: usize = 256;
/// As much as the protocol core accepts.
const MAX_BODY: usize = 128 << 20;
