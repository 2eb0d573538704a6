use std::fmt::Display;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a case did not pass: what the requirement expects, and what came instead.
///
/// The runner adds the transcript of the case, so neither text repeats the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("expected {expected}; came: {came}")]
#[non_exhaustive]
pub struct Failure {
    /// What sort of thing came.
    pub kind: FailureKind,
    /// What the requirement expects, fit to follow the word "expected".
    pub expected: String,
    /// What came instead.
    pub came: String,
}

/// What sort of thing came instead of the expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The subject did something else.
    Departure,
    /// The subject did nothing before the deadline of the case.
    Silence,
    /// The subject cut the connection in the middle of an exchange.
    Disconnected,
    /// No connection to the subject could be opened.
    Unreachable,
}

impl Failure {
    /// The subject did something else.
    pub fn departure(expected: impl Display, came: impl Display) -> Self {
        Self::new(FailureKind::Departure, expected, came)
    }

    pub(crate) fn new(kind: FailureKind, expected: impl Display, came: impl Display) -> Self {
        Self { kind, expected: expected.to_string(), came: came.to_string() }
    }
}
