use std::{
    fmt::{self, Formatter},
    iter,
};

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSeparator, WordSplitter, core::Word};

use super::{CaseResult, Report, Verdict};

/// A report for a terminal of 80 columns: a table by section, the failures, the summary.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    report: &'a Report,
    colours: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let colours = false;
        Self { report, colours }
    }

    /// With ANSI colours.
    #[must_use]
    pub fn coloured(self) -> Self {
        let colours = true;
        Self { colours, ..self }
    }

    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut section = None;
        for result in &self.report.results {
            if section.replace(result.section) != Some(result.section) {
                let heading = self.style(Style::new().bold());
                writeln!(f, "\n{heading}{}{heading:#}", result.section)?;
            }
            let (word, style) = self.verdict(&result.verdict);
            let duration = result.duration.as_millis();
            writeln!(f, "  {style}{word:<6}{style:#} {:<58} {duration:>7} ms", result.id)?;
        }
        Ok(())
    }

    fn details(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let results = self.report.results.iter();
        for result in results.filter(|result| !matches!(result.verdict, Verdict::Passed)) {
            self.title(f, result)?;
            if matches!(result.verdict, Verdict::Failed(_) | Verdict::Noted(_)) {
                let source = format!("{}; {}", result.level, result.section.source());
                field(f, "requirement", &result.requirement)?;
                field(f, "source", &source)?;
            }
            for (name, text) in result.verdict.facts() {
                field(f, name, text)?;
            }
            if let Some(caution) = result.caution().filter(|_| !result.steady) {
                field(f, "caution", &caution)?;
            }
            if matches!(result.verdict, Verdict::Failed(_) | Verdict::Panicked(_)) {
                self.transcript(f, result)?;
            }
        }
        Ok(())
    }

    fn title(&self, f: &mut Formatter<'_>, result: &CaseResult) -> fmt::Result {
        let (word, style) = self.verdict(&result.verdict);
        writeln!(f, "\n{style}{word}{style:#} {}", result.id)
    }

    fn transcript(&self, f: &mut Formatter<'_>, result: &CaseResult) -> fmt::Result {
        let entries = &result.transcript.entries;
        let left_out = entries.len().saturating_sub(LONGEST_TRANSCRIPT);
        let dim = self.style(Style::new().dimmed());
        writeln!(f, "  transcript")?;
        if left_out > 0 {
            writeln!(f, "    {dim}… {left_out} earlier frames; a JSON report has them all{dim:#}")?;
        }
        for entry in entries.iter().skip(left_out) {
            // Frames are not prose: they go on in the next line wherever the width ends.
            let margin = format!("  {}", entry.margin());
            let indent = " ".repeat(margin.len());
            let options =
                columns(&margin, &indent).word_separator(WordSeparator::Custom(|frame| {
                    Box::new(iter::once(Word::from(frame)))
                }));
            let line = textwrap::fill(&entry.frame, options);
            writeln!(f, "{dim}{line}{dim:#}")?;
        }
        Ok(())
    }

    fn verdict(&self, verdict: &Verdict) -> (&'static str, Style) {
        let colour = match verdict {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Failed(_) | Verdict::UnexpectedPass { .. } => AnsiColor::Red,
            Verdict::KnownFailure { .. } => AnsiColor::Yellow,
            Verdict::Noted(_) => AnsiColor::Cyan,
            Verdict::Panicked(_) => AnsiColor::Magenta,
        };
        (verdict.word(), self.style(colour.on_default()))
    }

    fn style(&self, style: Style) -> Style {
        if self.colours { style } else { Style::new() }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Socket.IO conformance of {}", self.report.subject)?;
        self.table(f)?;
        self.details(f)?;
        let colour = if self.report.is_success() { AnsiColor::Green } else { AnsiColor::Red };
        let style = self.style(colour.on_default().bold());
        let summary = self.report.summary();
        let seconds = self.report.duration.as_secs_f64();
        writeln!(f, "\n{style}{summary}{style:#} ({seconds:.1} s)")
    }
}

/// A name and its text, wrapped in a column of its own.
fn field(f: &mut Formatter<'_>, name: &str, text: &str) -> fmt::Result {
    let initial = format!("  {name:<11}  ");
    writeln!(f, "{}", textwrap::fill(text, columns(&initial, "               ")))
}

/// Ids and frames hold hyphens that are no place to break a line.
fn columns<'a>(initial: &'a str, subsequent: &'a str) -> Options<'a> {
    Options::new(WIDTH)
        .word_splitter(WordSplitter::NoHyphenation)
        .initial_indent(initial)
        .subsequent_indent(subsequent)
}

const WIDTH: usize = 80;
const LONGEST_TRANSCRIPT: usize = 40;

#[cfg(test)]
mod tests {
    use crate::report::tests::sample;

    #[test]
    fn a_report_of_every_verdict() {
        insta::assert_snapshot!(sample());
    }

    #[test]
    fn colours_are_asked_for() {
        assert!(!sample().to_string().contains('\u{1b}'));
        assert!(sample().text().coloured().to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_failure_on_a_machine_that_stood_still_says_so() {
        let mut report = sample();
        (report.results[1].attempts, report.results[1].steady) = (5, false);
        let text = report.to_string();
        assert!(text.contains("\n  caution      Held 5 times; each time the machine"), "{text}");
        report.results[1].steady = true;
        assert!(!report.to_string().contains("caution"), "the last time it kept time");
    }

    #[test]
    fn it_fits_80_columns() {
        let mut report = sample();
        report.results[1].steady = false;
        report.results[1].transcript.entries[0].frame = "42[".repeat(66);
        for line in report.to_string().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_long_transcript_keeps_its_end() {
        let mut report = sample();
        let entry = report.results[1].transcript.entries[0].clone();
        report.results[1].transcript.entries = vec![entry; 100];
        let text = report.to_string();
        assert!(text.contains("… 60 earlier frames"), "{text}");
    }
}
