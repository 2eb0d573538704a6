//! What a server is judged by, and what it runs behind.

use std::error::Error;

use serde_json::json;
use socketio_balancer::{Balancer, Policy};
use socketio_conformance::{Runner, Subject, cases};
use socketio_fixtures::reference::config::Adapter;
use socketio_fixtures::reference::{App, Config, start};
use socketio_fixtures::{contract, peer};
use socketio_harness::{
    Result, Transport, close, create_app, create_redis, create_socketio_client, event, group,
};
use tokio::net::TcpListener;

/// Two nodes on a Redis of the test's own are one server: what one emits, the other's clients get.
#[tokio::test]
async fn pain_24_the_redis_adapter_is_tested_with_a_redis() -> Result {
    let redis = create_redis().await?;
    let config = Config { adapter: Adapter::Redis(redis.url()), ..Config::default() };
    let node = async || start(&config, App::Base).await.expect("a node that starts");
    let (first, second) = (node().await, node().await);
    let here = create_socketio_client(first.url()).await?;
    let there = create_socketio_client(second.url()).await?;

    here.send_with_ack("b.app.emit", ()).await?;
    group([&here, &there]).expect_all(event("all").args(["x"])).await;

    here.close().await?;
    there.close().await?;
    first.stop().await;
    second.stop().await;
    redis.close().await
}

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
