//! Who observes a registry sees every frame of its clients, whole, and every wait that failed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use socketio_fixtures::hello;
use socketio_harness::{
    CloseReason, ConnectionObserver, Direction, Failure, FrameData, Observer, Opening, Result,
    Transport, close, create_app, create_socketio_client,
};
use socketio_tests::Via;

/// What was seen, a line each.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

struct OfClient {
    name: String,
    seen: Seen,
}

impl Seen {
    fn add(&self, line: String) {
        self.0.lock().expect("no test has panicked").push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no test has panicked").clone()
    }
}

impl Observer for Seen {
    fn connection(&self, opening: &Opening<'_>) -> Box<dyn ConnectionObserver> {
        Box::new(OfClient { name: opening.name.to_owned(), seen: self.clone() })
    }
}

impl ConnectionObserver for OfClient {
    fn frame(&self, _: Duration, direction: Direction, _: Transport, data: FrameData<'_>) {
        let data = match data {
            FrameData::Text(text) => text.to_owned(),
            FrameData::Binary(data) => format!("{} bytes", data.len()),
        };
        self.seen.add(format!("{} {direction:?} {data}", self.name));
    }

    fn closed(&self, _: Duration, reason: &CloseReason) {
        self.seen.add(format!("{} closed: {reason}", self.name));
    }

    fn failed(&self, _: Duration, failure: Failure<'_>) {
        let event = failure.event.unwrap_or("nothing");
        self.seen.add(format!("{} failed on {event} in {}", self.name, failure.namespace));
    }
}

#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[tokio::test]
async fn frames_are_seen_whole_and_failures_by_name(#[case] via: Via) -> Result {
    let seen = Seen::default();
    let app = create_app(hello::router()).await?;
    app.registry().observe(Arc::new(seen.clone()));
    let client = create_socketio_client(&app).name("alice").transports(via.transports()).await?;

    let long = "x".repeat(5_000);
    client.send("unheard of", (&long, Bytes::from(vec![7; 300])))?;
    client.once("never").timeout(Duration::from_millis(1)).await.expect_err("it never comes");
    client.close().await?;
    close(app).await?;

    let lines = seen.lines();
    let has = |line: &str| lines.iter().filter(|seen| *seen == line).count() == 1;
    let event =
        format!(r#"alice Sent 451-["unheard of","{long}",{{"_placeholder":true,"num":0}}]"#);
    assert!(has(&event), "{lines:?}");
    assert!(has("alice Sent 300 bytes"), "{lines:?}");
    assert!(has("alice failed on never in /"), "{lines:?}");
    assert!(has("alice closed: io client disconnect"), "{lines:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_question_that_may_come_or_not_is_no_failure() -> Result {
    let seen = Seen::default();
    let app = create_app(hello::router()).simulated().await?;
    app.registry().observe(Arc::new(seen.clone()));
    let client = create_socketio_client(&app).timeout(Duration::from_millis(50)).await?;
    let answering = client.respond("question", |_| "answer")?;
    // Longer than the responder waits for one question.
    let patience = Duration::from_millis(200);
    client.once("never").timeout(patience).await.expect_err("it never comes");
    drop(answering);
    client.close().await?;
    close(app).await?;
    let failures: Vec<_> =
        seen.lines().into_iter().filter(|line| line.contains("failed")).collect();
    assert_eq!(failures, ["client 1 failed on never in /"]);
    Ok(())
}
