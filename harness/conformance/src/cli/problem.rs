use std::{io, path::Path};

use socketio_conformance::{CertificateError, KnownFailuresError, SelectError, SubjectError};
use thiserror::Error;

/// Why no run could be made: usage or environment, never the server's conformance.
#[derive(Debug, Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Subject(#[from] SubjectError),
    #[error("{0}\n(--list shows all cases)")]
    Select(#[from] SelectError),
    #[error(
        "no server answers at {subject}: {came}\n\
         Check that it runs, that it listens on this host and port, and whether it speaks TLS: its \
         address begins with https if it does (--root-certificate trusts one of your own)."
    )]
    Unreachable { subject: String, came: String },
    #[error(
        "{subject} is HTTP 404\n\
         Check the path: the server's `path` option and --path have to agree."
    )]
    WrongPath { subject: String },
    #[error(
        "{subject} does not answer like a Socket.IO server: {came}\n\
         Check host, port and path (--path), and what stands in front of the server."
    )]
    NotSocketIo { subject: String, came: String },
    #[error("{file}: {source}")]
    Certificate { file: String, source: CertificateError },
    #[error("{file}: {source}")]
    KnownFailures { file: String, source: KnownFailuresError },
    #[error("{file} is no report that --json has written: {source}")]
    Report { file: String, source: serde_json::Error },
    #[error("the embedded server: {0}")]
    Embedded(socketio_harness::Error),
    #[error(
        "{0}\n\
         The server is told a free port in the variable PORT, and wherever {{port}} stands in the \
         command. Give it longer with --start-timeout."
    )]
    Command(socketio_harness::Error),
    #[error("no command follows the --")]
    NoCommand,
    #[error("the server was not left in order: {0}")]
    Left(String),
    #[error("cannot {action} {file}: {source}")]
    File { action: &'static str, file: String, source: io::Error },
    #[error("the report cannot be written as JUnit: {0}")]
    Junit(#[from] quick_junit::SerializeError),
}

impl Problem {
    pub(crate) fn file(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.display().to_string();
        move |source| Self::File { action, file, source }
    }
}
