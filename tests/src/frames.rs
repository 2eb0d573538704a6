//! Conversations as text, to be compared frame by frame.

use std::fmt::Write;

use socketio_harness::{Direction, Transcript};

/// Every frame with its time, heartbeats included, a line each. The ids that servers draw by chance
/// are left out; nothing else is.
pub fn frames(transcript: &Transcript) -> String {
    let mut text = String::new();
    for entry in transcript.entries() {
        let arrow = if entry.direction == Direction::Sent { "→" } else { "←" };
        let frame = without_ids(&entry.text);
        let _ = writeln!(text, "{:?} {arrow} {} {frame}", entry.at, entry.transport);
    }
    text
}

/// The text without the values of each `"sid"`.
pub fn without_ids(text: &str) -> String {
    let mut parts = text.split("\"sid\":\"");
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left += "\"sid\":…";
        left += part.split_once('"').map_or(part, |(_, rest)| rest);
    }
    left
}
