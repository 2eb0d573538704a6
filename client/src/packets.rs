//! The frames of a transcript read as packets: what people are shown, and what snapshots hold.

mod cut;

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use socketio_proto::engine::{Frame, Packet as EnginePacket, Protocol, Transport};
#[cfg(feature = "msgpack")]
use socketio_proto::socket::msgpack;
use socketio_proto::socket::{Decoder, Packet, Parser};
use socketio_proto::{Args, Limits};

use crate::expect::readable;
use crate::transcript::{Direction, Entry, Transcript};

/// A packet of a [`Transcript`], decoded. `Display` prints it on one line.
#[derive(Debug, Clone, PartialEq)]
pub struct PacketEntry {
    /// Time since the connection was begun; that of the first frame, if it took several.
    pub at: Duration,
    /// Who sent it.
    pub direction: Direction,
    /// What carried it.
    pub transport: Transport,
    /// What it was.
    pub content: Content,
}

/// What a [`PacketEntry`] holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Content {
    /// A Socket.IO packet, its attachments in place.
    Packet(Packet),
    /// An Engine.IO packet that carries no Socket.IO packet: `open`, `ping`, `pong`, `close`,
    /// `upgrade`, `noop`.
    Engine {
        /// Its name in the specification.
        name: &'static str,
        /// Its data; empty for most.
        data: String,
    },
    /// A packet too long for the transcript: how it begins.
    Cut {
        /// Its first characters, Engine.IO's type included.
        text: String,
        /// Bytes of the whole.
        bytes: usize,
    },
    /// Binary that the transcript did not keep, or something that is no packet.
    Unread {
        /// The frame's text.
        text: String,
        /// Bytes of the whole.
        bytes: usize,
    },
}

impl Transcript {
    /// The packets in the frames still known, oldest first. A packet with attachments is one
    /// entry, the last one if some of them are missing.
    pub fn packets(&self) -> Vec<PacketEntry> {
        let (protocol, parser) = self.dialect();
        let mut reader = Reader { protocol, parser, sent: None, received: None };
        let mut packets: Vec<_> = self.entries().flat_map(|entry| reader.read(entry)).collect();
        packets.extend([reader.sent, reader.received].into_iter().flatten().map(|it| it.head));
        packets
    }
}

/// Puts packets together again, for each direction.
struct Reader {
    protocol: Protocol,
    parser: Parser,
    sent: Option<Partial>,
    received: Option<Partial>,
}

/// A packet whose attachments follow.
struct Partial {
    head: PacketEntry,
    decoder: Decoder,
}

impl Reader {
    fn read(&mut self, entry: &Entry) -> Vec<PacketEntry> {
        let of = |content| PacketEntry {
            at: entry.at,
            direction: entry.direction,
            transport: entry.transport,
            content,
        };
        let waiting = match entry.direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        if entry.is_binary() {
            let unread = Content::Unread { text: entry.text.clone(), bytes: entry.bytes };
            let packet = binary(self.parser, waiting, entry.data.clone(), of(unread));
            return packet.into_iter().collect();
        }
        let polled =
            entry.transport == Transport::Polling && entry.direction == Direction::Received;
        let frames = if polled && !entry.cut {
            self.protocol.decode_payload(entry.text.as_bytes(), &Limits::default())
        } else {
            Ok(vec![Frame::Text(entry.text.clone())])
        };
        let Ok(frames) = frames else {
            return vec![of(Content::Unread { text: entry.text.clone(), bytes: entry.bytes })];
        };
        let mut packets = Vec::new();
        for frame in frames {
            let text = match frame {
                Frame::Text(text) => text,
                Frame::Binary(data) => {
                    let bytes = data.len();
                    let unread = of(Content::Unread { text: "<binary>".into(), bytes });
                    packets.extend(binary(self.parser, waiting, data, unread));
                    continue;
                }
            };
            let content = match EnginePacket::decode_text(&text) {
                _ if entry.cut => Content::Cut { text, bytes: entry.bytes },
                Ok(EnginePacket::Message(message)) => {
                    let mut decoder = Decoder::new(Limits::default());
                    match decoder.decode_text(&message) {
                        Ok(Some(packet)) => Content::Packet(packet),
                        Ok(None) => {
                            let head = of(Content::Cut { bytes: text.len(), text });
                            *waiting = Some(Partial { head, decoder });
                            continue;
                        }
                        Err(_) => Content::Unread { bytes: text.len(), text },
                    }
                }
                Ok(packet) => engine(&packet),
                Err(_) => Content::Unread { bytes: text.len(), text },
            };
            packets.push(of(content));
        }
        packets
    }
}

/// Reads a binary frame: a packet, or an attachment of one.
#[cfg_attr(not(feature = "msgpack"), expect(unused_variables, reason = "there is one parser"))]
fn binary(
    parser: Parser,
    waiting: &mut Option<Partial>,
    data: bytes::Bytes,
    unread: PacketEntry,
) -> Option<PacketEntry> {
    #[cfg(feature = "msgpack")]
    if parser == Parser::MessagePack {
        return Some(match msgpack::decode(&data, &Limits::default()) {
            Ok(packet) => PacketEntry { content: Content::Packet(packet), ..unread },
            Err(_) => unread,
        });
    }
    attach(waiting, data, unread)
}

/// Gives an attachment to the packet that waits for it. Returns what is complete by that.
fn attach(
    waiting: &mut Option<Partial>,
    data: bytes::Bytes,
    unexpected: PacketEntry,
) -> Option<PacketEntry> {
    let Some(partial) = waiting else { return Some(unexpected) };
    match partial.decoder.decode_binary(data) {
        Ok(None) => None,
        Ok(Some(packet)) => {
            let partial = waiting.take()?;
            Some(PacketEntry { content: Content::Packet(packet), ..partial.head })
        }
        Err(_) => waiting.take().map(|partial| partial.head),
    }
}

fn engine(packet: &EnginePacket<'_>) -> Content {
    let data = match packet {
        EnginePacket::Open(data) | EnginePacket::Ping(data) | EnginePacket::Pong(data) => {
            data.to_string()
        }
        _ => String::new(),
    };
    Content::Engine { name: packet.name(), data }
}

impl PacketEntry {
    /// The namespace it belongs to; `None` for what belongs to the connection.
    pub fn namespace(&self) -> Option<&str> {
        match &self.content {
            Content::Packet(packet) => Some(packet.namespace()),
            _ => None,
        }
    }

    /// Name and arguments, if it is an event.
    pub(crate) fn event(&self) -> Option<(&str, &Args)> {
        match &self.content {
            Content::Packet(Packet::Event { name, args, .. }) => Some((name, args)),
            _ => None,
        }
    }

    /// The name, if it is an event, be it one of which the transcript has kept the beginning only.
    pub(crate) fn event_name(&self) -> Option<String> {
        match &self.content {
            Content::Cut { text, .. } => cut::Head::read(text)?.event,
            _ => self.event().map(|(name, _)| name.to_owned()),
        }
    }

    /// Whether it only keeps the connection alive.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.content, Content::Engine { name: "ping" | "pong" | "noop", .. })
    }

    /// Whether it belongs to a fence of the toolkit, and not to the test.
    pub(crate) fn is_fence(&self) -> bool {
        self.namespace().is_some_and(|namespace| namespace.starts_with(crate::fence::PREFIX))
    }
}

impl fmt::Display for PacketEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.direction {
            Direction::Sent => "→",
            Direction::Received => "←",
        };
        write!(f, "{:>9.1} ms {arrow} {}", self.at.as_secs_f64() * 1000.0, self.content)
    }
}

impl fmt::Display for Content {
    /// `EVENT /chat "message" "hello", 7 (ack 3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => write_packet(f, packet),
            Self::Engine { name, data } if data.is_empty() => f.write_str(name),
            Self::Engine { name, data } => write!(f, "{name} {data}"),
            Self::Cut { text, bytes } => {
                match cut::Head::read(text) {
                    Some(head) => write!(f, "{head}")?,
                    None => f.write_str(text)?,
                }
                write!(f, "… ({bytes} bytes)")
            }
            Self::Unread { text, bytes } => write!(f, "{text} ({bytes} bytes)"),
        }
    }
}

fn write_packet(f: &mut fmt::Formatter<'_>, packet: &Packet) -> fmt::Result {
    // Whether there is binary in it shows in the arguments.
    f.write_str(packet.name().trim_start_matches("BINARY_"))?;
    if packet.namespace() != "/" {
        write!(f, " {}", packet.namespace())?;
    }
    match packet {
        Packet::Connect { query, payload, .. } => {
            if let Some(query) = query {
                write!(f, " ?{query}")?;
            }
            payload.as_ref().map_or(Ok(()), |payload| write!(f, " {payload}"))
        }
        Packet::Disconnect { .. } => Ok(()),
        Packet::Event { id, name, args, .. } => {
            write!(f, " {}", Value::from(name.as_str()))?;
            write_args(f, args)?;
            id.map_or(Ok(()), |id| write!(f, " (ack {id})"))
        }
        Packet::Ack { id, args, .. } => {
            write!(f, " {id}")?;
            write_args(f, args)
        }
        Packet::ConnectError { payload, .. } => write!(f, " {payload}"),
    }
}

fn write_args(f: &mut fmt::Formatter<'_>, args: &Args) -> fmt::Result {
    for (index, value) in readable(args).iter().enumerate() {
        write!(f, "{}{value}", if index > 0 { ", " } else { " " })?;
    }
    Ok(())
}
