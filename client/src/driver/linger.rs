use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use tokio::time::Sleep;

use crate::timeout::scaled;

/// The patience with a server after a close: more until it has been told, less from then on.
pub(crate) struct Linger {
    sleep: Pin<Box<Sleep>>,
    told: bool,
}

impl Linger {
    pub(crate) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(scaled(UNTOLD))), told: false }
    }

    /// Ready when the patience is at an end. `told` says that nothing is left to send.
    pub(crate) fn poll(&mut self, told: bool, cx: &mut Context<'_>) -> Poll<()> {
        if told && !std::mem::replace(&mut self.told, true) {
            self.sleep.set(tokio::time::sleep(scaled(TOLD)));
        }
        self.sleep.poll_unpin(cx)
    }
}

/// How long the server may take to hear of the close: without it, it would hold the session until
/// the heartbeat is missed.
pub(crate) const UNTOLD: Duration = Duration::from_secs(5);

/// How long it may then take to close its side.
const TOLD: Duration = Duration::from_secs(1);
