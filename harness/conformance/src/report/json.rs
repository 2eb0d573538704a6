use serde_json::{Value, json};

use super::{CaseResult, Report, Verdict, milliseconds};

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
            "transcript": self.transcript,
        })
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
}
