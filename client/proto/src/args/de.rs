use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::{Args, ParseArgsError, placeholder};

pub(super) fn parse<T: DeserializeOwned>(args: &Args) -> Result<T, ParseArgsError> {
    serde_path_to_error::deserialize(Arguments(args)).map_err(|error| ParseArgsError {
        expected: std::any::type_name::<T>(),
        path: error.path().to_string(),
        reason: error.inner().to_string(),
        json: Value::from(args.values.clone()).to_string(),
    })
}

/// The whole argument list: a tuple takes all of it, `()` none, any other type the only one.
struct Arguments<'a>(&'a Args);

impl<'a> Arguments<'a> {
    fn node(&self, value: &'a Value) -> Node<'a> {
        Node { value, args: self.0 }
    }

    fn only(&self) -> Result<Node<'a>, Error> {
        match self.0.values.as_slice() {
            [value] => Ok(self.node(value)),
            values => Err(Error::custom(format_args!(
                "expected exactly one argument, got {}; a tuple takes several",
                values.len()
            ))),
        }
    }
}

impl<'de> Deserializer<'de> for Arguments<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.only()?.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_empty() {
            visitor.visit_none()
        } else {
            self.only()?.deserialize_option(visitor)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_empty() {
            visitor.visit_unit()
        } else {
            self.only()?.deserialize_unit(visitor)
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.only()?.deserialize_bytes(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.only()?.deserialize_byte_buf(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        if self.0.len() != len {
            return Err(Error::custom(format_args!(
                "expected {len} arguments, got {}",
                self.0.len()
            )));
        }
        let nodes = self.0.values.iter().map(|value| self.node(value));
        visitor.visit_seq(SeqDeserializer::new(nodes))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        unit_struct seq map struct identifier ignored_any
    }
}

/// One JSON value of the arguments, with the attachments its placeholders name.
#[derive(Clone, Copy)]
struct Node<'a> {
    value: &'a Value,
    args: &'a Args,
}

impl<'a> Node<'a> {
    fn child(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }

    fn attachment(self) -> Option<&'a [u8]> {
        if self.args.attachments.is_empty() {
            return None;
        }
        let index = usize::try_from(placeholder(self.value)?.as_u64()?).ok()?;
        self.args.attachments.get(index).map(AsRef::as_ref)
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(attachment) = self.attachment() {
            return visitor.visit_bytes(attachment);
        }
        match self.value {
            Value::Array(items) => {
                visitor.visit_seq(SeqDeserializer::new(items.iter().map(|item| self.child(item))))
            }
            Value::Object(fields) => visitor.visit_map(MapDeserializer::new(
                fields.iter().map(|(key, value)| (key.as_str(), self.child(value))),
            )),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(variant) => visitor.visit_enum(Variant { variant, content: None }),
            Value::Object(fields) => match fields.iter().next() {
                Some((variant, content)) if fields.len() == 1 => {
                    visitor.visit_enum(Variant { variant, content: Some(self.child(content)) })
                }
                _ => Err(Error::custom("expected an object with one key, the enum's variant")),
            },
            _ => Err(Error::custom("expected a string or an object with one key for an enum")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Variant<'a> {
    variant: &'a str,
    content: Option<Node<'a>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S>(self, seed: S) -> Result<(S::Value, Self), Error>
    where
        S: serde::de::DeserializeSeed<'de>,
    {
        seed.deserialize(self.variant.into_deserializer()).map(|value| (value, self))
    }
}

impl<'de> Variant<'de> {
    fn content(self) -> Result<Node<'de>, Error> {
        self.content
            .ok_or_else(|| Error::custom(format_args!("variant {} has no content", self.variant)))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Error::custom(format_args!("variant {} has content", self.variant))),
        }
    }

    fn newtype_variant_seed<S>(self, seed: S) -> Result<S::Value, Error>
    where
        S: serde::de::DeserializeSeed<'de>,
    {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.content()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.content()?.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Upload {
        name: String,
        parts: Vec<Bytes>,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Plain,
        Sized(u32),
        Named { name: Bytes },
    }

    fn args(value: impl serde::Serialize) -> Args {
        Args::new(value).unwrap()
    }

    #[test]
    fn one_argument_several_and_none() {
        assert_eq!(args("a").parse::<String>(), Ok("a".into()));
        assert_eq!(args((1, "b")).parse::<(u8, String)>(), Ok((1, "b".into())));
        assert_eq!(args(vec![1, 2]).parse::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(args(()).parse::<()>(), Ok(()));
        assert_eq!(args(()).parse::<Option<u8>>(), Ok(None));
        assert_eq!(args(5).parse::<Option<u8>>(), Ok(Some(5)));
        assert_eq!(args((json!({"a": 1}),)).parse::<(Value,)>(), Ok((json!({"a": 1}),)));
    }

    #[test]
    fn binary_goes_where_the_type_asks_for_bytes() {
        let value =
            args((Bytes::from_static(b"x"), json!({"name": "n", "parts": [], "more": true})));
        assert_eq!(
            value.parse::<(Bytes, Upload)>(),
            Ok((Bytes::from_static(b"x"), Upload { name: "n".into(), parts: vec![], note: None }))
        );
        assert_eq!(args(Bytes::new()).parse::<Bytes>(), Ok(Bytes::new()));
    }

    #[test]
    fn enums_in_all_their_forms() {
        assert_eq!(args("Plain").parse(), Ok(Kind::Plain));
        assert_eq!(args(json!({"Sized": 3})).parse(), Ok(Kind::Sized(3)));
        let named = args(std::collections::HashMap::from([(
            "Named",
            std::collections::HashMap::from([("name", Bytes::from_static(b"n"))]),
        )]));
        assert_eq!(named.parse(), Ok(Kind::Named { name: Bytes::from_static(b"n") }));
        assert!(args(json!({"Plain": 3})).parse::<Kind>().is_err());
        assert!(args(7).parse::<Kind>().is_err());
    }

    #[test]
    fn a_placeholder_without_attachments_is_plain_data() {
        let literal = json!({"_placeholder": true, "num": 0});
        assert_eq!(args(literal.clone()).parse::<Value>(), Ok(literal));
    }

    #[test]
    fn messages_name_types_without_their_paths_and_no_place_for_the_whole() {
        let error = args(json!({"a": 1})).parse::<Vec<String>>().unwrap_err().to_string();
        assert!(
            error.starts_with("arguments do not fit `Vec<String>`: invalid type: map"),
            "{error}"
        );
        let error = args((1, [true])).parse::<(u8, [Upload; 1])>().unwrap_err().to_string();
        assert!(
            error.starts_with("arguments do not fit `(u8, [Upload; 1])` at [1][0]: "),
            "{error}"
        );
    }

    #[test]
    fn errors_name_the_path_and_show_the_json() {
        let error = args((1, json!({"name": 5, "parts": []}))).parse::<(u8, Upload)>().unwrap_err();
        assert_eq!(error.path, "[1].name");
        assert!(error.reason.contains("expected a string"), "{error}");
        assert!(error.json.contains(r#""name":5"#), "{error}");

        let error = args((1, 2)).parse::<u8>().unwrap_err();
        assert_eq!(error.reason, "expected exactly one argument, got 2; a tuple takes several");
        let error = args(1).parse::<(u8, u8)>().unwrap_err();
        assert_eq!(error.reason, "expected 2 arguments, got 1");
    }
}
