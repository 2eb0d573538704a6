use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// For how long something is awaited, and until when that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) total: Duration,
    until: Instant,
}

impl Patience {
    pub(crate) fn starting_now(total: Duration) -> Self {
        let now = Instant::now();
        // A patience beyond the clock's range is endless.
        let until = now.checked_add(total).unwrap_or(now + Duration::from_hours(24 * 365));
        Self { total, until }
    }

    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.until
    }

    /// How much of it is left.
    pub(crate) fn rest(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What comes of a wait; `None` if it does not end in time.
    pub(crate) async fn wait_for<F: Future>(self, wait: F) -> Option<F::Output> {
        timeout_at(self.until, wait).await.ok()
    }
}
