//! Values as the recordings write them: `{"$binary": "base64"}`, `{"$undefined": true}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeTuple, Serializer};
use serde_json::{Map, Value, json};

/// Arguments as a client of the toolkit sends them.
pub(crate) struct Arguments<'a>(pub(crate) &'a [Value]);

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for arg in self.0 {
            tuple.serialize_element(&Recorded(arg))?;
        }
        tuple.end()
    }
}

struct Recorded<'a>(&'a Value);

impl Serialize for Recorded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(object) => {
                if let Some(text) = object.get("$binary").and_then(Value::as_str) {
                    let bytes = STANDARD.decode(text).expect("recorded binary is base64");
                    return serializer.serialize_bytes(&bytes);
                }
                if object.contains_key("$undefined") {
                    return serializer.serialize_unit();
                }
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object {
                    map.serialize_entry(key, &Recorded(value))?;
                }
                map.end()
            }
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&Recorded(item))?;
                }
                seq.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// What a client of the toolkit received, as the recordings write it.
pub(crate) fn recorded(values: &[Value], attachments: &[Bytes]) -> Vec<Value> {
    values.iter().map(|value| with_binary(value, attachments)).collect()
}

fn with_binary(value: &Value, attachments: &[Bytes]) -> Value {
    match value {
        Value::Object(object) if object.get("_placeholder") == Some(&json!(true)) => {
            let number = object.get("num").and_then(Value::as_u64).and_then(|n| n.try_into().ok());
            let bytes = number.and_then(|number: usize| attachments.get(number));
            json!({ "$binary": STANDARD.encode(bytes.expect("a placeholder has its attachment")) })
        }
        Value::Object(object) => {
            let entries =
                object.iter().map(|(key, value)| (key.clone(), with_binary(value, attachments)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => recorded(items, attachments).into(),
        plain => plain.clone(),
    }
}

/// Replaces texts by others, everywhere in a value.
pub(crate) fn replaced(value: &Value, pairs: &[(String, String)]) -> Value {
    match value {
        Value::String(text) => {
            let found = pairs.iter().find(|(from, _)| from == text);
            found.map_or(text, |(_, to)| to).as_str().into()
        }
        Value::Array(items) => items.iter().map(|item| replaced(item, pairs)).collect(),
        Value::Object(object) => {
            let entries = object.iter().map(|(key, value)| (key.clone(), replaced(value, pairs)));
            Value::Object(entries.collect())
        }
        plain => plain.clone(),
    }
}

/// Puts lists that hold ids into one order: which client a server names first is not promised.
pub(crate) fn with_ids_in_order(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.into_iter().map(with_ids_in_order).collect();
            let is_id = |item: &Value| item.as_str().is_some_and(|text| text.starts_with("<id:"));
            if items.iter().any(is_id) && items.iter().all(Value::is_string) {
                items.sort_by_key(ToString::to_string);
            }
            items.into()
        }
        Value::Object(object) => {
            object.into_iter().map(|(key, value)| (key, with_ids_in_order(value))).collect()
        }
        plain => plain,
    }
}
