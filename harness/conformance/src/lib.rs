//! Conformance cases for Socket.IO servers in any language, their runner and its reports.
//!
//! A [`Case`] is one requirement of the Engine.IO protocol v4 or the Socket.IO protocol v5 and
//! the conversation that shows whether a server keeps it. It is held over the [`raw`] connection
//! and compared with literal frames. [`cases`] lists them, a [`Runner`] runs them against a
//! [`Subject`] and a [`Report`] tells what came of it.
//!
//! ```no_run
//! use socketio_conformance::{Runner, Subject, cases};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let report = Runner::new(Subject::parse("http://127.0.0.1:3000")?, cases()).run().await;
//! print!("{report}");
//! assert!(report.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! The program `socketio-conformance` does the same from the command line; the [`guide`] shows
//! both.
//!
//! # What the server under test has to serve
//!
#![doc = include_str!("contract.md")]
//!
//! The intervals are read from the handshake; the ones above keep a run short.
//!
//! # What makes a verdict trustworthy
//!
//! - Pongs are answered in the background during every case, so that a close is never the
//!   heartbeat's doing.
//! - What must not come is shown absent by a round trip on the same ordered connection.
//! - Times are bounded below by what no correct server can do earlier, and above by what a
//!   loaded machine cannot exceed.
//! - Where the specification leaves a choice, every choice passes.
//! - A case during which the machine stood still is held again: the server's own timers ran out
//!   meanwhile. So is one that fails while the server, or the case itself, was late.

mod case;
mod cases;
mod circumstances;
mod context;
mod failure;
pub mod guide;
mod known;
mod pattern;
mod probe;
pub mod raw;
mod report;
mod runner;
mod stalls;
mod subject;
mod tls;

pub use self::{
    case::{Case, Level, Section},
    cases::cases,
    context::Context,
    failure::{Failure, FailureKind},
    known::{KnownFailure, KnownFailures, KnownFailuresError},
    pattern::{SelectError, select},
    report::{CaseResult, Html, Report, Summary, Text, Verdict},
    runner::Runner,
    subject::{Subject, SubjectError},
    tls::CertificateError,
};

/// What a server has to serve so that it can be judged, as text.
pub const CONTRACT: &str = include_str!("contract.md");
