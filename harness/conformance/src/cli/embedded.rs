use socketio_conformance::{Case, KnownFailures, Subject};
use socketio_fixtures::{contract, known};
use socketio_harness::{App, create_app};

use super::problem::Problem;

/// The contract server, booted for one run.
pub(crate) struct Embedded(App);

impl Embedded {
    pub(crate) async fn boot() -> Result<Self, Problem> {
        Ok(Self(create_app(contract::router()).await?))
    }

    pub(crate) fn subject(&self) -> Result<Subject, Problem> {
        Ok(Subject::parse(&self.0.url())?)
    }

    pub(crate) async fn close(self) -> Result<(), Problem> {
        Ok(self.0.close().await?)
    }
}

/// Where socketioxide is known to depart.
pub(crate) fn known_failures(cases: &[Case]) -> Result<KnownFailures, Problem> {
    KnownFailures::parse(known::SOCKETIOXIDE, cases).map_err(|source| Problem::KnownFailures {
        file: "fixtures/known/socketioxide.toml".to_owned(),
        source,
    })
}
