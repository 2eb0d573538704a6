use std::sync::Arc;

use super::collector::Collector;
use super::format::Level;

/// Where the parts of an app note what they do, for the trace; nowhere if there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Diary(Option<Arc<Collector>>);

impl Diary {
    pub(super) fn new(collector: &Arc<Collector>) -> Self {
        Self(Some(Arc::clone(collector)))
    }

    /// A fault of the network begins, ends, or happens.
    pub(crate) fn fault(&self, what: &str) {
        self.note(Level::Fault, what);
    }

    /// An expectation about the server was met.
    pub(crate) fn met(&self, expectation: &str) {
        self.note(Level::Passed, expectation);
    }

    /// An expectation about the server was not met.
    pub(crate) fn failed(&self, message: &str) {
        self.note(Level::Failed, message);
    }

    /// Whether anybody will read it.
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    fn note(&self, level: Level, message: &str) {
        if let Some(collector) = &self.0 {
            let (title, text) = message.split_once('\n').unwrap_or((message, ""));
            collector.note(level, title, text);
        }
    }
}
