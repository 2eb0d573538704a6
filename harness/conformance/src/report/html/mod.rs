use std::fmt::{self, Formatter};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{CaseResult, Report, Verdict, milliseconds};
use crate::raw::{Direction, Transcript};

/// A report as one page for a browser that needs nothing else, not even scripts: the verdicts by
/// section, and behind each one every frame that went over the wire. Several servers, or several
/// runs of one, stand side by side.
///
/// ```
/// # use socketio_conformance::Report;
/// # fn f(report: &Report, earlier: &str) -> serde_json::Result<String> {
/// let earlier = Report::from_json(earlier)?; // what `to_json` wrote
/// Ok(report.html().beside(&[earlier]).to_string())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Html<'a> {
    reports: Vec<&'a Report>,
}

/// A case, and what came of it on each server.
struct Row<'a> {
    case: &'a CaseResult,
    results: Vec<(&'a Report, Option<&'a CaseResult>)>,
}

impl<'a> Html<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Self { reports: vec![report] }
    }

    /// With the reports of other servers, or of other runs, in columns to the right.
    #[must_use]
    pub fn beside(mut self, others: impl IntoIterator<Item = &'a Report>) -> Self {
        self.reports.extend(others);
        self
    }

    fn page(&self) -> Markup {
        let columns = format!("--columns: {}", self.reports.len());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy"
                        content="default-src 'none'; style-src 'unsafe-inline'";
                    title { "Socket.IO conformance of " (self.subjects()) }
                    style { (PreEscaped(include_str!("page.css"))) }
                }
                body style=(columns) {
                    header {
                        h1 { "Socket.IO conformance" }
                        ol.servers.several[self.is_matrix()] {
                            @for report in &self.reports { li { (server(report)) } }
                        }
                    }
                    main {
                        div.heads {
                            label {
                                input #departures type="checkbox" autocomplete="off";
                                " Hide what passes"
                            }
                            @if self.is_matrix() {
                                @for (number, report) in (1..).zip(&self.reports) {
                                    span.head title=(report.subject) { (number) }
                                }
                            }
                        }
                        @for rows in self.rows().chunk_by(|a, b| a.case.section == b.case.section) {
                            (self.section(rows))
                        }
                    }
                    footer {
                        "Written by socketio-conformance " (env!("CARGO_PKG_VERSION")) ", which \
                         judges a server by the Engine.IO protocol v4 and the Socket.IO protocol v5."
                    }
                }
            }
        }
    }

    fn section(&self, rows: &[Row<'_>]) -> Markup {
        let section = rows.first().map(|row| row.case.section);
        let all_pass = rows.iter().all(Row::passes);
        html! {
            section.passes[all_pass] {
                @if let Some(section) = section {
                    h2 { (section) }
                    p.source { (section.source()) }
                }
                div.cases { @for row in rows { (self.row(row)) } }
            }
        }
    }

    fn row(&self, row: &Row<'_>) -> Markup {
        let CaseResult { id, level, requirement, .. } = row.case;
        html! {
            details.case.passes[row.passes()] open[row.fails()] {
                summary {
                    code { (id) }
                    span.level { (level) }
                    @for (number, (report, result)) in (1..).zip(&row.results) {
                        (badge(self.is_matrix().then_some((number, report)), *result))
                    }
                }
                // A link to the case opens it, as the browser opens whatever holds its target.
                div.body #(id) {
                    p.requirement { (requirement) " (" (level) ")" }
                    @for (number, (report, result)) in (1..).zip(&row.results) {
                        @if let Some(result) = result {
                            section.finding {
                                @if self.is_matrix() { h3 { (number) ". " (report.subject) } }
                                (finding(result))
                            }
                        }
                    }
                }
            }
        }
    }

    /// The cases of all reports in the order of the sections.
    fn rows(&self) -> Vec<Row<'a>> {
        let mut cases: Vec<&CaseResult> = Vec::new();
        for result in self.reports.iter().flat_map(|report| &report.results) {
            if !cases.iter().any(|case| case.id == result.id) {
                cases.push(result);
            }
        }
        cases.sort_by_key(|case| case.section);
        let row = |case: &'a CaseResult| {
            let of = |report: &'a Report| report.results.iter().find(|it| it.id == case.id);
            Row { case, results: self.reports.iter().map(|it| (*it, of(it))).collect() }
        };
        cases.into_iter().map(row).collect()
    }

    fn is_matrix(&self) -> bool {
        self.reports.len() > 1
    }

    fn subjects(&self) -> String {
        let subjects: Vec<_> = self.reports.iter().map(|report| &*report.subject).collect();
        subjects.join("; ")
    }
}

impl Row<'_> {
    fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.results.iter().filter_map(|(_, result)| Some(&(*result)?.verdict))
    }

    /// Whether nobody departs.
    fn passes(&self) -> bool {
        self.verdicts().all(|verdict| matches!(verdict, Verdict::Passed))
    }

    /// Whether it fails a run.
    fn fails(&self) -> bool {
        self.verdicts().any(|verdict| !verdict.is_success())
    }
}

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.page().into_string())
    }
}

fn server(report: &Report) -> Markup {
    let outcome = if report.is_success() { "pass" } else { "fail" };
    let seconds = report.duration.as_secs_f64();
    html! {
        strong { (report.subject) }
        " "
        span.summary.(outcome) { (report.summary()) }
        " "
        span.took { "(" (format!("{seconds:.1}")) " s)" }
    }
}

/// Which server is said where there are several.
fn badge(server: Option<(usize, &Report)>, result: Option<&CaseResult>) -> Markup {
    let word = result.map_or("not run", |result| result.verdict.word());
    let class = result.map_or_else(|| "absent".to_owned(), |_| word.to_ascii_lowercase());
    let mark = match result.map(|result| &result.verdict) {
        None => "–",
        Some(Verdict::Passed) => "✓",
        Some(Verdict::Failed(_) | Verdict::UnexpectedPass { .. }) => "✕",
        Some(Verdict::KnownFailure { .. }) => "≈",
        Some(Verdict::Noted(_)) => "i",
        Some(Verdict::Panicked(_)) => "!",
    };
    let title = server.map(|(_, report)| format!("{}: {word}", report.subject));
    html! {
        span.badge.(class) title=[title] {
            @if let Some((number, _)) = server { span.unseen { (number) ": " } }
            span.mark aria-hidden="true" { (mark) }
            span.word { (word) }
        }
    }
}

fn finding(result: &CaseResult) -> Markup {
    html! {
        dl {
            @for (name, text) in result.verdict.facts() {
                dt { (name) }
                dd { (text) }
            }
            dt { "took" }
            dd { (milliseconds(result.duration)) " ms" }
            @if let Some(caution) = result.caution() {
                dt { "caution" }
                dd { (caution) }
            }
        }
        (transcript(&result.transcript, !result.verdict.is_success()))
    }
}

fn transcript(transcript: &Transcript, open: bool) -> Markup {
    html! {
        @if !transcript.entries.is_empty() {
            details.transcript open[open] {
                summary { "What went over the wire (" (transcript.entries.len()) ")" }
                table {
                    thead.unseen {
                        tr {
                            th scope="col" { "time" }
                            th scope="col" { "connection" }
                            th scope="col" { "direction" }
                            th scope="col" { "frame" }
                        }
                    }
                    @for entry in &transcript.entries {
                        @let (class, arrow, way) = match entry.direction {
                            Direction::Sent => ("sent", "→", "sent"),
                            Direction::Received => ("received", "←", "received"),
                        };
                        tr.(class) {
                            td.time { (format!("{:.1} ms", milliseconds(entry.at))) }
                            td.line { (entry.line()) }
                            td.way { span role="img" title=(way) aria-label=(way) { (arrow) } }
                            td.frame { (entry.frame) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Report;
    use crate::report::tests::sample;

    /// The words of a page, a line for each piece of text.
    fn words(page: &str) -> Vec<&str> {
        let (_, body) = page.split_once("</head>").unwrap();
        let pieces = body.split('<').filter_map(|piece| Some(piece.split_once('>')?.1.trim()));
        pieces.filter(|piece| !piece.is_empty()).collect()
    }

    #[test]
    fn a_report_of_every_verdict() {
        insta::assert_snapshot!(words(&sample().html().to_string()).join("\n"));
    }

    #[test]
    fn servers_stand_side_by_side_whatever_cases_each_was_judged_by() {
        let (mut sound, mut other) = (sample(), sample());
        sound.subject = "sound".to_owned();
        sound.results.retain(|result| result.verdict.is_success());
        other.results.reverse();
        let page = sound.html().beside([&other]).to_string();
        let rows: Vec<Vec<&str>> = page
            .split("<summary><code>")
            .skip(1)
            .map(|row| row.split("</summary>").next().unwrap())
            .map(|row| row.split("class=\"word\">").skip(1).collect::<Vec<_>>())
            .map(|words| words.iter().map(|word| word.split('<').next().unwrap()).collect())
            .collect();
        let expected = [
            ["pass", "pass"],
            ["known", "known"],
            ["not run", "FAIL"],
            ["note", "note"],
            ["not run", "BROKEN"],
            ["not run", "STALE"],
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn what_a_server_sent_is_text() {
        let mut report = sample();
        report.subject = "<script>alert(1)</script>".to_owned();
        report.results[1].transcript.entries[0].frame = "</td><img src=x onerror=alert(1)>".into();
        let page = report.html().to_string();
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;img src=x"), "{page}");
    }

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        let report = Report { subject: String::new(), ..sample() };
        let page = report.html().to_string();
        for outside in ["http:", "https:", "src=", "@import", "url(", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn a_verdict_that_is_uncertain_says_so() {
        let mut report = sample();
        report.results[0].attempts = 2;
        let page = report.html().to_string();
        assert!(page.contains("<dd>Held 2 times; all but the last time the machine"), "{page}");
    }

    #[test]
    fn what_fails_the_run_is_open() {
        let page = sample().html().to_string();
        assert_eq!(page.matches("<details class=\"case\" open>").count(), 3);
        assert_eq!(page.matches("<details class=\"case passes\">").count(), 1);
    }
}
