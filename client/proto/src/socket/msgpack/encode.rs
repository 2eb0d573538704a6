use bytes::Bytes;
use rmp::encode::{self, ByteBuf};
use serde_json::{Map, Number, Value};

use crate::args::{Args, placeholder};
use crate::socket::Packet;

/// Writes a packet as one binary message.
///
/// An attachment stands wherever a placeholder names it; one that none names is left out.
pub fn encode(packet: &Packet) -> Bytes {
    let mut writer = Writer { buffer: ByteBuf::new(), attachments: &[] };
    match packet {
        Packet::Connect { namespace, query, payload } => {
            writer.begin(0, 2 + usize::from(payload.is_some()));
            writer.payload(payload.as_ref());
            match query {
                Some(query) => writer.namespace(&format!("{namespace}?{query}")),
                None => writer.namespace(namespace),
            }
        }
        Packet::Disconnect { namespace } => {
            writer.begin(1, 2);
            writer.namespace(namespace);
        }
        Packet::Event { namespace, id, name, args } => {
            writer.begin(2, 3 + usize::from(id.is_some()));
            writer.arguments(Some(name), args);
            writer.namespace(namespace);
            if let Some(id) = id {
                writer.id(*id);
            }
        }
        Packet::Ack { namespace, id, args } => {
            writer.begin(3, 4);
            writer.arguments(None, args);
            writer.namespace(namespace);
            writer.id(*id);
        }
        Packet::ConnectError { namespace, payload } => {
            writer.begin(4, 3);
            writer.payload(Some(payload));
            writer.namespace(namespace);
        }
    }
    Bytes::from(writer.buffer.into_vec())
}

/// Writing to memory cannot fail, so the results of `rmp` say nothing.
struct Writer<'a> {
    buffer: ByteBuf,
    attachments: &'a [Bytes],
}

impl<'a> Writer<'a> {
    fn begin(&mut self, kind: u8, keys: usize) {
        let _ = encode::write_map_len(&mut self.buffer, length(keys));
        self.text("type");
        let _ = encode::write_uint(&mut self.buffer, kind.into());
    }

    fn payload(&mut self, payload: Option<&Value>) {
        if let Some(payload) = payload {
            self.text("data");
            self.value(payload);
        }
    }

    fn arguments(&mut self, name: Option<&str>, args: &'a Args) {
        self.text("data");
        let count = args.len() + usize::from(name.is_some());
        let _ = encode::write_array_len(&mut self.buffer, length(count));
        if let Some(name) = name {
            self.text(name);
        }
        self.attachments = args.attachments();
        for value in args.values() {
            self.value(value);
        }
    }

    fn namespace(&mut self, namespace: &str) {
        self.text("nsp");
        self.text(namespace);
    }

    fn id(&mut self, id: u64) {
        self.text("id");
        let _ = encode::write_uint(&mut self.buffer, id);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => {
                let _ = encode::write_nil(&mut self.buffer);
            }
            Value::Bool(value) => {
                let _ = encode::write_bool(&mut self.buffer, *value);
            }
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                let _ = encode::write_array_len(&mut self.buffer, length(items.len()));
                for item in items {
                    self.value(item);
                }
            }
            Value::Object(fields) => match self.attachment(value) {
                Some(data) => {
                    let _ = encode::write_bin(&mut self.buffer, data);
                }
                None => self.fields(fields),
            },
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>) {
        let _ = encode::write_map_len(&mut self.buffer, length(fields.len()));
        for (key, value) in fields {
            self.text(key);
            self.value(value);
        }
    }

    fn number(&mut self, number: &Number) {
        let _ = match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => encode::write_uint(&mut self.buffer, number).map(drop),
            (None, Some(number)) => encode::write_sint(&mut self.buffer, number).map(drop),
            (None, None) => {
                encode::write_f64(&mut self.buffer, number.as_f64().unwrap_or(f64::NAN))
            }
        };
    }

    fn text(&mut self, text: &str) {
        let _ = encode::write_str(&mut self.buffer, text);
    }

    fn attachment(&self, value: &Value) -> Option<&'a Bytes> {
        let number = usize::try_from(placeholder(value)?.as_u64()?).ok()?;
        self.attachments.get(number)
    }
}

/// Nothing that fits into memory and a peer's limits has 2³² elements.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
