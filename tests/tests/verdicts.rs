//! The verdicts on released servers: every departure is found, named and known, and nothing else
//! fails.

use std::error::Error;

use rstest::rstest;
use socketio_conformance::{KnownFailures, Runner, Subject, Verdict, cases};
use socketio_fixtures::{contract, known};
use socketio_harness::{App, Result, close, create_app};
use socketio_tests::node_peer;

#[derive(Debug, Clone, Copy)]
enum Released {
    Socketioxide,
    SocketIo,
}

impl Released {
    async fn boot(self) -> Result<App> {
        match self {
            Self::Socketioxide => create_app(contract::router()).await,
            Self::SocketIo => create_app(node_peer("contract.js")).await,
        }
    }

    fn known_failures(self) -> &'static str {
        match self {
            Self::Socketioxide => known::SOCKETIOXIDE,
            Self::SocketIo => known::SOCKET_IO,
        }
    }
}

#[rstest]
#[case::socketioxide(Released::Socketioxide)]
#[case::socket_io(Released::SocketIo)]
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_known_fails(#[case] server: Released) -> Result<(), Box<dyn Error>> {
    let app = server.boot().await?;
    let cases = cases();
    let known = KnownFailures::parse(server.known_failures(), &cases)?;
    let subject = Subject::parse(&app.url())?;
    let report = Runner::new(subject, cases).known_failures(known).run().await;
    close(app).await?;
    assert!(report.is_success(), "{report}");
    assert!(report.results.iter().any(|it| matches!(it.verdict, Verdict::KnownFailure { .. })));
    Ok(())
}
