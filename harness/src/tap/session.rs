//! Engine.IO sessions, joined over their polling requests and their websocket, and the packets in
//! them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use socketio_proto::engine::{Packet as EnginePacket, Protocol};
use socketio_proto::socket::{Decoder, Packet};
use socketio_proto::{Error, Limits};

use super::log::{Flow, ServerPacket, ServerPacketKind};
use super::wire::{Piece, Raw};

/// Turns pieces into packets; to be given all pieces in their order.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: HashMap<Arc<str>, Session>,
}

/// What must be remembered of a session to understand its next packet.
#[derive(Debug, Default)]
struct Session {
    /// Binary packets that wait for their attachments.
    received: Decoder,
    emitted: Decoder,
    /// By namespace, the id of its socket.
    sockets: HashMap<String, Arc<str>>,
    /// By their ack ids, the events that have not been answered, by who emitted them.
    unanswered: HashMap<(Flow, String, u64), String>,
}

impl Sessions {
    /// The packets in a piece. What does not decode is one too, with the reason.
    pub(super) fn decode(&mut self, at: Duration, piece: &Piece) -> Vec<ServerPacket> {
        let session = self.sessions.entry(Arc::clone(&piece.session)).or_default();
        let mut packets = Vec::new();
        let mut tell = |decoded: Result<Option<Told>, Error>| {
            let told = match decoded {
                Ok(None) => return,
                Ok(Some(told)) => told,
                Err(error) => {
                    Told::engine(ServerPacketKind::Undecodable { reason: error.to_string() })
                }
            };
            packets.push(ServerPacket {
                at,
                flow: piece.flow,
                transport: piece.transport,
                session: Arc::clone(&piece.session),
                namespace: told.namespace,
                socket_id: told.socket_id,
                kind: told.kind,
            });
        };
        match &piece.body {
            Raw::Payload(body) => {
                let mut frames = Vec::new();
                let limits = Limits::default();
                let whole = piece.protocol.decode_payload_into(&mut frames, body, &limits);
                for frame in &frames {
                    let packet = EnginePacket::decode(frame);
                    tell(packet.and_then(|packet| session.packet(piece, packet)));
                }
                tell(whole.map(|()| None));
            }
            Raw::Text(text) => {
                let text = String::from_utf8_lossy(text);
                let packet = piece.protocol.decode_websocket_text(&text);
                tell(packet.and_then(|packet| session.packet(piece, packet)));
            }
            Raw::Binary(data) => {
                let packet = piece.protocol.decode_websocket_binary(data.clone());
                tell(packet.and_then(|packet| session.packet(piece, packet)));
            }
            Raw::Close(code) => {
                let data = code.map(|code| code.to_string()).unwrap_or_default();
                let kind = ServerPacketKind::Engine { name: "websocket close", data };
                tell(Ok(Some(Told::engine(kind))));
            }
        }
        packets
    }
}

/// A packet, and whose it is.
struct Told {
    namespace: Option<String>,
    socket_id: Option<Arc<str>>,
    kind: ServerPacketKind,
}

impl Told {
    fn engine(kind: ServerPacketKind) -> Self {
        Self { namespace: None, socket_id: None, kind }
    }
}

impl Session {
    /// `None` for a packet whose attachments follow.
    fn packet(&mut self, piece: &Piece, packet: EnginePacket<'_>) -> Result<Option<Told>, Error> {
        let name = packet.name();
        let decoded = match packet {
            EnginePacket::Message(text) => self.decoder(piece.flow).decode_text(&text)?,
            EnginePacket::Binary(data) => self.binary(piece.flow, data)?,
            EnginePacket::Open(data) | EnginePacket::Ping(data) | EnginePacket::Pong(data) => {
                let data = data.into_owned();
                return Ok(Some(Told::engine(ServerPacketKind::Engine { name, data })));
            }
            EnginePacket::Close | EnginePacket::Upgrade | EnginePacket::Noop => {
                let data = String::new();
                return Ok(Some(Told::engine(ServerPacketKind::Engine { name, data })));
            }
        };
        Ok(decoded.map(|packet| self.understand(piece, packet)))
    }

    fn decoder(&mut self, flow: Flow) -> &mut Decoder {
        match flow {
            Flow::Received => &mut self.received,
            Flow::Emitted => &mut self.emitted,
        }
    }

    fn binary(&mut self, flow: Flow, data: Bytes) -> Result<Option<Packet>, Error> {
        let decoder = self.decoder(flow);
        // Binary that no packet announced is a packet of the other parser.
        #[cfg(feature = "msgpack")]
        if decoder.missing_attachments() == 0 {
            let limits = Limits::default();
            return socketio_proto::socket::msgpack::decode(&data, &limits).map(Some);
        }
        decoder.decode_binary(data)
    }

    fn understand(&mut self, piece: &Piece, packet: Packet) -> Told {
        let flow = piece.flow;
        let (namespace, kind) = match packet {
            Packet::Connect { namespace, payload, .. } => {
                let id = socket_id(piece, &namespace, payload.as_ref());
                if let (Flow::Emitted, Some(id)) = (flow, id) {
                    self.sockets.insert(namespace.clone(), id);
                }
                (namespace, ServerPacketKind::Connect { payload: payload.unwrap_or_default() })
            }
            Packet::ConnectError { namespace, payload } => {
                (namespace, ServerPacketKind::ConnectError { payload })
            }
            Packet::Disconnect { namespace } => (namespace, ServerPacketKind::Disconnect),
            Packet::Event { namespace, id, name, args } => {
                if let Some(id) = id {
                    self.remember(flow, &namespace, id, &name);
                }
                (namespace, ServerPacketKind::Event { name, args, ack_id: id })
            }
            Packet::Ack { namespace, id, args } => {
                let event = self.unanswered.remove(&(flow.other(), namespace.clone(), id));
                (namespace, ServerPacketKind::Ack { id, event, args })
            }
        };
        let socket_id = self.sockets.get(&namespace).cloned();
        Told { namespace: Some(namespace), socket_id, kind }
    }

    fn remember(&mut self, flow: Flow, namespace: &str, id: u64, name: &str) {
        // A peer that never answers must not fill the memory.
        if self.unanswered.len() < MAX_UNANSWERED {
            self.unanswered.insert((flow, namespace.to_owned(), id), name.to_owned());
        }
    }
}

/// The id of a socket that the server lets in. Before Socket.IO 3 it follows from the session's.
fn socket_id(piece: &Piece, namespace: &str, payload: Option<&Value>) -> Option<Arc<str>> {
    match payload.and_then(|payload| payload.get("sid")?.as_str()) {
        Some(sid) => Some(sid.into()),
        None if piece.protocol != Protocol::V3 => None,
        None if namespace == "/" => Some(Arc::clone(&piece.session)),
        None => Some(format!("{namespace}#{}", piece.session).into()),
    }
}

const MAX_UNANSWERED: usize = 10_000;
