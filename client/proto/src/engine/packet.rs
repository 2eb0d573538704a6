use std::borrow::Cow;

use bytes::Bytes;

use crate::error::{Error, Excerpt};

/// An Engine.IO packet (protocol v4, "Packet encoding"), borrowed from the text it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the server's handshake, as JSON.
    Open(Cow<'a, str>),
    /// `1`: the sender ends the session.
    Close,
    /// `2`: heartbeat from the server, or the client's upgrade probe (`2probe`).
    Ping(Cow<'a, str>),
    /// `3`: the answer, with the ping's data.
    Pong(Cow<'a, str>),
    /// `4`: text for the layer above.
    Message(Cow<'a, str>),
    /// Binary for the layer above: a binary frame, or `b…` in a polling body.
    Binary(Bytes),
    /// `5`: the client moves to the probed transport.
    Upgrade,
    /// `6`: releases a pending poll.
    Noop,
}

impl<'a> Packet<'a> {
    /// Reads one text packet: a WebSocket text frame, or one part of a polling body.
    pub fn decode_text(text: &'a str) -> Result<Self, Error> {
        let mut rest = text.chars();
        let kind = rest.next();
        let data = Cow::Borrowed(rest.as_str());
        let empty = |packet, value| {
            if data.is_empty() {
                Ok(value)
            } else {
                Err(Error::UnexpectedData { packet, data: Excerpt::of_text(&data) })
            }
        };
        match kind {
            Some('0') => Ok(Self::Open(data)),
            Some('1') => empty("close", Self::Close),
            Some('2') => Ok(Self::Ping(data)),
            Some('3') => Ok(Self::Pong(data)),
            Some('4') => Ok(Self::Message(data)),
            Some('5') => empty("upgrade", Self::Upgrade),
            Some('6') => empty("noop", Self::Noop),
            _ => Err(Error::UnknownEnginePacket(Excerpt::of_text(text))),
        }
    }

    /// Reads a frame of either kind.
    pub fn decode(frame: &'a Frame) -> Result<Self, Error> {
        match frame {
            Frame::Text(text) => Self::decode_text(text),
            Frame::Binary(data) => Ok(Self::Binary(data.clone())),
        }
    }

    /// Writes the packet as the frame that websocket carries.
    pub fn encode(&self) -> Frame {
        match self {
            Self::Open(data) => Frame::Text(format!("0{data}")),
            Self::Close => Frame::Text("1".into()),
            Self::Ping(data) => Frame::Text(format!("2{data}")),
            Self::Pong(data) => Frame::Text(format!("3{data}")),
            Self::Message(data) => Frame::Text(format!("4{data}")),
            Self::Binary(data) => Frame::Binary(data.clone()),
            Self::Upgrade => Frame::Text("5".into()),
            Self::Noop => Frame::Text("6".into()),
        }
    }

    /// The packet type's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Close => "close",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Message(_) => "message",
            Self::Binary(_) => "binary message",
            Self::Upgrade => "upgrade",
            Self::Noop => "noop",
        }
    }
}

/// One encoded Engine.IO packet: a WebSocket frame, or one part of a polling body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A text packet, type digit included.
    Text(String),
    /// A binary message, bare.
    Binary(Bytes),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(packet: &Packet<'_>) -> Frame {
        packet.encode()
    }

    #[test]
    fn encodes_each_type() {
        assert_eq!(text(&Packet::Open("{}".into())), Frame::Text("0{}".into()));
        assert_eq!(text(&Packet::Close), Frame::Text("1".into()));
        assert_eq!(text(&Packet::Ping("".into())), Frame::Text("2".into()));
        assert_eq!(text(&Packet::Ping("probe".into())), Frame::Text("2probe".into()));
        assert_eq!(text(&Packet::Pong("probe".into())), Frame::Text("3probe".into()));
        assert_eq!(text(&Packet::Message("hello".into())), Frame::Text("4hello".into()));
        assert_eq!(text(&Packet::Upgrade), Frame::Text("5".into()));
        assert_eq!(text(&Packet::Noop), Frame::Text("6".into()));
    }

    #[test]
    fn decodes_each_type() {
        assert_eq!(Packet::decode_text("0{}"), Ok(Packet::Open("{}".into())));
        assert_eq!(Packet::decode_text("1"), Ok(Packet::Close));
        assert_eq!(Packet::decode_text("2"), Ok(Packet::Ping("".into())));
        assert_eq!(Packet::decode_text("3probe"), Ok(Packet::Pong("probe".into())));
        assert_eq!(Packet::decode_text("4€"), Ok(Packet::Message("€".into())));
        assert_eq!(Packet::decode_text("5"), Ok(Packet::Upgrade));
        assert_eq!(Packet::decode_text("6"), Ok(Packet::Noop));
    }

    #[test]
    fn rejects_what_is_no_packet() {
        for text in ["", "7", "abc", "€", "b", "\0"] {
            assert!(
                matches!(Packet::decode_text(text), Err(Error::UnknownEnginePacket(_))),
                "{text:?}"
            );
        }
        assert_eq!(
            Packet::decode_text("1now").unwrap_err().to_string(),
            "expected nothing after the type of an Engine.IO close packet, got \"now\""
        );
    }
}
