//! A file of known failures, brought up to date with what a run has found.

use std::fmt::Write as _;

use super::{KnownFailure, KnownFailures};
use crate::{CaseResult, Failure, Report, Verdict};

impl KnownFailures {
    /// The text of a file that holds the failures of a run.
    ///
    /// Entries whose failure came again are kept, and so are those of cases that were not run; those
    /// of cases that pass are left out. Every other failure gets an entry, with what it came to and
    /// its conversation. Its reason is left to whoever finds it: until then
    /// [`parse`](Self::parse) refuses the file. If the case was known to fail in another way, a
    /// comment tells how and why.
    ///
    /// ```no_run
    /// # use socketio_conformance::{KnownFailures, Report};
    /// # fn f(known: KnownFailures, report: Report) -> std::io::Result<()> {
    /// std::fs::write("known.toml", known.updated(&report))?;
    /// # Ok(()) }
    /// ```
    pub fn updated(&self, report: &Report) -> String {
        let mut entries = Vec::new();
        for result in &report.results {
            match (&result.verdict, self.get(&result.id)) {
                (Verdict::KnownFailure { .. }, Some(entry)) => entries.push(entry.to_toml()),
                (Verdict::Failed(failure), before) => {
                    entries.push(unexplained(result, failure, before));
                }
                _ => {}
            }
        }
        let was_run = |entry: &&KnownFailure| report.results.iter().any(|it| it.id == entry.case);
        let mut others: Vec<_> = self.by_case.values().filter(|entry| !was_run(entry)).collect();
        others.sort_unstable_by(|a, b| a.case.cmp(&b.case));
        entries.extend(others.into_iter().map(KnownFailure::to_toml));
        entries.join("\n")
    }
}

impl KnownFailure {
    fn to_toml(&self) -> String {
        let mut toml = begin(&self.case);
        // Writing to a string cannot fail.
        let _ = writeln!(toml, "reason = {}", text(&self.reason));
        if let Some(came) = &self.came {
            let _ = writeln!(toml, "came = {}", text(came));
        }
        toml + &end(&self.transcript)
    }
}

fn unexplained(result: &CaseResult, failure: &Failure, before: Option<&KnownFailure>) -> String {
    let frames: Vec<_> = result.transcript.entries.iter().map(ToString::to_string).collect();
    let before = before.map(|entry| {
        let came = entry.came.as_deref().unwrap_or_default();
        format!("# before, {} came, with the reason {}\n", line(came), line(&entry.reason))
    });
    format!(
        "{}reason = \"\" # why does the server depart?\n\
         {}# as much of it as is always so, or any failure of the case counts as known:\n\
         # came = {}\n{}",
        begin(&result.id),
        before.unwrap_or_default(),
        line(&failure.came),
        end(&frames.join("\n"))
    )
}

fn begin(case: &str) -> String {
    format!("[[failure]]\ncase = {}\n", text(case))
}

fn end(transcript: &str) -> String {
    format!("transcript = {}\n", text(&format!("{}\n", transcript.trim_matches('\n'))))
}

/// A string of TOML that fits into a comment.
fn line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    self::text(&words.join(" "))
}

/// A string of TOML: of several lines as they are, if they can be.
fn text(text: &str) -> String {
    let is_plain = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    if text.contains('\n') && !text.contains("'''") && text.chars().all(is_plain) {
        // A line break right behind the quotes does not count.
        return format!("'''\n{text}'''");
    }
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Section, cases, report::tests::result};

    const KNOWN: &str = "eio.close.websocket_closes_on_a_close_packet";
    const NEW: &str = "sio.ack.answers_with_the_same_id";
    const STALE: &str = "eio.heartbeat.websocket_pings_at_each_interval";
    const NOT_RUN: &str = "sio.event.echoes_arguments_in_order";

    fn known() -> KnownFailures {
        let entry = |case: &str, reason: &str| {
            format!(
                "[[failure]]\ncase = '{case}'\nreason = {reason}\ncame = 'open'\n\
                 transcript = '''\n> 1\n'''\n"
            )
        };
        let file = [
            entry(KNOWN, "\"one\\nand \\\"two\\\"\""),
            entry(STALE, "'old'"),
            entry(NOT_RUN, "'it\\is'"),
        ];
        KnownFailures::parse(&file.concat(), &cases()).unwrap()
    }

    fn report(came: &str) -> Report {
        let failure = || Failure::departure("it closes", came);
        let known = Verdict::KnownFailure { failure: failure(), reason: "one".into() };
        let results = vec![
            result(KNOWN, Section::Close, known),
            result(NEW, Section::Events, Verdict::Failed(failure())),
            result(STALE, Section::Heartbeat, Verdict::UnexpectedPass { reason: "old".into() }),
        ];
        Report { subject: "server".into(), duration: Duration::ZERO, results }
    }

    #[test]
    fn what_failed_is_there_and_waits_for_a_reason() {
        let file = known().updated(&report("it stays open"));
        assert!(!file.contains(STALE), "{file}");
        let refusal = KnownFailures::parse(&file, &cases()).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("the reason of {NEW:?} is empty")), "{refusal}");

        let explained = file.replace("reason = \"\"", "reason = \"deaf\"");
        let explained = KnownFailures::parse(&explained, &cases()).unwrap();
        for (case, reason, came) in [
            (KNOWN, "one\nand \"two\"", Some("open")),
            (NEW, "deaf", None),
            (NOT_RUN, "it\\is", Some("open")),
        ] {
            let entry = explained.get(case).unwrap_or_else(|| panic!("{case}:\n{file}"));
            assert_eq!((&*entry.reason, entry.came.as_deref()), (reason, came));
        }
        assert_eq!(explained.get(KNOWN).unwrap().transcript, "> 1\n");
        assert!(file.contains("# came = \"it stays open\"\n"), "{file}");
    }

    #[test]
    fn what_was_known_of_a_case_that_fails_otherwise_is_told() {
        let mut report = report("it stays open");
        report.results[0].verdict = Verdict::Failed(Failure::departure("it closes", "closes late"));
        let file = known().updated(&report);
        let told = "# before, \"open\" came, with the reason 'one and \"two\"'\n";
        assert!(file.contains(told), "{file}");
        assert!(KnownFailures::parse(&file, &cases()).is_err(), "{file}");
    }

    #[test]
    fn whatever_came_is_a_file() {
        for came in ["'''", "\"\"\"", "a\nb = 1", "\u{0}", "\u{7f}\r\n", "\\"] {
            let file = known().updated(&report(came)).replace("reason = \"\"", "reason = \"x\"");
            let read = KnownFailures::parse(&file, &cases());
            assert!(read.is_ok_and(|read| read.get(NEW).is_some()), "{file}");
        }
        for odd in ["'''", "\u{0}", "a\nb", "\na", "a\r\nb\n", "'''\n\"\"\"", "tab\t", ""] {
            let read: toml::Table = toml::from_str(&format!("odd = {}", text(odd))).unwrap();
            assert_eq!(read["odd"].as_str(), Some(odd));
        }
    }
}
