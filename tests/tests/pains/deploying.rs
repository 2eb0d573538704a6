//! What a server is judged by, and what it runs behind.

use std::error::Error;

use serde_json::json;
use socketio_balancer::{Balancer, Policy};
use socketio_conformance::{Runner, Subject, cases};
use socketio_fixtures::{contract, peer};
use socketio_harness::{Result, Transport, close, create_app, create_socketio_client};
use tokio::net::TcpListener;

/// Behind a balancer that does not stick, the classical error is reproduced and named; behind one
/// that does, the same client passes.
#[tokio::test]
async fn pain_25_sticky_sessions_can_be_tested() -> Result {
    let apps = [create_app(peer::router()).await?, create_app(peer::router()).await?];
    for (policy, works) in [(Policy::Sticky, true), (Policy::RoundRobin, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let balancer = Balancer::start(listener, policy).expect("a bound listener");
        for app in &apps {
            balancer.add(app.addr().expect("an address"));
        }
        let client =
            create_socketio_client(balancer.local_addr()).transports([Transport::Polling]).await;
        match client {
            Ok(client) => {
                let ack = client.send_with_ack("message-with-ack", 1).await?;
                assert_eq!(ack.values(), [json!(1)]);
                client.close().await?;
                assert!(works, "each request went to another server");
            }
            Err(error) => {
                assert!(!works, "{error}");
                assert!(error.to_string().contains("Session ID unknown"), "{error}");
            }
        }
        balancer.close().await;
    }
    for app in apps {
        close(app).await?;
    }
    Ok(())
}

/// Any server that can be reached by a URL is judged by the same cases.
#[tokio::test(flavor = "multi_thread")]
async fn pain_29_there_is_a_compatibility_kit() -> Result<(), Box<dyn Error>> {
    let app = create_app(contract::router()).await?;
    let events = cases().into_iter().filter(|case| case.id().starts_with("sio.event.")).collect();
    let report = Runner::new(Subject::parse(&app.url())?, events).run().await;
    close(app).await?;
    assert!(report.is_success() && !report.results.is_empty(), "{report}");
    Ok(())
}
