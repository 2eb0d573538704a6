//! What the benchmarks share: the race between contestants, and whom ours is raced against.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

pub(crate) mod javascript;
pub(crate) mod pair;
pub(crate) mod race;
pub(crate) mod raw;
pub(crate) mod server;

use std::time::Duration;

use criterion::Criterion;
use tokio::runtime::{Builder, Runtime};

/// What can go wrong here is shown and ends the benchmark.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The runtime that `#[tokio::test]` gives to a test: one thread for it and for its clients.
pub(crate) fn runtime() -> Outcome<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The runtime of a test with `start_paused = true`.
pub(crate) fn paused_runtime() -> Outcome<Runtime> {
    Ok(Builder::new_current_thread().enable_all().start_paused(true).build()?)
}

/// Few samples, seconds and not minutes: what matters is the ratio, and the races give it.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

/// Whether this is only to show that the benchmark works: `cargo bench -- --test`, or a run by
/// something else than `cargo bench`.
pub(crate) fn is_smoke_run() -> bool {
    let mut arguments = std::env::args();
    arguments.any(|argument| argument == "--test") || !std::env::args().any(|a| a == "--bench")
}

/// `full`, or `smoke` in a smoke run.
pub(crate) fn unless_smoke<T>(full: T, smoke: T) -> T {
    if is_smoke_run() { smoke } else { full }
}
