use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{
    Failure, FailureKind, Subject,
    raw::{Line, Recorder, Transport},
};

/// What a case is given: the subject, the time it may take, and a transcript that every raw
/// connection writes to.
#[derive(Debug, Clone)]
pub struct Context {
    subject: Subject,
    timeout: Duration,
    deadline: Instant,
    recorder: Recorder,
}

impl Context {
    /// A context whose deadline is `timeout` from now.
    pub fn new(subject: Subject, timeout: Duration) -> Self {
        Self { subject, timeout, deadline: Instant::now() + timeout, recorder: Recorder::new() }
    }

    /// The server under test.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// How long the case may take in all.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Awaits `wait` until the deadline of the case; then the failure names `expected`.
    pub async fn wait<T>(
        &self,
        expected: impl Display,
        wait: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        timeout_at(self.deadline, wait).await.map_err(|_| {
            let came = format!("nothing in the {:?} of the case", self.timeout);
            Failure::new(FailureKind::Silence, expected, came)
        })
    }

    /// `deadline`, or the deadline of the case if that is earlier.
    pub(crate) fn not_after(&self, deadline: Instant) -> Instant {
        deadline.min(self.deadline)
    }

    pub(crate) fn line(&self, transport: Transport) -> Line {
        self.recorder.line(transport)
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}
