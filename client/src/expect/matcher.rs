use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use regex::Regex;
use serde_json::{Map, Value};

/// A value described instead of written out; [`matchers`](crate::matchers) make them.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    Any,
    Text,
    Number,
    About { value: f64, within: f64 },
    Regex(Regex),
    Uuid,
    SessionId,
    Binary(Option<Vec<u8>>),
}

impl Matcher {
    /// Reads what stands beside `$match`.
    pub(super) fn parse(name: &str, object: &Map<String, Value>) -> Result<Self, String> {
        let number = |key: &str| object.get(key).map(|value| float(key, value)).transpose();
        let text = |key: &str| object.get(key).map(|value| string(key, value)).transpose();
        let (matcher, keys): (_, &[&str]) = match name {
            "any" => (Self::Any, &[]),
            "string" => (Self::Text, &[]),
            "number" => match number("about")? {
                None => (Self::Number, &[]),
                Some(value) => {
                    let within = number("within")?.unwrap_or(DEFAULT_TOLERANCE);
                    (Self::About { value, within }, &["about", "within"])
                }
            },
            "regex" => {
                let pattern =
                    text("pattern")?.ok_or("the matcher \"regex\" needs a \"pattern\"")?;
                let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
                (Self::Regex(regex), &["pattern"])
            }
            "uuid" => (Self::Uuid, &[]),
            "session id" => (Self::SessionId, &[]),
            "binary" => {
                let data = text("base64")?.map(|text| BASE64_STANDARD.decode(text)).transpose();
                let data = data.map_err(|error| format!("\"base64\" of \"binary\": {error}"))?;
                (Self::Binary(data), &["base64"])
            }
            other => return Err(unknown(other)),
        };
        match object.keys().find(|key| *key != KEY && !keys.contains(&key.as_str())) {
            Some(key) => Err(format!("the matcher \"{name}\" has no option \"{key}\"")),
            None => Ok(matcher),
        }
    }

    /// Whether `actual` is one. `binary` is what stands behind it, if it is a placeholder.
    pub(super) fn matches(&self, actual: &Value, binary: Option<&[u8]>) -> bool {
        match self {
            Self::Any => true,
            Self::Text => actual.is_string(),
            Self::Number => actual.is_number(),
            Self::About { value, within } => {
                actual.as_f64().is_some_and(|actual| (actual - value).abs() <= *within)
            }
            Self::Regex(regex) => actual.as_str().is_some_and(|text| regex.is_match(text)),
            Self::Uuid => actual.as_str().is_some_and(is_uuid),
            Self::SessionId => actual.as_str().is_some_and(is_session_id),
            Self::Binary(None) => binary.is_some(),
            Self::Binary(Some(data)) => binary == Some(data),
        }
    }

    /// What a comparison is to see in its place: what came if it matches, and a description
    /// otherwise. `shown` is what it will see of `actual`.
    pub(super) fn resolve(
        &self,
        binary: Option<&[u8]>,
        actual: &Value,
        shown: &mut Value,
    ) -> Value {
        if self.matches(actual, binary) {
            return shown.clone();
        }
        if let (Self::Binary(Some(expected)), Some(binary)) = (self, binary) {
            let [expected, actual] = binary_apart(expected, binary);
            *shown = actual.into();
            return expected.into();
        }
        self.describe().into()
    }

    /// What a failing expectation shows in its place.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Any => "<anything>".into(),
            Self::Text => "<any string>".into(),
            Self::Number => "<any number>".into(),
            Self::About { value, within } => format!("<{value} ± {within}>"),
            Self::Regex(regex) => format!("<text that matches /{regex}/>"),
            Self::Uuid => "<a UUID>".into(),
            Self::SessionId => "<a session id>".into(),
            Self::Binary(None) => "<any binary>".into(),
            Self::Binary(Some(data)) => binary_text(data),
        }
    }
}

/// Binary as diffs show it: its size, and how it begins.
pub(super) fn binary_text(data: &[u8]) -> String {
    binary_text_from(0, data)
}

/// The same from a byte on.
fn binary_text_from(begin: usize, data: &[u8]) -> String {
    let shown: Vec<_> =
        data.iter().skip(begin).take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let from = if begin > 0 { format!(" from byte {}", begin + 1) } else { String::new() };
    let more = if data.len() > begin + SHOWN_BYTES { " …" } else { "" };
    format!("<{} bytes{from}: {}{more}>", data.len(), shown.join(" "))
}

/// Two that differ, shown where they do: from shortly before that place, if they begin alike.
fn binary_apart(expected: &[u8], actual: &[u8]) -> [String; 2] {
    let alike = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
    let begin = if alike < SHOWN_BYTES { 0 } else { alike - KEPT_BEFORE };
    [expected, actual].map(|data| binary_text_from(begin, data))
}

/// Hexadecimal in groups of 8, 4, 4, 4 and 12 (RFC 9562, "UUID Format").
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What servers use: 16 (socketioxide) or 20 (socket.io, python-socketio) characters of URL-safe
/// base64, or a UUID.
fn is_session_id(text: &str) -> bool {
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() >= SHORTEST_SESSION_ID && text.bytes().all(url_safe)
}

fn float(key: &str, value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("\"{key}\" of a matcher must be a number, not {value}"))
}

fn string<'a>(key: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("\"{key}\" of a matcher must be a string, not {value}"))
}

fn unknown(name: &str) -> String {
    let near = NAMES
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    format!(
        "no matcher \"{name}\"; the nearest is \"{}\". An object that really holds \"{KEY}\" is \
         written {{\"{KEY}\": \"literal\", \"value\": {{..}}}}",
        near.unwrap_or(&"any")
    )
}

/// The key that makes a matcher of an object.
pub(super) const KEY: &str = "$match";

/// Escapes a value that is to be taken as it is.
pub(super) const LITERAL: &str = "literal";

const NAMES: [&str; 8] =
    ["any", "string", "number", "regex", "uuid", "session id", "binary", LITERAL];
const DEFAULT_TOLERANCE: f64 = 1e-9;
const SHORTEST_SESSION_ID: usize = 16;
const SHOWN_BYTES: usize = 16;
/// Bytes that are alike before the place where two differ.
const KEPT_BEFORE: usize = 4;
