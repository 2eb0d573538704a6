use bytes::Bytes;
use rmp::Marker;
use rmp::decode::{self, ExtMeta};
use serde_json::{Map, Value, json};

use super::date;
use crate::args::PLACEHOLDER;
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Reads a message value by value; binary is taken out into `attachments`.
///
/// The markers are told apart here, and not by a crate's generic value, because notepack.io gives
/// type 0 three meanings by its marker alone: fixext 1, fixext 8, and ext.
pub(super) struct Reader<'a> {
    message: &'a Bytes,
    rest: &'a [u8],
    limits: &'a Limits,
    pub(super) attachments: Vec<Bytes>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a Bytes, limits: &'a Limits) -> Self {
        Self { message, rest: message, limits, attachments: Vec::new() }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number of entries of the map that must come now.
    pub(super) fn map_len(&mut self) -> Result<usize, Error> {
        match self.marker()? {
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                let len = decode::read_map_len(&mut self.rest);
                self.count(len, 2)
            }
            _ => Err(self.invalid("a packet is a map")),
        }
    }

    /// A map's key, as text.
    pub(super) fn key(&mut self) -> Result<String, Error> {
        let scalar = match self.marker()? {
            Marker::FixPos(_)
            | Marker::FixNeg(_)
            | Marker::U8
            | Marker::U16
            | Marker::U32
            | Marker::U64
            | Marker::I8
            | Marker::I16
            | Marker::I32
            | Marker::I64
            | Marker::F32
            | Marker::F64
            | Marker::Null
            | Marker::True
            | Marker::False
            | Marker::FixStr(_)
            | Marker::Str8
            | Marker::Str16
            | Marker::Str32 => self.value(0)?,
            _ => return Err(self.invalid("a map's key is a string, or a scalar with a text")),
        };
        Ok(match scalar {
            Some(Value::String(text)) => text,
            other => other.unwrap_or_default().to_string(),
        })
    }

    /// The next value inside of `depth` arrays and maps; `None` is JavaScript's `undefined`.
    pub(super) fn value(&mut self, depth: usize) -> Result<Option<Value>, Error> {
        let value = match self.marker()? {
            Marker::FixPos(_) | Marker::U8 | Marker::U16 | Marker::U32 | Marker::U64 => {
                let number = decode::read_int::<u64, _>(&mut self.rest);
                Value::from(self.whole(number)?)
            }
            Marker::FixNeg(_) | Marker::I8 | Marker::I16 | Marker::I32 | Marker::I64 => {
                let number = decode::read_int::<i64, _>(&mut self.rest);
                Value::from(self.whole(number)?)
            }
            Marker::F32 => {
                let number = decode::read_f32(&mut self.rest);
                Value::from(f64::from(self.whole(number)?))
            }
            Marker::F64 => {
                let number = decode::read_f64(&mut self.rest);
                Value::from(self.whole(number)?)
            }
            Marker::Null => self.one_byte(Value::Null),
            Marker::True => self.one_byte(true.into()),
            Marker::False => self.one_byte(false.into()),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => self.text()?,
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let len = decode::read_bin_len(&mut self.rest);
                let len = self.count(len, 1)?;
                self.attachment(len)?
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => self.array(depth)?,
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => self.map(depth)?,
            marker @ (Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32) => return self.extension(marker),
            Marker::Reserved => return Err(self.invalid("0xc1 is no MessagePack")),
        };
        Ok(Some(value))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        self.limits.check_nesting(depth + 1)?;
        let len = decode::read_array_len(&mut self.rest);
        let mut items = Vec::new();
        for _ in 0..self.count(len, 1)? {
            items.push(self.value(depth + 1)?.unwrap_or_default());
        }
        Ok(items.into())
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        self.limits.check_nesting(depth + 1)?;
        let len = decode::read_map_len(&mut self.rest);
        let mut fields = Map::new();
        for _ in 0..self.count(len, 2)? {
            let key = self.key()?;
            match self.value(depth + 1)? {
                Some(value) => fields.insert(key, value),
                None => fields.remove(&key),
            };
        }
        Ok(fields.into())
    }

    fn text(&mut self) -> Result<Value, Error> {
        let len = decode::read_str_len(&mut self.rest);
        let len = self.count(len, 1)?;
        let text = std::str::from_utf8(self.take(len)?);
        text.map(Value::from).map_err(|_| self.invalid("a string is not UTF-8"))
    }

    fn extension(&mut self, marker: Marker) -> Result<Option<Value>, Error> {
        let meta = decode::read_ext_meta(&mut self.rest);
        let ExtMeta { typeid, size } = self.whole(meta)?;
        let size = self.count::<()>(Ok(size), 1)?;
        match (typeid, marker) {
            (0, Marker::FixExt1) => self.take(size).map(|_| None),
            (0, Marker::FixExt8) => {
                let data = self.take(size)?.try_into().unwrap_or_default();
                Ok(Some(date::iso(i64::from_be_bytes(data)).into()))
            }
            (0, Marker::Ext8 | Marker::Ext16 | Marker::Ext32) => self.attachment(size).map(Some),
            (typeid, _) => Ok(Some(json!([typeid, self.attachment(size)?]))),
        }
    }

    fn attachment(&mut self, len: usize) -> Result<Value, Error> {
        let number = self.attachments.len();
        self.limits.check_attachments(number + 1)?;
        let data = self.take(len)?;
        self.attachments.push(self.message.slice_ref(data));
        Ok(json!({ PLACEHOLDER: true, "num": number }))
    }

    fn marker(&self) -> Result<Marker, Error> {
        self.rest.first().copied().map(Marker::from_u8).ok_or_else(|| self.truncated())
    }

    fn one_byte(&mut self, value: Value) -> Value {
        self.rest = self.rest.get(1..).unwrap_or_default();
        value
    }

    /// A length, if the message can still hold so many things of at least `size` bytes.
    fn count<E>(&self, len: Result<u32, E>, size: usize) -> Result<usize, Error> {
        let len = usize::try_from(self.whole(len)?).unwrap_or(usize::MAX);
        if len > self.rest.len() / size { Err(self.truncated()) } else { Ok(len) }
    }

    /// What `rmp` read; with the marker known, it fails only at the message's end.
    fn whole<T, E>(&self, read: Result<T, E>) -> Result<T, Error> {
        read.map_err(|_| self.truncated())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (data, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(data)
    }

    fn truncated(&self) -> Error {
        self.invalid("the message ends in the middle of a value")
    }

    pub(super) fn invalid(&self, reason: &'static str) -> Error {
        Error::NotMessagePack {
            reason,
            offset: self.message.len() - self.rest.len(),
            data: Excerpt::of_bytes(self.message),
        }
    }
}
