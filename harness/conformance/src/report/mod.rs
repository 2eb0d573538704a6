//! What a run found, and the forms in which it is told.

mod html;
mod json;
mod junit;
mod text;

use std::{borrow::Cow, fmt, time::Duration};

use crate::{Failure, Level, Section, raw::Transcript};

pub use self::{html::Html, text::Text};

/// The results of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The URL of the server under test.
    pub subject: String,
    /// How long the whole run took.
    pub duration: Duration,
    /// A result for each case, in the order of the sections.
    pub results: Vec<CaseResult>,
}

/// The result of one case.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaseResult {
    /// The stable name of the case.
    pub id: Cow<'static, str>,
    /// The part of the specification.
    pub section: Section,
    /// How strongly the specification asks for it.
    pub level: Level,
    /// What is required.
    pub requirement: Cow<'static, str>,
    /// What came of it.
    pub verdict: Verdict,
    /// How long the case took, the last time it was held.
    pub duration: Duration,
    /// How often it was held: more than once if the machine stood still meanwhile, or if it failed
    /// and an answer was slow.
    pub attempts: usize,
    /// Whether neither was so the last time. Otherwise the verdict may be owed to that.
    pub steady: bool,
    /// What went over the wire.
    pub transcript: Transcript,
}

/// What came of a case.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Verdict {
    /// The server keeps the requirement.
    Passed,
    /// The server departs from it.
    Failed(Failure),
    /// The server departs from it in the way that the known failures explain.
    KnownFailure {
        /// What the requirement expects, and what came.
        failure: Failure,
        /// Why the server departs.
        reason: String,
    },
    /// The known failures say that it fails, and it passes: they are out of date.
    UnexpectedPass {
        /// Why it was said to fail.
        reason: String,
    },
    /// The server departs from something that is only worth knowing, [`Level::Info`].
    Noted(Failure),
    /// The case itself is broken and says nothing about the server.
    Panicked(String),
}

/// How many cases came to which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// All cases.
    pub cases: usize,
    /// [`Verdict::Passed`].
    pub passed: usize,
    /// [`Verdict::KnownFailure`].
    pub known_failures: usize,
    /// [`Verdict::Failed`].
    pub failed: usize,
    /// [`Verdict::UnexpectedPass`].
    pub unexpected_passes: usize,
    /// [`Verdict::Noted`].
    pub noted: usize,
    /// [`Verdict::Panicked`].
    pub panicked: usize,
}

impl Report {
    /// Whether every case passed, failed as known, or was only noted.
    pub fn is_success(&self) -> bool {
        self.results.iter().all(|result| result.verdict.is_success())
    }

    /// The verdicts, counted.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { cases: self.results.len(), ..Summary::default() };
        for result in &self.results {
            *match result.verdict {
                Verdict::Passed => &mut summary.passed,
                Verdict::KnownFailure { .. } => &mut summary.known_failures,
                Verdict::Failed(_) => &mut summary.failed,
                Verdict::UnexpectedPass { .. } => &mut summary.unexpected_passes,
                Verdict::Noted(_) => &mut summary.noted,
                Verdict::Panicked(_) => &mut summary.panicked,
            } += 1;
        }
        summary
    }

    /// The report for a terminal.
    pub fn text(&self) -> Text<'_> {
        Text::new(self)
    }

    /// The report for a browser.
    pub fn html(&self) -> Html<'_> {
        Html::new(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl CaseResult {
    /// How far the verdict can be trusted, unless it was found at once.
    fn caution(&self) -> Option<String> {
        let times = counted(self.attempts, "time");
        match (self.steady, self.attempts) {
            (false, _) => Some(format!(
                "Held {times}; each time the machine stood still, or an answer was slow. The \
                 verdict may be owed to that."
            )),
            (true, 2..) => Some(format!(
                "Held {times}; all but the last time the machine stood still, or an answer was slow."
            )),
            (true, _) => None,
        }
    }
}

impl Verdict {
    /// Whether the run may succeed with it.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Passed | Self::KnownFailure { .. } | Self::Noted(_))
    }

    /// The verdict in a word; what fails the run is in capitals.
    fn word(&self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed(_) => "FAIL",
            Self::KnownFailure { .. } => "known",
            Self::UnexpectedPass { .. } => "STALE",
            Self::Noted(_) => "note",
            Self::Panicked(_) => "BROKEN",
        }
    }

    /// What there is to say beyond the word, by name.
    fn facts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Passed => Vec::new(),
            Self::Failed(failure) | Self::Noted(failure) => {
                vec![("expected", &failure.expected), ("came", &failure.came)]
            }
            Self::KnownFailure { failure, reason } => {
                vec![("expected", &failure.expected), ("came", &failure.came), ("reason", reason)]
            }
            Self::UnexpectedPass { reason } => {
                vec![("came", "It passes: take it out of the known failures."), ("was", reason)]
            }
            Self::Panicked(message) => vec![
                ("panic", message),
                ("meaning", "The case is broken and says nothing about the server."),
            ],
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} passed, {}, {} failed",
            counted(self.cases, "case"),
            self.passed,
            counted(self.known_failures, "known failure"),
            self.failed,
        )?;
        if self.unexpected_passes > 0 {
            write!(f, ", {} stale", self.unexpected_passes)?;
        }
        if self.noted > 0 {
            write!(f, ", {} noted", self.noted)?;
        }
        if self.panicked > 0 {
            write!(f, ", {} broken", self.panicked)?;
        }
        Ok(())
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::raw::{Direction, Entry, Transport};

    /// A result of each kind.
    pub(crate) fn sample() -> Report {
        let failure = Failure::departure("the connection closed", "it stays open");
        Report {
            subject: "http://127.0.0.1:3000/socket.io/".to_owned(),
            duration: Duration::from_millis(1234),
            results: vec![
                result("eio.handshake.opens", Section::Handshake, Verdict::Passed),
                result("eio.close.closes", Section::Close, Verdict::Failed(failure.clone())),
                result(
                    "eio.close.pings",
                    Section::Close,
                    Verdict::KnownFailure {
                        failure: failure.clone(),
                        reason: "The server pings at once.".to_owned(),
                    },
                ),
                result(
                    "sio.event.echoes",
                    Section::Events,
                    Verdict::UnexpectedPass { reason: "The server was deaf.".to_owned() },
                ),
                result("sio.event.notes", Section::Events, Verdict::Noted(failure)),
                result("sio.event.panics", Section::Events, Verdict::Panicked("oh".to_owned())),
            ],
        }
    }

    pub(crate) fn result(id: &'static str, section: Section, verdict: Verdict) -> CaseResult {
        let entry = |at, direction, frame: &str| Entry {
            at: Duration::from_micros(at),
            connection: 1,
            transport: Transport::WebSocket,
            direction,
            frame: frame.to_owned(),
        };
        CaseResult {
            id: id.into(),
            section,
            level: Level::Must,
            requirement: "The server MUST close the connection, at once and for good, whatever \
                          else it may have been doing."
                .into(),
            verdict,
            duration: Duration::from_millis(7),
            attempts: 1,
            steady: true,
            transcript: Transcript {
                entries: vec![
                    entry(100, Direction::Sent, "1"),
                    entry(2250, Direction::Received, r#"42["message-back","still open"]"#),
                ],
            },
        }
    }

    #[test]
    fn the_summary_counts_every_verdict_and_hides_what_did_not_happen() {
        assert_eq!(
            sample().summary().to_string(),
            "6 cases: 1 passed, 1 known failure, 1 failed, 1 stale, 1 noted, 1 broken",
        );
        let passed = Summary { cases: 40, passed: 38, known_failures: 2, ..Summary::default() };
        assert_eq!(passed.to_string(), "40 cases: 38 passed, 2 known failures, 0 failed");
    }

    #[test]
    fn a_stale_known_failure_fails_the_run() {
        let mut report = sample();
        assert!(!report.is_success());
        report.results.retain(|result| result.verdict.is_success());
        assert_eq!(report.results.len(), 3);
        assert!(report.is_success());
    }
}
