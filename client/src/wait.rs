use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// The deadline of a wait. The time runs from the first poll, not from the registration: a test
/// may do other things in between.
#[derive(Debug)]
pub(crate) struct Deadline {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    pub(crate) fn after(&self) -> Duration {
        self.after
    }

    pub(crate) fn set(&mut self, after: Duration) {
        *self = Self::new(after);
    }

    /// Starts anew with the next poll.
    pub(crate) fn rewind(&mut self) {
        self.sleep = None;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let after = self.after;
        self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(after))).as_mut().poll(cx)
    }
}
