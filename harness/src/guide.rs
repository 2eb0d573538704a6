//! Longer explanations, by task.

#[doc = include_str!("../docs/trace.md")]
pub mod trace {}
