//! Values described instead of written out, for expected arguments.
//!
//! They stand anywhere in an expected value. They are data, an object with the key `$match`, so a
//! file of expectations can hold them just as well:
//!
//! | constructor | in a file | stands for |
//! |---|---|---|
//! | [`any()`] | `{"$match": "any"}` | anything, `null` included |
//! | [`any_string()`] | `{"$match": "string"}` | a string |
//! | [`any_number()`] | `{"$match": "number"}` | a number |
//! | [`about`]`(9.81, 0.01)` | `{"$match": "number", "about": 9.81, "within": 0.01}` | a number near it |
//! | [`regex()`](regex())`("^a")` | `{"$match": "regex", "pattern": "^a"}` | a string that the pattern finds |
//! | [`uuid()`] | `{"$match": "uuid"}` | a UUID |
//! | [`session_id()`] | `{"$match": "session id"}` | an id as servers give to sockets |
//! | [`any_binary()`] | `{"$match": "binary"}` | an attachment |
//! | [`binary`]`(bytes)` | `{"$match": "binary", "base64": "AQID"}` | an attachment of these bytes |
//! | [`literal`]`(value)` | `{"$match": "literal", "value": …}` | the value as it is |
//!
//! ```
//! use serde_json::json;
//! use socketio_mock_client::matchers::{any_string, session_id};
//!
//! let joined = json!([{"id": session_id(), "name": any_string(), "room": "lobby"}]);
//! # assert_eq!(joined[0]["id"], json!({"$match": "session id"}));
//! ```

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Anything at all; but something must be there.
pub fn any() -> Value {
    json!({"$match": "any"})
}

/// Any string.
pub fn any_string() -> Value {
    json!({"$match": "string"})
}

/// Any number.
pub fn any_number() -> Value {
    json!({"$match": "number"})
}

/// A number at most `within` away from `value`.
pub fn about(value: f64, within: f64) -> Value {
    json!({"$match": "number", "about": value, "within": within})
}

/// A string in which the regular expression is found; `^` and `$` tie it to the ends.
pub fn regex(pattern: &str) -> Value {
    json!({"$match": "regex", "pattern": pattern})
}

/// A UUID of any version, in the usual form with hyphens.
pub fn uuid() -> Value {
    json!({"$match": "uuid"})
}

/// An id as servers give to sockets and sessions: at least 16 characters of letters, digits, `-`
/// and `_`.
pub fn session_id() -> Value {
    json!({"$match": "session id"})
}

/// Any binary attachment.
pub fn any_binary() -> Value {
    json!({"$match": "binary"})
}

/// A binary attachment of exactly these bytes. `Bytes` in expected arguments mean the same.
pub fn binary(data: impl AsRef<[u8]>) -> Value {
    json!({"$match": "binary", "base64": BASE64_STANDARD.encode(data)})
}

/// The value as it is, should it look like a matcher.
pub fn literal(value: impl Into<Value>) -> Value {
    json!({"$match": "literal", "value": value.into()})
}
