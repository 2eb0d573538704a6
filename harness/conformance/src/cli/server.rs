use std::ffi::OsString;
use std::time::Duration;

use socketio_conformance::{Case, KnownFailures, Subject};
use socketio_fixtures::{contract, known};
use socketio_harness::{App, ChildProcess, Leftover, create_app};

use super::problem::Problem;

/// A server that is booted for one run, and ended with it.
pub(crate) struct Server {
    app: App,
    /// What the report calls it.
    pub(crate) name: String,
}

impl Server {
    /// The contract server.
    pub(crate) async fn embedded() -> Result<Self, Problem> {
        let app = create_app(contract::router()).await.map_err(Problem::Embedded)?;
        Ok(Self { app, name: "the embedded server".to_owned() })
    }

    /// A program that is told a free port, and is ready when it answers there under `path`.
    pub(crate) async fn command(
        command: &[OsString],
        path: &str,
        patience: Duration,
    ) -> Result<Self, Problem> {
        let (program, arguments) = command.split_first().ok_or(Problem::NoCommand)?;
        let process =
            ChildProcess::new(program).args(arguments).given_port().ready_within(patience);
        let path = format!("/{}", path.trim_matches('/'));
        let app = create_app(process).path(path).await.map_err(Problem::Command)?;
        let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        Ok(Self { app, name: format!("`{}`", words.join(" ")) })
    }

    pub(crate) fn subject(&self) -> Result<Subject, Problem> {
        Ok(Subject::parse(&self.app.url())?)
    }

    /// The last lines a program has printed.
    pub(crate) fn last_words(&self) -> Option<String> {
        let output = self.app.process()?.output();
        let lines: Vec<_> = output.lines().collect();
        let shown = lines.get(lines.len().saturating_sub(LAST_WORDS)..).unwrap_or_default();
        (!shown.is_empty()).then(|| shown.join("\n"))
    }

    /// Fails if the server ended by itself, or could not be ended.
    pub(crate) async fn close(self) -> Result<(), Problem> {
        let report = self.app.close().report().await;
        for leftover in report.failures() {
            // How a program ends says nothing about the protocol; that it crashed does.
            if matches!(leftover, Leftover::Process { .. } | Leftover::Orphan { .. }) {
                anstream::eprintln!("warning: {leftover}");
            }
        }
        let grave = |leftover: &&Leftover| {
            !matches!(leftover, Leftover::Process { .. } | Leftover::Orphan { .. })
        };
        match report.failures().find(grave) {
            Some(leftover) => Err(Problem::Left(leftover.to_string())),
            None => Ok(()),
        }
    }
}

/// Where socketioxide is known to depart.
pub(crate) fn known_failures(cases: &[Case]) -> Result<KnownFailures, Problem> {
    KnownFailures::parse(known::SOCKETIOXIDE, cases).map_err(|source| Problem::KnownFailures {
        file: "fixtures/known/socketioxide.toml".to_owned(),
        source,
    })
}

/// Of what a program prints, this much is likely to tell of its failure.
const LAST_WORDS: usize = 20;
