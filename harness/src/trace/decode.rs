//! What a frame says. A frame that cannot be decoded stays in the trace, with the reason.

use bytes::Bytes;
use serde_json::Value;
use socketio_mock_client::Parser;
use socketio_proto::engine::{self, payload};
#[cfg(feature = "msgpack")]
use socketio_proto::socket::msgpack;
use socketio_proto::{Args, Limits, socket};

use super::format::Packet;

/// Decodes the frames of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    parser: Parser,
    /// The packet whose attachments are coming.
    owner: Option<Owner>,
}

#[derive(Debug)]
struct Owner {
    namespace: Option<String>,
    event: Option<String>,
    next: usize,
    count: usize,
}

impl Decoder {
    pub(crate) fn new(parser: Parser) -> Self {
        Self { parser, owner: None }
    }

    /// Reads a text frame; `whole` tells whether it was kept whole.
    pub(crate) fn text(&mut self, text: &str, whole: bool) -> Packet {
        match engine::Packet::decode_text(text) {
            Ok(engine::Packet::Binary(data)) => self.binary(&data, whole),
            Ok(engine::Packet::Message(message)) => self.message(&message, whole),
            Ok(packet) => plumbing(&packet),
            // Binary in a polling body: `b…`.
            Err(_) if text.starts_with('b') && !whole => self.binary(&[], false),
            Err(error) => match payload::decode(text.as_bytes(), &Limits::default()).as_deref() {
                Ok([engine::Frame::Binary(data)]) => self.binary(data, true),
                _ => undecodable(None, &error),
            },
        }
    }

    /// Reads a binary frame.
    pub(crate) fn binary(&mut self, data: &[u8], whole: bool) -> Packet {
        #[cfg(feature = "msgpack")]
        if self.parser == Parser::MessagePack {
            if !whole {
                return Packet { engine: Some("message"), ..Packet::default() };
            }
            let data = Bytes::copy_from_slice(data);
            return match msgpack::decode(&data, &Limits::default()) {
                Ok(packet) => describe(&packet),
                Err(error) => undecodable(Some("message"), &error),
            };
        }
        let _ = (data, whole, self.parser);
        let Some(mut owner) = self.owner.take() else {
            let error = "a binary frame that no packet has announced".to_owned();
            return Packet { engine: Some("message"), error: Some(error), ..Packet::default() };
        };
        let packet = Packet {
            engine: Some("message"),
            packet: Some("attachment"),
            namespace: owner.namespace.clone(),
            event: owner.event.clone(),
            attachment: Some(owner.next),
            ..Packet::default()
        };
        owner.next += 1;
        self.owner = (owner.next < owner.count).then_some(owner);
        packet
    }

    fn message(&mut self, message: &str, whole: bool) -> Packet {
        let shortened = (!whole).then(|| head_of(message)).flatten();
        let mut decoder = socket::Decoder::default();
        let mut outcome = decoder.decode_text(shortened.as_deref().unwrap_or(message));
        let count = decoder.missing_attachments();
        // The attachments have rows of their own.
        for _ in 0..count {
            outcome = decoder.decode_binary(Bytes::new());
        }
        let mut packet = match outcome {
            Ok(Some(packet)) => describe(&packet),
            Ok(None) => Packet { engine: Some("message"), ..Packet::default() },
            Err(_) if !whole => Packet { engine: Some("message"), ..Packet::default() },
            Err(error) => return undecodable(Some("message"), &error),
        };
        if shortened.is_some() {
            // Only the beginning is known.
            packet.args = None;
        }
        packet.attachments = (count > 0).then_some(count);
        self.owner = (count > 0).then(|| Owner {
            namespace: packet.namespace.clone(),
            event: packet.event.clone(),
            next: 0,
            count,
        });
        packet
    }
}

/// A message cut short, made whole again without its arguments: `2/chat,7["name"]`.
fn head_of(message: &str) -> Option<String> {
    let (head, json) = message.split_once('[')?;
    let first = serde_json::Deserializer::from_str(json).into_iter::<Value>().next();
    Some(match first {
        Some(Ok(Value::String(name))) => format!("{head}[{}]", Value::String(name)),
        _ => format!("{head}[]"),
    })
}

fn plumbing(packet: &engine::Packet<'_>) -> Packet {
    use engine::Packet as Engine;
    let (name, data) = match packet {
        Engine::Open(data) => ("open", &**data),
        Engine::Close => ("close", ""),
        Engine::Ping(data) => ("ping", &**data),
        Engine::Pong(data) => ("pong", &**data),
        Engine::Message(data) => ("message", &**data),
        Engine::Binary(_) => ("message", ""),
        Engine::Upgrade => ("upgrade", ""),
        Engine::Noop => ("noop", ""),
    };
    let data = (!data.is_empty())
        .then(|| serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned())));
    Packet { engine: Some(name), data, ..Packet::default() }
}

fn describe(packet: &socket::Packet) -> Packet {
    let name = match packet.name() {
        "CONNECT" => "connect",
        "DISCONNECT" => "disconnect",
        "EVENT" => "event",
        "ACK" => "ack",
        "BINARY_EVENT" => "binary_event",
        "BINARY_ACK" => "binary_ack",
        _ => "connect_error",
    };
    let (event, ack, args, data) = match packet {
        socket::Packet::Connect { payload, .. } => (None, None, None, payload.clone()),
        socket::Packet::Disconnect { .. } => (None, None, None, None),
        socket::Packet::Event { id, name, args, .. } => {
            (Some(name.clone()), *id, Some(values(args)), None)
        }
        socket::Packet::Ack { id, args, .. } => (None, Some(*id), Some(values(args)), None),
        socket::Packet::ConnectError { payload, .. } => (None, None, None, Some(payload.clone())),
    };
    let namespace = Some(packet.namespace().to_owned());
    Packet {
        engine: Some("message"),
        packet: Some(name),
        namespace,
        event,
        ack,
        args,
        data,
        ..Packet::default()
    }
}

fn values(args: &Args) -> Vec<Value> {
    args.values().to_vec()
}

fn undecodable(engine: Option<&'static str>, error: &socketio_proto::Error) -> Packet {
    Packet { engine, error: Some(error.to_string()), ..Packet::default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(text: &str) -> Value {
        serde_json::to_value(Decoder::new(Parser::Default).text(text, true)).unwrap()
    }

    #[test]
    fn every_packet_of_both_layers_is_named() {
        for (frame, expected) in [
            ("1", json!({"engine": "close"})),
            ("2probe", json!({"engine": "ping", "data": "probe"})),
            ("3", json!({"engine": "pong"})),
            ("5", json!({"engine": "upgrade"})),
            ("6", json!({"engine": "noop"})),
            (r#"0{"sid":"a"}"#, json!({"engine": "open", "data": {"sid": "a"}})),
        ] {
            assert_eq!(text(frame), expected);
        }
        for (frame, packet, namespace) in [
            ("40/a,", "connect", "/a"),
            ("41", "disconnect", "/"),
            (r#"42["e"]"#, "event", "/"),
            ("43/a,7[]", "ack", "/a"),
            (r#"44{"message":"no"}"#, "connect_error", "/"),
        ] {
            let said = text(frame);
            assert_eq!((&said["packet"], &said["namespace"]), (&json!(packet), &json!(namespace)));
        }
        assert_eq!(
            text(r#"42/a,7["e",1,{"b":2}]"#),
            json!({
                "engine": "message", "packet": "event", "namespace": "/a", "event": "e", "ack": 7,
                "args": [1, {"b": 2}],
            })
        );
    }

    #[test]
    fn attachments_bear_the_name_of_their_event() {
        let mut decoder = Decoder::new(Parser::Default);
        let head = r#"452-/a,["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let head = decoder.text(head, true);
        assert_eq!((head.packet, head.attachments), (Some("binary_event"), Some(2)));
        for number in 0..2 {
            let packet = decoder.binary(b"abc", true);
            assert_eq!(packet.packet, Some("attachment"));
            assert_eq!((packet.event.as_deref(), packet.attachment), (Some("e"), Some(number)));
        }
        assert!(decoder.binary(b"abc", true).error.is_some());
        // As a polling body carries it.
        decoder.text(r#"451-["e",{"_placeholder":true,"num":0}]"#, true);
        assert_eq!(decoder.text("bAQI=", true).packet, Some("attachment"));
    }

    #[test]
    fn a_frame_cut_short_keeps_its_name() {
        let packet = Decoder::new(Parser::Default).text(r#"42/a,7["e","xxxx"#, false);
        assert_eq!(packet.event.as_deref(), Some("e"));
        assert_eq!((packet.namespace.as_deref(), packet.ack), (Some("/a"), Some(7)));
        assert_eq!((packet.args, packet.error), (None, None));
    }

    #[test]
    fn what_is_no_packet_says_why() {
        for frame in ["", "9", "4", "49[]", "42{}", r#"42["connect"]"#, "b!"] {
            assert!(text(frame)["error"].is_string(), "{frame}");
        }
    }
}
