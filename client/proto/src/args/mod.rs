//! Arguments of events and acks: JSON values with binary anywhere inside.

mod de;
mod encoded;
mod shape;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use encoded::EncodedArgs;

use crate::Error;

/// The arguments of a received event or ack.
///
/// Binary arguments stand in [`values`](Self::values) as the placeholder they travelled as,
/// `{"_placeholder": true, "num": n}`, and `n` indexes [`attachments`](Self::attachments).
/// [`parse`](Self::parse) puts both together again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args {
    values: Vec<Value>,
    attachments: Vec<Bytes>,
}

impl Args {
    /// The arguments that serialising `args` gives, by the rules of [`EncodedArgs::new`].
    pub fn new(args: impl Serialize) -> Result<Self, Error> {
        EncodedArgs::new(args)?.decode()
    }

    pub(crate) fn from_parts(values: Vec<Value>, attachments: Vec<Bytes>) -> Self {
        Self { values, attachments }
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// The arguments in order, binary ones as placeholders.
    #[doc(alias = "args")]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The binary attachments, in the order the placeholders number them.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Number of arguments.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Reads the arguments as a `T`, by the rules of [`EncodedArgs::new`] reversed: a tuple takes
    /// one argument each, `()` takes none, any other type takes exactly one.
    ///
    /// Binary goes wherever `T` asks for bytes: `bytes::Bytes`, or `Vec<u8>` with `serde_bytes`.
    ///
    /// ```
    /// use socketio_proto::Args;
    ///
    /// let args = Args::new(("harry", 6))?;
    /// let (name, result): (String, u32) = args.parse()?;
    /// assert_eq!((name.as_str(), result), ("harry", 6));
    ///
    /// let error = args.parse::<(String, bool)>().unwrap_err();
    /// assert_eq!(error.to_string(), "arguments do not fit `(String, bool)` at [1]: \
    ///     invalid type: integer `6`, expected a boolean; they are [\"harry\",6]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ParseArgsError> {
        de::parse(self)
    }
}

/// Typed arguments did not fit what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("arguments do not fit `{}`{}: {reason}; they are {json}", short(expected), place(path))]
pub struct ParseArgsError {
    /// The Rust type asked for.
    pub expected: &'static str,
    /// Where in the arguments it failed, e.g. `[0].user.name`.
    pub path: String,
    /// What serde said.
    pub reason: String,
    /// The arguments as JSON.
    pub json: String,
}

/// A type's name without the paths in it: `Vec<String>`.
fn short(name: &str) -> String {
    let is_path = |character: char| character.is_alphanumeric() || "_:{}".contains(character);
    let mut shortened = String::new();
    for part in name.split_inclusive(|character| !is_path(character)) {
        shortened += part.rsplit("::").next().unwrap_or_default();
    }
    shortened
}

/// Where it failed, unless that is all of the arguments.
fn place(path: &str) -> String {
    if path == "." { String::new() } else { format!(" at {path}") }
}

/// The key that marks a placeholder for an attachment.
pub(crate) const PLACEHOLDER: &str = "_placeholder";

/// The attachment number, if `value` is a placeholder. The number is not yet checked.
pub(crate) fn placeholder(value: &Value) -> Option<&Value> {
    let object = value.as_object()?;
    (object.get(PLACEHOLDER)? == &Value::Bool(true))
        .then(|| object.get("num").unwrap_or(&Value::Null))
}
