use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{CaseResult, Report, Verdict};
use crate::Failure;

impl Report {
    /// The report as JUnit XML: a suite for each section, known failures as skipped.
    pub fn to_junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut junit =
            quick_junit::Report::new(format!("Socket.IO conformance of {}", self.subject));
        junit.set_time(self.duration);
        for results in self.results.chunk_by(|one, next| one.section == next.section) {
            let Some(first) = results.first() else {
                continue;
            };
            let mut suite = TestSuite::new(first.section.to_string());
            suite.set_time(results.iter().map(|result| result.duration).sum());
            suite.add_test_cases(results.iter().map(CaseResult::to_junit));
            junit.add_test_suite(suite);
        }
        junit.to_string()
    }
}

impl CaseResult {
    fn to_junit(&self) -> TestCase {
        let mut case = TestCase::new(&*self.id, self.status());
        case.set_classname(self.section.to_string()).set_time(self.duration);
        if !matches!(self.verdict, Verdict::Passed) {
            let transcript: Vec<_> =
                self.transcript.entries.iter().map(ToString::to_string).collect();
            case.set_system_out(transcript.join("\n"));
        }
        case
    }

    fn status(&self) -> TestCaseStatus {
        match &self.verdict {
            Verdict::Passed => TestCaseStatus::success(),
            Verdict::Failed(failure) => self.non_success(NonSuccessKind::Failure, failure),
            Verdict::KnownFailure { failure, reason } => {
                skipped(format!("known failure: {reason} ({failure})"))
            }
            Verdict::Noted(failure) => skipped(format!("worth knowing: {failure}")),
            Verdict::UnexpectedPass { reason } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type("stale").set_message(format!(
                    "passes, and the known failures say that it fails: {reason}"
                ));
                status
            }
            Verdict::Panicked(message) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                status.set_type("panic").set_message(message.as_str());
                status
            }
        }
    }

    fn non_success(&self, kind: NonSuccessKind, failure: &Failure) -> TestCaseStatus {
        let mut status = TestCaseStatus::non_success(kind);
        let (level, source) = (self.level, self.section.source());
        let caution = self.caution().map(|caution| format!("\n{caution}")).unwrap_or_default();
        status
            .set_type(level.to_string())
            .set_message(failure.to_string())
            .set_description(format!("{} ({level}; {source}){caution}", self.requirement));
        status
    }
}

fn skipped(message: String) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

#[cfg(test)]
mod tests {
    use crate::report::tests::sample;

    #[test]
    fn a_report_of_every_verdict() {
        insta::assert_snapshot!(sample().to_junit().unwrap());
    }

    #[test]
    fn a_verdict_that_is_uncertain_says_so() {
        let mut report = sample();
        assert!(!report.to_junit().unwrap().contains("Held"));
        (report.results[1].attempts, report.results[1].steady) = (5, false);
        assert!(report.to_junit().unwrap().contains("\nHeld 5 times; each time the machine"));
    }
}
