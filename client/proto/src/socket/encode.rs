use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

use super::Packet;
use crate::args::EncodedArgs;
use crate::engine::Frame;

impl Packet {
    /// Writes the packet as Engine.IO messages: one text frame, then one binary frame an
    /// attachment.
    pub fn encode(&self) -> Vec<Frame> {
        match self {
            Self::Connect { namespace, query, payload } => {
                let mut text = String::from("40");
                push_namespace(&mut text, namespace, query.as_deref());
                push_payload(&mut text, payload.as_ref());
                vec![Frame::Text(text)]
            }
            Self::Disconnect { namespace } => {
                let mut text = String::from("41");
                push_namespace(&mut text, namespace, None);
                vec![Frame::Text(text)]
            }
            Self::Event { namespace, id, name, args } => {
                encode_event(namespace, *id, name, args.into())
            }
            Self::Ack { namespace, id, args } => encode_ack(namespace, *id, args.into()),
            Self::ConnectError { namespace, payload } => {
                let mut text = String::from("44");
                push_namespace(&mut text, namespace, None);
                push_payload(&mut text, Some(payload));
                vec![Frame::Text(text)]
            }
        }
    }
}

/// Writes an EVENT, or a BINARY_EVENT if the arguments have attachments.
///
/// ```
/// use socketio_proto::engine::Frame;
/// use socketio_proto::{EncodedArgs, socket::encode_event};
///
/// let args = EncodedArgs::new((1, "two"))?;
/// let frames = encode_event("/admin", Some(7), "message", args);
/// assert_eq!(frames, [Frame::Text(r#"42/admin,7["message",1,"two"]"#.into())]);
/// # Ok::<(), socketio_proto::Error>(())
/// ```
pub fn encode_event(namespace: &str, id: Option<u64>, name: &str, args: EncodedArgs) -> Vec<Frame> {
    event(&mut String::new(), namespace, id, name, args).into()
}

/// Writes an ACK, or a BINARY_ACK if the arguments have attachments.
pub fn encode_ack(namespace: &str, id: u64, args: EncodedArgs) -> Vec<Frame> {
    ack(&mut String::new(), namespace, id, args).into()
}

/// An encoded packet, without the list that a packet of one frame would need.
pub(crate) struct Message {
    pub(crate) head: Frame,
    pub(crate) attachments: Vec<Bytes>,
}

impl From<Message> for Vec<Frame> {
    fn from(message: Message) -> Self {
        let attachments = message.attachments.into_iter().map(Frame::Binary);
        std::iter::once(message.head).chain(attachments).collect()
    }
}

/// The text of an event is that of its arguments, with the rest put around it: a string less to
/// make. What comes before them is put together in `head`, which the next packet can use again.
pub(super) fn event(
    head: &mut String,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: EncodedArgs,
) -> Message {
    begin(head, Kind::Event, namespace, id, args.attachments.len());
    push_json_string(head, name);
    if !args.json.is_empty() {
        head.push(',');
    }
    around(head, args)
}

pub(super) fn ack(head: &mut String, namespace: &str, id: u64, args: EncodedArgs) -> Message {
    begin(head, Kind::Ack, namespace, Some(id), args.attachments.len());
    around(head, args)
}

#[derive(Clone, Copy)]
enum Kind {
    Event,
    Ack,
}

/// Begins a packet, up to the array's bracket.
fn begin(head: &mut String, kind: Kind, namespace: &str, id: Option<u64>, attachments: usize) {
    head.clear();
    head.push_str(match (kind, attachments) {
        (Kind::Event, 0) => "42",
        (Kind::Event, _) => "45",
        (Kind::Ack, 0) => "43",
        (Kind::Ack, _) => "46",
    });
    if attachments > 0 {
        push_number(head, attachments as u64);
        head.push('-');
    }
    push_namespace(head, namespace, None);
    if let Some(id) = id {
        push_number(head, id);
    }
    head.push('[');
}

fn around(head: &str, args: EncodedArgs) -> Message {
    let EncodedArgs { json: mut text, attachments } = args;
    text.reserve(head.len() + 1);
    text.insert_str(0, head);
    text.push(']');
    Message { head: Frame::Text(text), attachments }
}

/// The main namespace is not written, except where a query needs it.
fn push_namespace(text: &mut String, namespace: &str, query: Option<&str>) {
    if namespace == "/" && query.is_none() {
        return;
    }
    text.push_str(namespace);
    if let Some(query) = query {
        text.push('?');
        text.push_str(query);
    }
    text.push(',');
}

fn push_payload(text: &mut String, payload: Option<&Value>) {
    if let Some(payload) = payload {
        push_display(text, payload);
    }
}

fn push_json_string(text: &mut String, value: &str) {
    // Event names rarely hold anything that JSON escapes.
    if value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        push_display(text, &Value::from(value));
    }
}

/// An ack id is written with every event that wants one: too often for `fmt`.
fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

fn push_display(text: &mut String, value: &dyn std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{value}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::args::Args;

    fn text(packet: &Packet) -> String {
        match packet.encode().as_slice() {
            [Frame::Text(text)] => text.clone(),
            other => panic!("one text frame, got {other:?}"),
        }
    }

    fn connect(namespace: &str, payload: Option<Value>) -> Packet {
        Packet::Connect { namespace: namespace.into(), query: None, payload }
    }

    #[test]
    fn follows_the_specification_examples() {
        assert_eq!(text(&connect("/", None)), "40");
        assert_eq!(text(&connect("/", Some(json!({"token": "123"})))), r#"40{"token":"123"}"#);
        assert_eq!(text(&connect("/admin", None)), "40/admin,");
        assert_eq!(text(&Packet::Disconnect { namespace: "/".into() }), "41");
        assert_eq!(text(&Packet::Disconnect { namespace: "/admin".into() }), "41/admin,");
        assert_eq!(
            text(&Packet::ConnectError {
                namespace: "/admin".into(),
                payload: json!({"message": "Not authorized"})
            }),
            r#"44/admin,{"message":"Not authorized"}"#
        );
        let event = |namespace: &str, id, args| Packet::Event {
            namespace: namespace.into(),
            id,
            name: "hello".into(),
            args,
        };
        assert_eq!(text(&event("/", None, Args::new(1).unwrap())), r#"42["hello",1]"#);
        assert_eq!(text(&event("/", None, Args::default())), r#"42["hello"]"#);
        assert_eq!(text(&event("/admin", Some(456), Args::default())), r#"42/admin,456["hello"]"#);
        let ack = Packet::Ack { namespace: "/".into(), id: 13, args: Args::new(("bar",)).unwrap() };
        assert_eq!(text(&ack), r#"4313["bar"]"#);
    }

    #[test]
    fn attachments_follow_as_binary_frames() {
        let args = EncodedArgs::new((Bytes::from_static(b"\x01"), Bytes::new())).unwrap();
        assert_eq!(
            encode_ack("/admin", 456, args),
            [
                Frame::Text(
                    r#"462-/admin,456[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
                        .into()
                ),
                Frame::Binary(Bytes::from_static(b"\x01")),
                Frame::Binary(Bytes::new()),
            ]
        );
    }

    #[test]
    fn event_names_are_escaped() {
        let frames = encode_event("/", None, "a\"b\\\n€", EncodedArgs::default());
        assert_eq!(frames, [Frame::Text(r#"42["a\"b\\\n€"]"#.into())]);
    }

    #[test]
    fn old_clients_put_a_query_behind_the_namespace() {
        let packet =
            Packet::Connect { namespace: "/".into(), query: Some("token=1".into()), payload: None };
        assert_eq!(text(&packet), "40/?token=1,");
    }
}
