use indicatif::{ProgressBar, ProgressStyle};
use socketio_conformance::CaseResult;

/// A bar on the standard error of a terminal; elsewhere nothing.
#[derive(Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn start(cases: usize) -> Self {
        // Hidden by itself when standard error is no terminal.
        let bar = ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {bar:20} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(crate) fn advance(&self, result: &CaseResult) {
        self.0.set_message(result.id.clone());
        self.0.inc(1);
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
