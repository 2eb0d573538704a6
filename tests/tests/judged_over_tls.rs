//! Servers that are reached over TLS are judged like others.

use std::error::Error;
use std::time::Duration;

use socketio_conformance::raw::{Method, request};
use socketio_conformance::{Context, Failure, FailureKind, KnownFailures, Runner, Subject, cases};
use socketio_fixtures::{Limits, contract, known};
use socketio_harness::{close, create_app};
use socketio_tests::tls::encrypt;

#[tokio::test(flavor = "multi_thread")]
async fn every_verdict_is_that_without_it() -> Result<(), Box<dyn Error>> {
    // On a busy machine a handshake, which is not optimized here, takes as long as a heartbeat of the
    // contract.
    let (ping_interval, ping_timeout) = (Duration::from_secs(1), Duration::from_secs(2));
    let server = contract::server(Limits { ping_interval, ping_timeout, ..Limits::contract() });
    let app = create_app(server.router()).await?;
    let (port, certificate) = encrypt(&app).await;
    let subject = Subject::parse(&format!("https://localhost:{port}"))?;
    let subject = subject.root_certificate(certificate)?;
    let cases = cases();
    let known = KnownFailures::parse(known::SOCKETIOXIDE, &cases)?;
    let report = Runner::new(subject, cases).jobs(4).known_failures(known).run().await;
    close(app).await?;
    assert!(report.is_success(), "{report}");
    assert_eq!(report.subject, format!("https://localhost:{port}/socket.io/"));
    Ok(())
}

async fn refusal(url: &str) -> Result<Failure, Box<dyn Error>> {
    let ctx = Context::new(Subject::parse(url)?, Duration::from_secs(10));
    let reply = request(&ctx, Method::GET, "EIO=4&transport=polling", "").await;
    Ok(reply.expect_err("it cannot be reached"))
}

#[tokio::test]
async fn what_stands_between_is_named() -> Result<(), Box<dyn Error>> {
    let app = create_app(contract::router()).await?;
    let (port, _) = encrypt(&app).await;
    let untrusted = refusal(&format!("https://localhost:{port}")).await?;
    assert_eq!(untrusted.kind, FailureKind::Unreachable);
    assert_eq!(
        untrusted.came,
        "invalid peer certificate: UnknownIssuer (one of your own making has to be trusted as a \
         root certificate)"
    );
    let plain = refusal(&app.url().replace("http", "https")).await?;
    assert_eq!(plain.kind, FailureKind::Unreachable);
    assert!(plain.came.ends_with("(what answers speaks no TLS)"), "{}", plain.came);
    close(app).await?;
    Ok(())
}
