use bytes::Bytes;
use serde_json::Value;

use super::reader::Reader;
use crate::args::Args;
use crate::error::{Error, Excerpt};
use crate::limits::Limits;
use crate::socket::parse::{event_name, split_query};
use crate::socket::{Packet, check_event_name};

/// Reads a packet from a binary message.
///
/// Fails on bytes that are not `MessagePack` ([`Error::NotMessagePack`]), on a packet of the wrong
/// shape, and on what exceeds `limits`. The nesting of `data` is counted as the default parser
/// counts that of its JSON, and never exceeds 127.
pub fn decode(message: &Bytes, limits: &Limits) -> Result<Packet, Error> {
    limits.check_packet(message.len())?;
    let mut reader = Reader::new(message, limits);
    let mut fields = Fields::default();
    for _ in 0..reader.map_len()? {
        fields.read(&mut reader)?;
    }
    if !reader.is_at_end() {
        return Err(reader.invalid("bytes follow the packet"));
    }
    fields.packet(message)
}

#[derive(Default)]
struct Fields {
    kind: Option<Value>,
    namespace: Option<Value>,
    id: Option<Value>,
    data: Option<Value>,
    attachments: Vec<Bytes>,
}

impl Fields {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let key = reader.key()?;
        let value = reader.value(0)?;
        // Attachments are numbered within `data`; those of other fields are of no use.
        let attachments = std::mem::take(&mut reader.attachments);
        match key.as_str() {
            "type" => self.kind = value,
            "nsp" => self.namespace = value,
            "id" => self.id = value,
            "data" => (self.data, self.attachments) = (value, attachments),
            _ => {}
        }
        Ok(())
    }

    fn packet(self, message: &Bytes) -> Result<Packet, Error> {
        let Some(kind @ 0..=4) = self.kind.as_ref().and_then(Value::as_u64) else {
            return Err(Error::UnknownPacket(excerpt(self.kind.as_ref())));
        };
        let Some(Value::String(namespace)) = self.namespace else {
            return Err(wrong_shape("Socket.IO", "its namespace as a string in `nsp`", message));
        };
        let id = match &self.id {
            None => None,
            id @ Some(value) => {
                Some(value.as_u64().ok_or_else(|| Error::InvalidAckId(excerpt(id.as_ref())))?)
            }
        };
        match (kind, self.data) {
            // python-socketio writes nil where JavaScript writes nothing or `undefined`.
            (0, None | Some(Value::Null)) => Ok(connect(&namespace, None)),
            (0, Some(payload @ Value::Object(_))) => Ok(connect(&namespace, Some(payload))),
            (0, _) => Err(wrong_shape("CONNECT", "an object or nothing in `data`", message)),
            (1, None | Some(Value::Null)) => Ok(Packet::Disconnect { namespace }),
            (1, _) => Err(wrong_shape("DISCONNECT", "nothing in `data`", message)),
            (4, Some(payload @ (Value::Object(_) | Value::String(_)))) => {
                Ok(Packet::ConnectError { namespace, payload })
            }
            (4, _) => Err(wrong_shape("CONNECT_ERROR", "an object or a string in `data`", message)),
            (3, Some(Value::Array(values))) => {
                let id = id.ok_or_else(|| Error::InvalidAckId(excerpt(None)))?;
                let args = Args::from_parts(values, self.attachments);
                Ok(Packet::Ack { namespace, id, args })
            }
            (3, _) => Err(wrong_shape("ACK", "an array in `data`", message)),
            (_, Some(Value::Array(values))) => {
                let mut values = values.into_iter();
                let name = event_name(values.next())
                    .ok_or_else(|| wrong_shape("EVENT", BEGINS_WITH_NAME, message))?;
                check_event_name(&name)?;
                let args = Args::from_parts(values.collect(), self.attachments);
                Ok(Packet::Event { namespace, id, name, args })
            }
            (..) => Err(wrong_shape("EVENT", BEGINS_WITH_NAME, message)),
        }
    }
}

fn connect(address: &str, payload: Option<Value>) -> Packet {
    let (namespace, query) = split_query(address);
    Packet::Connect { namespace: namespace.to_owned(), query: query.map(str::to_owned), payload }
}

fn excerpt(value: Option<&Value>) -> Excerpt {
    Excerpt::of_text(&value.map(ToString::to_string).unwrap_or_default())
}

fn wrong_shape(packet: &'static str, expected: &str, message: &Bytes) -> Error {
    Error::InvalidPayload {
        packet,
        expected: expected.to_owned(),
        data: Excerpt::of_bytes(message),
    }
}

const BEGINS_WITH_NAME: &str = "an array that begins with the event's name in `data`";
