//! The trace of a test: what its clients and the server said to each other, as a page to look at
//! and as JSON.

mod collector;
mod decode;
mod format;
mod name;
mod page;
mod panics;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use socketio_mock_client::Registry;

use crate::app::{App, AppBuilder};
use crate::{Error, Result};
use collector::{Collector, Watch};
use format::{Level, Outcome};

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
    pub(crate) fn begin(self, url: String, registry: &Registry) -> Result<Trace> {
        let directory = &self.directory;
        std::fs::create_dir_all(directory)
            .map_err(|source| Error::Trace { path: directory.clone(), source })?;
        panics::remember();
        let collector = Collector::new(url);
        registry.observe(Arc::new(Watch(Arc::clone(&collector))));
        let test = name::of_the_test();
        let path = name::file_for(directory, &test);
        Ok(Trace { tracing: self, collector, test, path, finished: false })
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
        self.tracing = Some(tracing);
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

    /// The app was closed, with this result.
    pub(crate) fn finish(mut self, closed: &Result) {
        let outcome = match closed {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                let message = error.to_string();
                let (title, text) = message.split_once('\n').unwrap_or((&message, ""));
                self.collector.note(Level::Failed, title, text);
                Outcome::Failed
            }
        };
        self.write(outcome);
    }

    fn write(&mut self, outcome: Outcome) {
        self.finished = true;
        if outcome == Outcome::Passed && self.tracing.only_failures {
            return;
        }
        let document = self.collector.document(self.test.clone(), outcome);
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
            let message = panics::last().unwrap_or_else(|| "the test panicked".to_owned());
            let (title, text) = message.split_once('\n').unwrap_or((&message, ""));
            self.collector.note(Level::Failed, title, text);
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
