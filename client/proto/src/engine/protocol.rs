use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Frame, Packet, Transport, payload, payload_v3};
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Revision of the Engine.IO protocol: the value of the `EIO` query parameter.
///
/// It decides how packets are framed, who pings whom, and with it which Socket.IO protocol is
/// spoken above. Socket.IO servers since 3.0 speak revision 4; those before speak 3 only, and
/// `socket.io` 3 and 4 speak both if they are made with `allowEIO3`.
///
/// | | [`V4`](Self::V4) | [`V3`](Self::V3) |
/// |---|---|---|
/// | Socket.IO protocol | 5 | 4 |
/// | polling body | packets joined by `0x1e` | `<length>:<packet>`, length in UTF-16 code units |
/// | binary in it | `b` + base64 | `b4` + base64, because the client asks for it by `b64=1` |
/// | binary on websocket | bare | behind the packet type, byte `0x04` |
/// | heartbeat | the server pings | the client pings |
/// | main namespace | joined by CONNECT | joined without asking |
/// | a namespace's credentials | `40/admin,{"token":"1"}` | `40/admin?token=1,` |
/// | a socket's id | in the CONNECT reply | the session's `sid`; elsewhere `/admin#` + `sid` |
/// | refusal | `44{"message":"…"}` | `44"…"` |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `EIO=4`.
    #[default]
    V4,
    /// `EIO=3`, its binary as base64 on polling.
    V3,
}

impl Protocol {
    /// The query parameters that ask for this protocol, in every request and WebSocket handshake
    /// on `transport`.
    ///
    /// ```
    /// use socketio_proto::engine::{Protocol, Transport};
    ///
    /// assert_eq!(Protocol::V4.query(Transport::Polling), "EIO=4");
    /// assert_eq!(Protocol::V3.query(Transport::Polling), "EIO=3&b64=1");
    /// assert_eq!(Protocol::V3.query(Transport::Websocket), "EIO=3");
    /// ```
    pub fn query(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::V4, _) => "EIO=4",
            (Self::V3, Transport::Polling) => "EIO=3&b64=1",
            (Self::V3, Transport::Websocket) => "EIO=3",
        }
    }

    /// Splits a polling body into its packets.
    ///
    /// Fails on a body that is not this protocol's, and on what exceeds `limits`.
    pub fn decode_payload(self, body: &[u8], limits: &Limits) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::new();
        self.decode_payload_into(&mut frames, body, limits)?;
        Ok(frames)
    }

    /// Like [`decode_payload`](Self::decode_payload), and what comes before a packet that cannot be
    /// read is added to `frames` all the same.
    pub fn decode_payload_into(
        self,
        frames: &mut Vec<Frame>,
        body: &[u8],
        limits: &Limits,
    ) -> Result<(), Error> {
        match self {
            Self::V4 => payload::decode_into(frames, body, limits),
            Self::V3 => payload_v3::decode_into(frames, body, limits),
        }
    }

    /// Joins all packets into one polling body.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use socketio_proto::engine::{Frame, Protocol};
    ///
    /// let frames = [Frame::Text("4€".into()), Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))];
    /// assert_eq!(Protocol::V4.encode_payload(&frames), "4€\u{1e}bAQIDBA==");
    /// assert_eq!(Protocol::V3.encode_payload(&frames), "2:4€10:b4AQIDBA==");
    /// ```
    pub fn encode_payload(self, frames: &[Frame]) -> String {
        match self {
            Self::V4 => payload::encode(frames),
            Self::V3 => payload_v3::encode(frames),
        }
    }

    /// Joins as many packets from the front of `frames` as fit into one polling body, and removes
    /// them; the rules are those of [`payload::encode_front`].
    pub fn encode_payload_front(
        self,
        frames: &mut VecDeque<Frame>,
        max_packets: usize,
        max_bytes: usize,
    ) -> String {
        match self {
            Self::V4 => payload::encode_front(frames, max_packets, max_bytes),
            Self::V3 => payload_v3::encode_front(frames, max_packets, max_bytes),
        }
    }

    /// A frame as websocket carries it. A [`Connection`](crate::connection::Connection) has done
    /// this to what it sends.
    pub fn encode_websocket(self, frame: Frame) -> Frame {
        match (self, frame) {
            (Self::V3, Frame::Binary(data)) => {
                let mut typed = BytesMut::with_capacity(1 + data.len());
                typed.put_u8(MESSAGE);
                typed.put(data);
                Frame::Binary(typed.freeze())
            }
            (_, frame) => frame,
        }
    }

    /// Reads a text frame that came by websocket.
    pub fn decode_websocket_text(self, text: &str) -> Result<Packet<'_>, Error> {
        match self {
            Self::V3 if text.starts_with('b') => payload_v3::binary(text).map(Packet::Binary),
            _ => Packet::decode_text(text),
        }
    }

    /// Reads a binary frame that came by websocket.
    pub fn decode_websocket_binary(self, mut data: Bytes) -> Result<Packet<'static>, Error> {
        match self {
            Self::V4 => Ok(Packet::Binary(data)),
            Self::V3 if data.first() == Some(&MESSAGE) => Ok(Packet::Binary(data.split_off(1))),
            Self::V3 => Err(Error::UntypedBinary(Excerpt::of_bytes(&data))),
        }
    }
}

/// The packet type of a message, as the byte before binary data (Engine.IO protocol v3,
/// "Encoding").
const MESSAGE: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames between `socket.io-client` 2.5.0 and `socket.io` 4.8.4.
    #[test]
    fn binary_on_websocket_stands_behind_its_type() {
        let data = Bytes::from_static(&[1, 2, 3, 4]);
        let framed = Bytes::from_static(&[4, 1, 2, 3, 4]);
        assert_eq!(
            Protocol::V3.encode_websocket(Frame::Binary(data.clone())),
            Frame::Binary(framed.clone())
        );
        assert_eq!(
            Protocol::V3.decode_websocket_binary(framed.clone()),
            Ok(Packet::Binary(data.clone()))
        );
        assert_eq!(Protocol::V4.encode_websocket(Frame::Binary(data.clone())), Frame::Binary(data));
        assert_eq!(
            Protocol::V4.decode_websocket_binary(framed.clone()),
            Ok(Packet::Binary(framed))
        );
        for data in [&[][..], &[0, 1], b"4"] {
            let refused = Protocol::V3.decode_websocket_binary(Bytes::from_static(data));
            assert!(matches!(refused, Err(Error::UntypedBinary(_))), "{data:?}");
        }
    }

    #[test]
    fn base64_on_websocket_is_read() {
        let data = Packet::Binary(Bytes::from_static(&[1, 2, 3, 4]));
        assert_eq!(Protocol::V3.decode_websocket_text("b4AQIDBA=="), Ok(data));
        assert!(Protocol::V4.decode_websocket_text("b4AQIDBA==").is_err());
    }
}
