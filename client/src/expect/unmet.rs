use std::fmt::{self, Write as _};
use std::panic::Location;

use serde_json::Value;

use super::difference::Difference;
use super::paint::{self, Role, paint};
use super::short::{apart, is_full, line, shortened, shortened_lines, wrapped};
use super::situation::Situation;
use crate::packets::{Content, PacketEntry};

/// An expectation that was not met: what was expected, what came instead, and what may have gone
/// wrong.
///
/// `Display` prints it without colours. Short by default: with `SOCKETIO_TEST_TRANSCRIPT=full` in
/// the environment the whole conversation is kept and printed.
#[derive(Clone)]
#[non_exhaustive]
pub struct Unmet {
    /// What was expected.
    pub expected: String,
    /// How it was not met.
    pub outcome: String,
    /// The events that came nearest, the nearest first.
    pub candidates: Vec<Candidate>,
    /// What may have gone wrong, a sentence each.
    pub hints: Vec<String>,
    /// The conversations, one a client involved.
    pub situations: Vec<Situation>,
    /// Where the expectation is written.
    pub written_at: &'static Location<'static>,
}

/// An event that nearly, or wrongly, met an expectation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Candidate {
    /// The event and when it came: `["myEventResult",{"result":6}]`.
    pub event: String,
    /// What stands before it, such as the client that got it.
    pub label: String,
    /// Where its arguments differ.
    pub differences: Vec<Difference>,
    /// Conditions that do not hold for it.
    pub conditions: Vec<String>,
}

impl Unmet {
    fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    /// As a panic prints it: in colour on a terminal.
    pub(crate) fn for_standard_error(&self) -> String {
        paint::for_standard_error(&self.render())
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let expected = shortened_lines(&self.expected);
        write!(text, "expected {}\n  ", paint(Role::Heading, expected))?;
        write!(text, "{}", paint(Role::Heading, &self.outcome))?;
        for candidate in &self.candidates {
            candidate.write(text)?;
        }
        for hint in &self.hints {
            write!(text, "\n  {} {hint}", paint(Role::Hint, "hint:"), hint = wrapped(hint))?;
        }
        for situation in &self.situations {
            write_conversation(text, situation, &self.candidates)?;
        }
        write!(text, "\n  expected at {}", self.written_at)
    }
}

impl Candidate {
    fn write(&self, text: &mut String) -> fmt::Result {
        write!(text, "\n  {} {}", self.label, shortened(&self.event))?;
        for difference in self.differences.iter().take(SHOWN_DIFFERENCES) {
            let path = &difference.path;
            let nothing = || "nothing".to_owned();
            let expected = difference.expected.clone().unwrap_or_else(nothing);
            let actual = difference.actual.clone().unwrap_or_else(nothing);
            let (expected, actual) = apart(&expected, &actual);
            let (expected, actual) = (paint(Role::Expected, expected), paint(Role::Actual, actual));
            write!(text, "\n    {path}: expected {expected}")?;
            write!(
                text,
                "\n    {:>1$} {actual}",
                "got",
                path.chars().count() + "expected: ".len()
            )?;
        }
        let hidden = self.differences.len().saturating_sub(SHOWN_DIFFERENCES);
        if hidden > 0 {
            write!(text, "\n    … {hidden} more differences")?;
        }
        for condition in &self.conditions {
            write!(text, "\n    {condition} does not hold")?;
        }
        Ok(())
    }
}

fn write_conversation(
    text: &mut String,
    situation: &Situation,
    candidates: &[Candidate],
) -> fmt::Result {
    let tells = |packet: &&PacketEntry| !packet.is_fence() && (is_full() || !packet.is_idle());
    let packets: Vec<_> = situation.packets.iter().filter(tells).collect();
    let (who, namespace) = (&situation.who, &situation.namespace);
    write!(text, "\n  the conversation of {who}")?;
    if !namespace.is_empty() {
        write!(text, " on {namespace}")?;
    }
    match packets.last() {
        Some(last) => write!(text, ", by {}:", last.transport.name())?,
        None => write!(text, ": nothing so far")?,
    }
    let shown = if is_full() { packets.len() } else { SHOWN_PACKETS };
    let hidden = packets.len().saturating_sub(shown);
    if hidden + situation.forgotten > 0 {
        let earlier = format!("… {} earlier packets", hidden + situation.forgotten);
        write!(text, "\n    {}", paint(Role::Aside, earlier))?;
    }
    for packet in packets.into_iter().skip(hidden) {
        let line = line(packet);
        let way = situation.events.unwrap_or(packet.direction);
        let mut looked_at = candidates.iter().filter(|_| packet.direction == way);
        match looked_at.find(|candidate| shows(packet, candidate)) {
            Some(_) => write!(text, "\n    {line} {}", paint(Role::Hint, "◂"))?,
            None if matches!(packet.content, Content::Engine { .. }) => {
                write!(text, "\n    {}", paint(Role::Aside, line))?;
            }
            None => write!(text, "\n    {line}")?,
        }
    }
    Ok(())
}

/// Whether the packet is the one the candidate came in.
fn shows(packet: &PacketEntry, candidate: &Candidate) -> bool {
    match (packet.event(), packet.event_name()) {
        (Some((name, args)), _) => super::event_json(name, args) == candidate.event,
        // Only its beginning is known.
        (None, Some(name)) => candidate.event.starts_with(&format!("[{},", Value::from(name))),
        (None, None) => false,
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&paint::plain(&self.render()))
    }
}

impl std::error::Error for Unmet {}

impl fmt::Debug for Unmet {
    /// What a test prints that returns the error: as a panic does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.for_standard_error())
    }
}

const SHOWN_PACKETS: usize = 12;
const SHOWN_DIFFERENCES: usize = 8;
