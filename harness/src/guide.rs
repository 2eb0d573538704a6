//! Longer explanations, by task; the examples are run by the tests.

#[doc = include_str!("../docs/asserting-events.md")]
pub mod asserting_events {}

#[doc = include_str!("../docs/trace.md")]
pub mod trace {}
