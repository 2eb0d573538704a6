use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::shape::Shape;
use super::{Args, PLACEHOLDER};
use crate::Error;

/// Arguments ready to be sent: JSON text, and the binary that was taken out of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedArgs {
    /// The arguments as JSON, joined by commas, without the array's brackets.
    pub(crate) json: String,
    /// What the placeholders in the JSON number.
    pub(crate) attachments: Vec<Bytes>,
}

impl EncodedArgs {
    /// Serialises arguments.
    ///
    /// Tuples are spread, one argument an element, and so are arrays and tuple structs, which
    /// serde cannot tell from them; `()` is no argument; everything else (`Vec`, structs, maps,
    /// `serde_json::Value`) is one argument. socketioxide reads arguments by the same rule. Bytes
    /// (`bytes::Bytes`, `serde_bytes`) become binary attachments wherever they stand.
    ///
    /// ```
    /// # use socketio_proto::EncodedArgs;
    /// assert_eq!(EncodedArgs::new((1, "two", [3]))?.json(), r#"1,"two",[3]"#);
    /// assert_eq!(EncodedArgs::new(vec![1, 2])?.json(), "[1,2]");
    /// assert_eq!(EncodedArgs::new(())?.json(), "");
    /// # Ok::<(), socketio_proto::Error>(())
    /// ```
    pub fn new(args: impl Serialize) -> Result<Self, Error> {
        let shape = Shape::of(&args);
        if shape == Shape::Nothing {
            return Ok(Self::default());
        }
        let mut json = Vec::with_capacity(64);
        let mut formatter = Arguments { spread: shape == Shape::Spread, ..Arguments::default() };
        args.serialize(&mut Serializer::with_formatter(&mut json, &mut formatter))
            .map_err(|error| Error::NotSerialisable(error.to_string()))?;
        let json =
            String::from_utf8(json).map_err(|error| Error::NotSerialisable(error.to_string()))?;
        Ok(Self { json, attachments: formatter.attachments })
    }

    /// The arguments as values, as their receiver would read them.
    pub(crate) fn decode(self) -> Result<Args, Error> {
        let values = serde_json::from_str(&format!("[{}]", self.json))
            .map_err(|error| Error::NotSerialisable(error.to_string()))?;
        Ok(Args::from_parts(values, self.attachments))
    }

    /// The arguments as JSON, joined by commas, binary as placeholders.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The binary taken out of the arguments.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

impl From<&Args> for EncodedArgs {
    /// Received arguments, to be sent on as they are.
    fn from(args: &Args) -> Self {
        let values: Vec<_> = args.values().iter().map(ToString::to_string).collect();
        Self { json: values.join(","), attachments: args.attachments().to_vec() }
    }
}

/// Writes arguments without the brackets around them.
#[derive(Default)]
struct Arguments {
    /// The outermost array is a tuple, which `serde_json` writes as one: its elements are arguments.
    spread: bool,
    /// How many arrays have begun and not ended.
    depth: usize,
    attachments: Vec<Bytes>,
}

impl Arguments {
    fn bracket<W: io::Write + ?Sized>(&self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.spread && self.depth == 0 { Ok(()) } else { writer.write_all(bracket) }
    }
}

impl Formatter for &mut Arguments {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.bracket(writer, b"[")?;
        self.depth += 1;
        Ok(())
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        self.bracket(writer, b"]")
    }

    /// Writes a placeholder where serde meets bytes, and keeps the bytes
    /// (Socket.IO protocol v5, "Packet encoding").
    fn write_byte_array<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        value: &[u8],
    ) -> io::Result<()> {
        write!(writer, r#"{{"{PLACEHOLDER}":true,"num":{}}}"#, self.attachments.len())?;
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn json_of(args: impl Serialize) -> String {
        EncodedArgs::new(args).unwrap().json
    }

    #[derive(Serialize)]
    struct Upload {
        name: &'static str,
        parts: Vec<Bytes>,
    }

    #[derive(Serialize)]
    struct Pair(u8, u8);

    #[derive(Serialize)]
    struct Wrapper(Vec<u8>);

    #[test]
    fn tuples_spread_and_the_rest_is_one_argument() {
        assert_eq!(json_of((1, 2, 3)), "1,2,3");
        assert_eq!(json_of((1, "b")), r#"1,"b""#);
        assert_eq!(json_of(Pair(1, 2)), "1,2");
        assert_eq!(json_of([1, 2]), "1,2");
        assert_eq!(json_of(((1, 2), 3)), "[1,2],3");
        assert_eq!(json_of(vec![1, 2]), "[1,2]");
        assert_eq!(json_of(json!([1, 2])), "[1,2]");
        assert_eq!(json_of(json!({"a": 1})), r#"{"a":1}"#);
        assert_eq!(json_of(Wrapper(vec![7])), "[7]");
        assert_eq!(json_of("text"), r#""text""#);
    }

    #[test]
    fn no_argument_and_null_differ() {
        assert_eq!(json_of(()), "");
        assert_eq!(json_of(Value::Null), "null");
        assert_eq!(json_of(None::<u8>), "null");
        assert_eq!(json_of((Value::Null,)), "null");
        assert_eq!(json_of([0_u8; 0]), "");
    }

    #[test]
    fn bytes_anywhere_become_attachments_in_order() {
        let upload = Upload { name: "two", parts: vec![Bytes::from_static(b"ab"), Bytes::new()] };
        let encoded = EncodedArgs::new((Bytes::from_static(b"first"), upload)).unwrap();
        assert_eq!(
            encoded.json,
            r#"{"_placeholder":true,"num":0},{"name":"two","parts":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]}"#
        );
        assert_eq!(encoded.attachments, [&b"first"[..], b"ab", b""]);
    }

    #[test]
    fn what_json_cannot_hold_is_an_error() {
        let keys = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(matches!(EncodedArgs::new(keys), Err(Error::NotSerialisable(_))));
    }
}
