use socketio_conformance::{Case, KnownFailures, Subject};
use tokio::{net::TcpListener, task::JoinHandle};

use super::problem::Problem;

/// The contract server, booted for one run.
pub(crate) struct Embedded {
    url: String,
    task: JoinHandle<()>,
}

impl Embedded {
    pub(crate) async fn boot() -> Result<Self, Problem> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| Problem::Embedded(error.to_string()))?;
        let url = listener
            .local_addr()
            .map(|addr| format!("http://{addr}"))
            .map_err(|error| Problem::Embedded(error.to_string()))?;
        let task = tokio::spawn(async move {
            axum::serve(listener, socketio_fixtures::contract::router()).await.ok();
        });
        Ok(Self { url, task })
    }

    pub(crate) fn subject(&self) -> Result<Subject, Problem> {
        Ok(Subject::parse(&self.url)?)
    }

    pub(crate) fn close(self) {
        self.task.abort();
    }
}

/// Where socketioxide is known to depart.
pub(crate) fn known_failures(cases: &[Case]) -> Result<KnownFailures, Problem> {
    KnownFailures::parse(SOCKETIOXIDE, cases).map_err(|source| Problem::KnownFailures {
        file: "fixtures/known/socketioxide.toml".to_owned(),
        source,
    })
}

const SOCKETIOXIDE: &str = include_str!("../../../../fixtures/known/socketioxide.toml");
