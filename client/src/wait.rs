use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// The deadline of a wait. The time runs from the first poll, not from the registration: a test
/// may do other things in between.
#[derive(Debug)]
pub(crate) struct Deadline {
    after: Duration,
    running: bool,
    /// Kept when a wait is over: to move a timer further away costs a tenth of a new one.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, running: false, sleep: None }
    }

    pub(crate) fn after(&self) -> Duration {
        self.after
    }

    pub(crate) fn set(&mut self, after: Duration) {
        *self = Self::new(after);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Starts anew with the next poll.
    pub(crate) fn rewind(&mut self) {
        self.running = false;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.running, true) {
            match (&mut self.sleep, Instant::now().checked_add(self.after)) {
                (Some(sleep), Some(until)) => sleep.as_mut().reset(until),
                (sleep, Some(until)) => *sleep = Some(Box::pin(tokio::time::sleep_until(until))),
                (sleep, None) => *sleep = Some(Box::pin(tokio::time::sleep(self.after))),
            }
        }
        // Set above.
        self.sleep.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}
