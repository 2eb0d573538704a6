//! Waiting for what comes, and for what does not.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, Result, TIMEOUT_SCALE_VARIABLE, close, create_app, create_socketio_client, scaled,
};
use tokio::time::Instant;

/// Everything is kept from the first byte, so a listener cannot be late.
#[tokio::test]
async fn pain_03_a_listener_added_late_misses_nothing() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    client.send("burst", 3)?;
    // The answer shows that the ticks have come, and nobody has listened for them.
    client.send_with_ack("message-with-ack", ()).await?;

    for number in 0..3 {
        assert_eq!(client.once("tick").await?.args(), [json!(number)]);
    }
    // Emitted while the client connected.
    client.once("auth").await?;

    client.close().await?;
    close(app).await
}

/// A wait ends with the event, not with a guess of how long it takes.
#[tokio::test]
async fn pain_04_no_test_sleeps() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;

    for number in 0..100 {
        client.send("emit-named", ("echo", number))?;
        assert_eq!(client.once("echo").await?.args(), [json!(number)]);
    }

    client.close().await?;
    close(app).await
}

/// What the server emits before an answer comes before it, so the answer proves the absence.
#[tokio::test]
async fn pain_05_absence_is_proved() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let other = create_socketio_client(&app).await?;

    client.send("broadcast", ("news", 1))?;
    other.once("news").await?;
    client.send_with_ack("message-with-ack", ()).await?;
    // By a fence on its connection, and on the server: the broadcast left it out.
    client.expect_none("news").await;
    app.for_client(&client).emitted("news").times(0).await;
    app.for_client(&other).emitted("news").times(1).await;

    client.close().await?;
    other.close().await?;
    close(app).await
}

/// An assertion stands behind an `await` that fails when nothing comes; none hides in a callback.
#[tokio::test]
async fn pain_06_an_assertion_that_is_not_reached_fails_the_test() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;

    let never = client.once("never").timeout(Duration::from_millis(1)).await;
    assert!(matches!(never, Err(ClientError::Timeout { .. })), "{never:?}");

    client.close().await?;
    close(app).await
}

/// The end of the connection is the end of every ack that is awaited.
#[tokio::test]
async fn pain_12_an_ack_does_not_outlive_its_connection() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;

    let ack = client.send_with_ack("leave", ());
    let error = ack.await.unwrap_err();
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");

    client.close().await?;
    close(app).await
}

/// Five seconds unless the test says otherwise; the error names the event.
#[tokio::test]
async fn pain_13_every_ack_has_a_deadline() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).await?;

    let ack = client.send_with_ack("nobody-answers", ()).timeout(Duration::from_millis(1));
    let error = ack.await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("\"nobody-answers\""), "{error}");

    client.close().await?;
    close(app).await
}

/// One variable stretches every deadline; there is no other time in a test that could be too short.
#[test]
fn pain_14_deadlines_stretch_for_slow_machines() {
    let this = std::env::current_exe().expect("the path of this program");
    let stretched = Command::new(this)
        .args(["--exact", "waiting::deadlines_are_those_of_the_environment"])
        .env(TIMEOUT_SCALE_VARIABLE, "3")
        .output()
        .expect("this program runs again");
    let output = String::from_utf8_lossy(&stretched.stdout);
    assert!(stretched.status.success() && output.contains("1 passed"), "{output}");
}

/// Run by itself, and by the test above in an environment of its own.
#[test]
fn deadlines_are_those_of_the_environment() {
    let factor = std::env::var(TIMEOUT_SCALE_VARIABLE).map_or(1.0, |it| it.parse().unwrap());
    assert_eq!(scaled(Duration::from_secs(5)), Duration::from_secs(5).mul_f64(factor));
}

/// A clock that stands still is what the connection runs on, heartbeat and all.
#[tokio::test(start_paused = true)]
async fn pain_15_a_paused_clock_does_not_break_the_connection() -> Result {
    let app = create_app(peer::router()).simulated().await?;
    let client = create_socketio_client(&app).timeout(Duration::from_mins(2)).await?;

    // A hundred heartbeats and more, in no time.
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(client.connected());
    assert_eq!(client.send_with_ack("message-with-ack", 1).await?.values(), [json!(1)]);
    client.answer_pings(false)?;
    let silent = Instant::now();
    client.disconnected().await?;
    assert!(silent.elapsed() >= Duration::from_secs(20), "{:?}", silent.elapsed());

    client.close().await?;
    close(app).await
}

/// The error lists what came instead, and shows the conversation.
#[tokio::test]
async fn pain_26_a_wait_that_fails_says_what_came_instead() -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("emit-named", ("myEventResults", 6))?;
    client.send_with_ack("message-with-ack", ()).await?;

    let wait = client.once("myEventResult").timeout(Duration::from_millis(1));
    let message = wait.await.unwrap_err().to_string();
    assert!(message.starts_with("event \"myEventResult\" did not come within 1ms"), "{message}");
    assert!(message.contains("awaited by nobody: \"myEventResults\" (1)"), "{message}");
    assert!(message.contains(r#"← EVENT "myEventResults" 6"#), "{message}");

    client.close().await?;
    close(app).await
}
