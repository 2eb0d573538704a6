//! The trace as JSON; `harness/docs/trace.md` documents it for readers in other languages.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

/// Changes when a field changes its meaning or goes; new fields may come at any time.
pub(crate) const VERSION: u32 = 1;

/// A whole trace.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) test: String,
    pub(crate) outcome: Outcome,
    pub(crate) started_unix_ms: u64,
    pub(crate) duration_us: u64,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) entries: Vec<Entry>,
}

/// How the test ended, as far as its app can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The app was closed, and nothing was left.
    Passed,
    /// The test panicked, or ended before it closed its app, or the app could not be closed.
    Failed,
}

/// One of those who talk.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lane {
    pub(crate) id: usize,
    pub(crate) kind: LaneKind,
    pub(crate) name: String,
    pub(crate) detail: String,
    /// How many of its oldest entries were not kept.
    pub(crate) dropped: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LaneKind {
    Server,
    Client,
}

/// Something that happened, in order of time.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) at_us: u64,
    #[serde(flatten)]
    pub(crate) what: What,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum What {
    Frame(Box<Frame>),
    Note(Note),
}

/// A frame between two lanes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Frame {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) transport: &'static str,
    /// Of the whole frame; `None` if only the server has told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<usize>,
    /// When the server read it from its connection, or wrote it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_at_us: Option<u64>,
    /// It was sent, and has not come to the other side.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) lost: bool,
    #[serde(flatten)]
    pub(crate) packet: Packet,
    /// Text as it travelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<String>,
    /// Binary as it travelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw_hex: Option<String>,
    /// Whether `raw` or `raw_hex` is less than the whole.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) cut: bool,
}

/// What a frame says.
#[derive(Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "`packet` is what the specification calls it")]
pub(crate) struct Packet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) packet: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ack: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) args: Option<Vec<Value>>,
    /// How many binary frames follow that belong to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attachments: Option<usize>,
    /// Which of them this is, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attachment: Option<usize>,
    /// What packets other than events and acks carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Value>,
    /// Why it could not be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Something that is no frame.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Note {
    pub(crate) lane: usize,
    pub(crate) level: Level,
    pub(crate) title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Info,
    /// Of the test itself.
    Mark,
    /// An expectation was met.
    Passed,
    /// Of the network: done on purpose.
    Fault,
    /// Left when the app was closed, and not worth failing.
    Warning,
    Failed,
}

impl Document {
    /// One entry a line, for `grep` and `diff`.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        let mut json = String::from("{\"format\":\"socketio-trace\"");
        // Writing into a string does not fail.
        let _ =
            write!(json, ",\"version\":{VERSION},\"test\":{}", serde_json::to_string(&self.test)?);
        let _ = write!(json, ",\"outcome\":{}", serde_json::to_string(&self.outcome)?);
        let _ = write!(json, ",\"started_unix_ms\":{}", self.started_unix_ms);
        let _ = write!(json, ",\"duration_us\":{}", self.duration_us);
        list(&mut json, "lanes", &self.lanes)?;
        list(&mut json, "entries", &self.entries)?;
        json.push_str("}\n");
        Ok(json)
    }
}

fn list<T: Serialize>(json: &mut String, name: &str, items: &[T]) -> serde_json::Result<()> {
    let _ = write!(json, ",\n\"{name}\":[");
    for (index, item) in items.iter().enumerate() {
        json.push_str(if index == 0 { "\n" } else { ",\n" });
        json.push_str(&serde_json::to_string(item)?);
    }
    json.push_str("\n]");
    Ok(())
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The lane of the server.
pub(crate) const SERVER: usize = 0;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}
