//! The trace of a test: what its clients and the server said to each other, as a page to look at
//! and as JSON.

mod collector;
mod decode;
mod diary;
mod format;
mod name;
mod page;
mod record;
mod server;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use socketio_mock_client::Registry;

use crate::app::{App, AppBuilder, Asked};
use crate::report::CloseReport;
use crate::tap::Tap;
use crate::{Error, Result, panics};
use collector::Collector;
pub(crate) use diary::Diary;
use format::{Level, Outcome};
pub(crate) use record::message_of;
use watch::Watch;

/// The variable that asks for a trace of every test: a directory, or `on-failure:` and a
/// directory.
///
/// See the chapter [`guide::trace`](crate::guide::trace).
pub const TRACE_VARIABLE: &str = "SOCKETIO_TEST_TRACE";

/// Whether an app writes a trace, and where; see [`AppBuilder::trace`](crate::AppBuilder::trace).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracing {
    directory: PathBuf,
    only_failures: bool,
}

impl Tracing {
    /// A trace whenever the app ends.
    pub fn always(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), only_failures: false }
    }

    /// A trace if the test fails: it panics, it ends before the app is closed (as with `?`), or the
    /// app cannot be closed.
    pub fn on_failure(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), only_failures: true }
    }

    /// What [`TRACE_VARIABLE`] asks for.
    pub(crate) fn from_environment() -> Option<Self> {
        Self::parse(std::env::var_os(TRACE_VARIABLE)?.to_str()?)
    }

    fn parse(value: &str) -> Option<Self> {
        match value.strip_prefix("on-failure:") {
            _ if value.is_empty() => None,
            Some(directory) => Some(Self::on_failure(directory)),
            None => Some(Self::always(value)),
        }
    }

    /// Begins the trace of an app, whose clients are listed in `registry`.
    pub(crate) fn begin(
        self,
        url: &str,
        registry: &Registry,
        tap: Option<Arc<Tap>>,
    ) -> Result<Trace> {
        let directory = &self.directory;
        std::fs::create_dir_all(directory)
            .map_err(|source| Error::Trace { path: directory.clone(), source })?;
        panics::install_hook();
        let collector = Collector::new(url.to_owned());
        collector.note(Level::Info, "app created", url);
        registry.observe(Arc::new(Watch(Arc::clone(&collector))));
        let test = name::of_the_test();
        let path = name::file_for(directory, &test);
        Ok(Trace { tracing: self, collector, tap, test, path, finished: false })
    }
}

impl AppBuilder {
    /// Writes a trace of the test: a page that shows who said what to whom, and the same as JSON.
    /// Default: what the variable [`TRACE_VARIABLE`] asks for.
    ///
    /// ```no_run
    /// # use socketio_harness::{Result, Tracing, create_app};
    /// # async fn f(router: axum::Router) -> Result {
    /// let app = create_app(router).trace(Tracing::on_failure("target/traces")).await?;
    /// # Ok(()) }
    /// ```
    pub fn trace(mut self, tracing: Tracing) -> Self {
        self.tracing = Asked::For(tracing);
        self
    }
}

impl App {
    /// Marks a moment of the test in its trace. Does nothing without one.
    pub fn note(&self, what: &str) {
        if let Some(trace) = &self.trace {
            trace.note(what);
        }
    }
}

/// A trace that is being kept. Dropped before it is finished, it was not closed: the test failed.
#[derive(Debug)]
pub(crate) struct Trace {
    tracing: Tracing,
    collector: Arc<Collector>,
    /// The server's own view, if it can be had.
    tap: Option<Arc<Tap>>,
    test: String,
    /// Without extension.
    path: PathBuf,
    finished: bool,
}

impl Trace {
    /// Notes a moment of the test.
    pub(crate) fn note(&self, title: &str) {
        self.collector.note(Level::Mark, title, "");
    }

    /// Where the parts of the app note what they do.
    pub(crate) fn diary(&self) -> Diary {
        Diary::new(&self.collector)
    }

    /// The test asks for the end of the app.
    pub(crate) fn closing(&self) {
        self.collector.note(Level::Info, "closing the app", "");
    }

    /// The app was closed, and this was left.
    pub(crate) fn finish(mut self, report: &CloseReport) {
        for warning in report.warnings() {
            self.collector.note(Level::Warning, warning.to_string(), "");
        }
        let outcome = if report.failures().next().is_some() {
            let message = Error::Leftovers(report.clone()).to_string();
            let (title, text) = message.split_once('\n').unwrap_or((&message, ""));
            self.collector.note(Level::Failed, title, text);
            Outcome::Failed
        } else {
            self.collector.note(Level::Info, "app closed", "");
            Outcome::Passed
        };
        self.write(outcome);
    }

    fn write(&mut self, outcome: Outcome) {
        self.finished = true;
        if outcome == Outcome::Passed && self.tracing.only_failures {
            return;
        }
        let mut document = self.collector.document(self.test.clone(), outcome);
        if let Some(tap) = &self.tap {
            server::add_view(&mut document, &tap.log(), tap.booted(), self.collector.started());
        }
        let page = with_extension(&self.path, "html");
        let written = document.to_json().map_err(std::io::Error::from).and_then(|json| {
            std::fs::write(with_extension(&self.path, "json"), &json)?;
            std::fs::write(&page, page::render(&self.test, &json))
        });
        // To the test's own output, which libtest shows if the test fails.
        match written {
            Ok(()) if outcome == Outcome::Failed => eprintln!("trace: {}", page.display()),
            Ok(()) => tracing::debug!(target: "socketio", page = %page.display(), "trace written"),
            Err(error) => eprintln!("cannot write the trace {}: {error}", page.display()),
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if std::thread::panicking() {
            let told = panics::last_of_this_thread().map_or_else(
                || "the test panicked".to_owned(),
                |panic| {
                    format!(
                        "{}\n  panicked at {}",
                        anstream::adapter::strip_str(&panic.message),
                        panic.location
                    )
                },
            );
            let (title, text) = told.split_once('\n').unwrap_or((&told, ""));
            if self.collector.knows_failure(title) {
                let place = text.rsplit_once('\n').map_or(text, |(_, place)| place).trim();
                self.collector.note(Level::Info, "the test ended with that failure", place);
            } else {
                self.collector.note(Level::Failed, title, text);
            }
        } else {
            let text = "It returned early, with an error most likely, or forgot `close(app)`.";
            self.collector.note(Level::Failed, "the test ended before it closed the app", text);
        }
        self.write(Outcome::Failed);
    }
}

/// A test's name may contain dots: `Path::with_extension` would cut it.
fn with_extension(path: &Path, extension: &str) -> PathBuf {
    PathBuf::from(format!("{}.{extension}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_a_directory_and_perhaps_a_condition() {
        assert_eq!(Tracing::parse("target/traces"), Some(Tracing::always("target/traces")));
        let on_failure = Some(Tracing::on_failure("target/traces"));
        assert_eq!(Tracing::parse("on-failure:target/traces"), on_failure);
        assert_eq!(Tracing::parse(""), None);
    }
}
