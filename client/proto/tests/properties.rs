//! The codec: whatever goes in comes out again, and nothing a peer sends can break it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;
use serde::ser::{SerializeTuple, Serializer};
use serde_json::{Value, json};
use socketio_proto::engine::{Frame, Handshake, Packet as EnginePacket, Protocol, payload};
use socketio_proto::socket::{Decoder, Packet, encode_ack, encode_event, msgpack};
use socketio_proto::{Args, EncodedArgs, Limits};

/// JSON with binary anywhere.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Scalar(Value),
    Binary(Bytes),
    List(Vec<Tree>),
    Fields(BTreeMap<String, Tree>),
}

impl serde::Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => value.serialize(serializer),
            Self::Binary(data) => serializer.serialize_bytes(data),
            Self::List(items) => serializer.collect_seq(items),
            Self::Fields(fields) => serializer.collect_map(fields),
        }
    }
}

/// Several arguments, as a tuple of that length would be.
struct Spread<'a>(&'a [Tree]);

impl serde::Serialize for Spread<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|item| tuple.serialize_element(item))?;
        tuple.end()
    }
}

/// Puts attachments back in place, independently of `Args::parse`.
fn tree(value: &Value, attachments: &[Bytes]) -> Tree {
    let children = |items: &[Value]| items.iter().map(|item| tree(item, attachments)).collect();
    match value {
        Value::Array(items) => Tree::List(children(items)),
        Value::Object(fields) if fields.get("_placeholder") == Some(&json!(true)) => {
            let number = fields.get("num").and_then(Value::as_u64).map(usize::try_from);
            let data = number.and_then(Result::ok).and_then(|number| attachments.get(number));
            Tree::Binary(data.expect("the placeholder names an attachment").clone())
        }
        Value::Object(fields) => Tree::Fields(
            fields.iter().map(|(key, item)| (key.clone(), tree(item, attachments))).collect(),
        ),
        scalar => Tree::Scalar(scalar.clone()),
    }
}

fn trees(args: &Args) -> Vec<Tree> {
    args.values().iter().map(|value| tree(value, args.attachments())).collect()
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Scalar(Value::Null)),
        any::<bool>().prop_map(|it| Tree::Scalar(it.into())),
        any::<i64>().prop_map(|it| Tree::Scalar(it.into())),
        any::<u64>().prop_map(|it| Tree::Scalar(it.into())),
        any::<String>().prop_map(|it| Tree::Scalar(it.into())),
        any_bytes().prop_map(Tree::Binary),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::btree_map("[a-z\"\\\\é]{0,4}", inner, 0..5).prop_map(Tree::Fields),
        ]
    })
}

fn any_namespace() -> impl Strategy<Value = String> {
    prop_oneof![Just("/".to_owned()), "/[a-z0-9é/_-]{0,8}"]
}

fn decode(frames: Vec<Frame>) -> Packet {
    let mut decoder = Decoder::default();
    let mut packet = None;
    for frame in frames {
        assert_eq!(packet, None, "the packet was complete before its last frame");
        packet = match frame {
            Frame::Text(text) => decoder.decode_text(&text[1..]),
            Frame::Binary(data) => decoder.decode_binary(data),
        }
        .expect("an encoded packet decodes");
    }
    packet.expect("an encoded packet is complete")
}

fn any_protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::V4), Just(Protocol::V3)]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        "4[^\u{1e}]{0,12}".prop_map(Frame::Text),
        Just(Frame::Text("2".into())),
        any_bytes().prop_map(Frame::Binary),
    ]
}

proptest! {
    #[test]
    fn events_and_acks_come_back_with_nested_binary_in_place(
        namespace in any_namespace(),
        id in any::<u64>(),
        wants_ack in any::<bool>(),
        name in ".{0,10}",
        args in prop::collection::vec(any_tree(), 0..4),
    ) {
        let encoded = EncodedArgs::new(Spread(&args)).unwrap();
        let event_id = wants_ack.then_some(id);
        let event = decode(encode_event(&namespace, event_id, &name, encoded.clone()));
        let Packet::Event { namespace: n, id: i, name: e, args: a } = &event else {
            panic!("an event, got {event:?}");
        };
        prop_assert_eq!((n, *i, e, trees(a)), (&namespace, event_id, &name, args.clone()));
        prop_assert_eq!(decode(event.encode()), event);

        let ack = decode(encode_ack(&namespace, id, encoded));
        let Packet::Ack { namespace: n, id: i, args: a } = &ack else {
            panic!("an ack, got {ack:?}");
        };
        prop_assert_eq!((n, *i, trees(a)), (&namespace, id, args));
        prop_assert_eq!(decode(ack.encode()), ack);
    }

    #[test]
    fn events_and_acks_come_back_from_messagepack(
        namespace in any_namespace(),
        id in any::<u64>(),
        wants_ack in any::<bool>(),
        name in ".{0,10}",
        args in prop::collection::vec(any_tree(), 0..4),
    ) {
        let sent = Args::new(Spread(&args)).unwrap();
        let limits = Limits::default();
        let id = wants_ack.then_some(id);
        let event = Packet::Event { namespace: namespace.clone(), id, name, args: sent.clone() };
        let received = msgpack::decode(&msgpack::encode(&event), &limits).unwrap();
        let Packet::Event { args: a, .. } = &received else { panic!("an event, got {received:?}") };
        prop_assert_eq!(trees(a), args);
        prop_assert_eq!(received, event);

        let ack = Packet::Ack { namespace, id: id.unwrap_or(7), args: sent };
        prop_assert_eq!(msgpack::decode(&msgpack::encode(&ack), &limits), Ok(ack));
    }

    #[test]
    fn arbitrary_messagepack_never_panics_and_takes_no_more_than_it_brings(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        args in prop::collection::vec(any_tree(), 0..4),
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let limits = Limits::default();
        let _ = msgpack::decode(&Bytes::from(bytes.clone()), &limits);
        let head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a".iter().copied();
        let _ = msgpack::decode(&head.chain(bytes).collect(), &limits);

        let args = Args::new(Spread(&args)).unwrap();
        let packet = Packet::Event { namespace: "/".into(), id: None, name: "a".into(), args };
        let mut message = msgpack::encode(&packet).to_vec();
        let size = message.len();
        for (place, byte) in spoiled {
            message[place.index(size)] = byte;
        }
        if let Ok(packet) = msgpack::decode(&Bytes::from(message), &limits) {
            let (Packet::Event { args, .. } | Packet::Ack { args, .. }) = packet else {
                return Ok(());
            };
            prop_assert!(args.attachments().iter().map(Bytes::len).sum::<usize>() <= size);
            prop_assert!(Value::from(args.values().to_vec()).to_string().len() <= 32 * size);
        }
    }

    #[test]
    fn packets_without_arguments_come_back(namespace in any_namespace(), text in any::<String>()) {
        for packet in [
            Packet::Connect { namespace: namespace.clone(), query: None, payload: None },
            Packet::Connect {
                namespace: namespace.clone(),
                query: Some("a=1&b".into()),
                payload: Some(json!({ "token": text.clone() })),
            },
            Packet::Disconnect { namespace: namespace.clone() },
            Packet::ConnectError { namespace, payload: json!({ "message": text }) },
        ] {
            let message = msgpack::encode(&packet);
            prop_assert_eq!(msgpack::decode(&message, &Limits::default()), Ok(packet.clone()));
            prop_assert_eq!(decode(packet.encode()), packet);
        }
    }

    #[test]
    fn payloads_come_back(
        protocol in any_protocol(),
        frames in prop::collection::vec(any_frame(), 1..20),
    ) {
        let body = protocol.encode_payload(&frames);
        let limits = Limits::default();
        prop_assert_eq!(protocol.decode_payload(body.as_bytes(), &limits).unwrap(), frames);
    }

    #[test]
    fn websocket_frames_come_back(protocol in any_protocol(), frame in any_frame()) {
        let packet = match protocol.encode_websocket(frame.clone()) {
            Frame::Text(text) => protocol.decode_websocket_text(&text).map(|it| it.encode()),
            Frame::Binary(data) => protocol.decode_websocket_binary(data).map(|it| it.encode()),
        };
        prop_assert_eq!(packet, Ok(frame));
    }

    #[test]
    fn split_payloads_keep_order_and_limits(
        protocol in any_protocol(),
        frames in prop::collection::vec(any_frame(), 1..40),
        max_packets in 1_usize..20,
        max_bytes in 0_usize..80,
    ) {
        let mut queue = VecDeque::from(frames.clone());
        let mut received = Vec::new();
        while !queue.is_empty() {
            let body = protocol.encode_payload_front(&mut queue, max_packets, max_bytes);
            let part = protocol.decode_payload(body.as_bytes(), &Limits::default()).unwrap();
            prop_assert!(part.len() <= max_packets);
            prop_assert!(body.len() <= max_bytes || part.len() == 1, "{} bytes", body.len());
            if let Some(next) = queue.front() {
                let separator = usize::from(protocol == Protocol::V4);
                let next = protocol.encode_payload(std::slice::from_ref(next));
                let more = body.len() + separator + next.len();
                prop_assert!(part.len() == max_packets || more > max_bytes, "room was left");
            }
            received.extend(part);
        }
        prop_assert_eq!(received, frames);
    }

    #[test]
    fn arbitrary_input_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "[0-9]{0,3}-?(/[a-z?]{0,2},)?[0-9]{0,21}.{0,40}",
        json in r#"[\[\]{}",:0-9a-z\\ _]{0,40}"#,
    ) {
        let limits = Limits::default();
        let _ = payload::decode(&bytes, &limits);
        let _ = Protocol::V3.decode_payload(&bytes, &limits);
        let _ = Protocol::V3.decode_websocket_binary(Bytes::from(bytes.clone()));
        let _ = Handshake::parse(&json);
        for text in [&*String::from_utf8_lossy(&bytes), &text, &json, &format!("51-{json}")] {
            let _ = EnginePacket::decode_text(text);
            let _ = Protocol::V3.decode_websocket_text(text);
            let _ = payload::decode(text.as_bytes(), &limits);
            for length in [0, 1, text.len() / 2, text.encode_utf16().count(), text.len()] {
                let body = format!("{length}:{text}");
                let _ = Protocol::V3.decode_payload(body.as_bytes(), &limits);
            }
            let mut decoder = Decoder::default();
            let _ = decoder.decode_text(text);
            let _ = decoder.decode_binary(Bytes::from(bytes.clone()));
            let _ = decoder.decode_text(text);
        }
    }

    #[test]
    fn arguments_of_any_type_come_back(
        number in any::<i32>(),
        text in any::<String>(),
        data in any_bytes(),
        list in prop::collection::vec(any::<(u8, bool)>(), 0..4),
        maybe in any::<Option<String>>(),
    ) {
        let sent = (number, text, data, list, maybe);
        prop_assert_eq!(Args::new(sent.clone()).unwrap().parse(), Ok(sent));
    }
}
