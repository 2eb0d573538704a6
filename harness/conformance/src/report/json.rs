use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CaseResult, Report, Verdict, milliseconds};
use crate::{
    Failure, Level, Section,
    raw::{Transcript, from_milliseconds},
};

impl Report {
    /// The report as JSON, with the whole transcript of every case.
    pub fn to_json(&self) -> Value {
        json!({
            "subject": self.subject,
            "success": self.is_success(),
            "duration_ms": milliseconds(self.duration),
            "summary": self.summary(),
            "cases": self.results.iter().map(CaseResult::to_json).collect::<Vec<_>>(),
        })
    }

    /// Reads what [`to_json`](Self::to_json) has written, to set it beside another report.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        let Form { subject, duration, cases } = serde_json::from_str(json)?;
        Ok(Self { subject, duration, results: cases.into_iter().map(CaseResult::from).collect() })
    }
}

impl CaseResult {
    fn to_json(&self) -> Value {
        let (verdict, failure, reason) = match &self.verdict {
            Verdict::Passed => ("passed", None, None),
            Verdict::Failed(failure) => ("failed", Some(failure), None),
            Verdict::KnownFailure { failure, reason } => {
                ("known-failure", Some(failure), Some(reason))
            }
            Verdict::UnexpectedPass { reason } => ("unexpected-pass", None, Some(reason)),
            Verdict::Noted(failure) => ("noted", Some(failure), None),
            Verdict::Panicked(message) => ("panicked", None, Some(message)),
        };
        json!({
            "id": self.id,
            "section": self.section,
            "level": self.level,
            "requirement": self.requirement,
            "source": self.section.source(),
            "verdict": verdict,
            "failure": failure,
            "reason": reason,
            "duration_ms": milliseconds(self.duration),
            "attempts": self.attempts,
            "steady": self.steady,
            "transcript": self.transcript,
        })
    }
}

/// What is read of a report; the rest of it is made of this.
#[derive(Deserialize)]
struct Form {
    subject: String,
    #[serde(rename = "duration_ms", deserialize_with = "from_milliseconds")]
    duration: Duration,
    cases: Vec<CaseForm>,
}

#[derive(Deserialize)]
struct CaseForm {
    id: String,
    section: Section,
    level: Level,
    requirement: String,
    #[serde(flatten)]
    verdict: VerdictForm,
    #[serde(rename = "duration_ms", deserialize_with = "from_milliseconds")]
    duration: Duration,
    attempts: usize,
    #[serde(default = "kept_time")]
    steady: bool,
    transcript: Transcript,
}

/// Reports of before do not tell.
fn kept_time() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
enum VerdictForm {
    Passed,
    Failed { failure: Failure },
    KnownFailure { failure: Failure, reason: String },
    UnexpectedPass { reason: String },
    Noted { failure: Failure },
    Panicked { reason: String },
}

impl From<CaseForm> for CaseResult {
    fn from(form: CaseForm) -> Self {
        Self {
            id: form.id.into(),
            section: form.section,
            level: form.level,
            requirement: form.requirement.into(),
            verdict: form.verdict.into(),
            duration: form.duration,
            attempts: form.attempts,
            steady: form.steady,
            transcript: form.transcript,
        }
    }
}

impl From<VerdictForm> for Verdict {
    fn from(form: VerdictForm) -> Self {
        match form {
            VerdictForm::Passed => Self::Passed,
            VerdictForm::Failed { failure } => Self::Failed(failure),
            VerdictForm::KnownFailure { failure, reason } => Self::KnownFailure { failure, reason },
            VerdictForm::UnexpectedPass { reason } => Self::UnexpectedPass { reason },
            VerdictForm::Noted { failure } => Self::Noted(failure),
            VerdictForm::Panicked { reason } => Self::Panicked(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn a_failed_case_carries_its_failure_and_its_transcript() {
        let json = sample().to_json();
        assert_eq!(
            json["cases"][1],
            json!({
                "id": "eio.close.closes",
                "section": "close",
                "level": "MUST",
                "requirement": "The server MUST close the connection, at once and for good, \
                                whatever else it may have been doing.",
                "source": "Engine.IO protocol v4, \"Protocol\"",
                "verdict": "failed",
                "failure": {
                    "kind": "departure",
                    "expected": "the connection closed",
                    "came": "it stays open",
                },
                "reason": null,
                "duration_ms": 7.0,
                "attempts": 1,
                "steady": true,
                "transcript": [
                    {
                        "ms": 0.1,
                        "connection": 1,
                        "transport": "websocket",
                        "direction": "sent",
                        "frame": "1",
                    },
                    {
                        "ms": 2.3,
                        "connection": 1,
                        "transport": "websocket",
                        "direction": "received",
                        "frame": "42[\"message-back\",\"still open\"]",
                    },
                ],
            }),
        );
    }

    #[test]
    fn the_summary_stands_beside_the_cases() {
        let json = sample().to_json();
        assert_eq!(json["success"], false);
        assert_eq!(json["duration_ms"], 1234.0);
        assert_eq!(json["summary"]["known_failures"], 1);
        assert_eq!(json["cases"].as_array().map(Vec::len), Some(6));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut report = sample();
        (report.results[1].attempts, report.results[1].steady) = (5, false);
        let json = report.to_json();
        assert_eq!(Report::from_json(&json.to_string()).unwrap().to_json(), json);

        let before =
            json.to_string().replace(",\"steady\":false", "").replace(",\"steady\":true", "");
        assert!(Report::from_json(&before).unwrap().results[1].steady);
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_reason() {
        let json = sample().to_json().to_string();
        for (written, instead, reason) in [
            ("\"subject\"", "\"server\"", "missing field `subject`"),
            ("\"unexpected-pass\"", "\"luck\"", "unknown variant `luck`"),
            ("\"duration_ms\":1234.0", "\"duration_ms\":-1", "negative"),
        ] {
            let error = Report::from_json(&json.replace(written, instead)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
