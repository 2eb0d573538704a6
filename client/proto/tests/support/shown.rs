//! A packet on one line, its attachments in place.

use bytes::Bytes;
use serde_json::Value;
use socketio_proto::socket::Packet;

/// `TYPE namespace id payload`, with `-` for what there is not, binary as `"<hex>"`.
pub(crate) fn shown(packet: &Packet) -> String {
    match packet {
        Packet::Connect { namespace, query, payload } => {
            let query = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
            let payload = payload.as_ref().map_or("-".into(), ToString::to_string);
            format!("CONNECT {namespace}{query} - {payload}")
        }
        Packet::Disconnect { namespace } => format!("DISCONNECT {namespace} - -"),
        Packet::Event { namespace, id, name, args } => {
            let id = id.map_or("-".into(), |id| id.to_string());
            let mut payload = vec![Value::from(name.as_str())];
            payload.extend(args.values().to_vec());
            format!("EVENT {namespace} {id} {}", in_place(payload, args.attachments()))
        }
        Packet::Ack { namespace, id, args } => {
            format!("ACK {namespace} {id} {}", in_place(args.values().to_vec(), args.attachments()))
        }
        Packet::ConnectError { namespace, payload } => {
            format!("CONNECT_ERROR {namespace} - {payload}")
        }
    }
}

/// The payload with every placeholder replaced by its attachment.
fn in_place(payload: Vec<Value>, attachments: &[Bytes]) -> String {
    attachments.iter().enumerate().fold(Value::from(payload).to_string(), |text, (number, data)| {
        let placeholder = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        text.replace(&placeholder, &format!("\"<{data:02x}>\""))
    })
}
