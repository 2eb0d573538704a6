use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use socketio_fixtures::hello;
use socketio_harness::{
    App, Error, Result, TRACE_VARIABLE, Tracing, close, create_app, create_socketio_client,
};
use tokio::process::Command;

use crate::{directory, files, read};

/// A test of a user, on a thread that bears its name.
fn run<F: Future<Output = Result>>(name: &str, test: impl FnOnce() -> F + Send + 'static) -> bool {
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test())
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.expect("a thread").join().is_ok_and(|result| result.is_ok())
}

async fn boot(tracing: Tracing) -> Result<App> {
    create_app(hello::router()).trace(tracing).await
}

fn failures(trace: &Value) -> Vec<(u64, String, String)> {
    let notes = trace["entries"].as_array().expect("a list").iter();
    notes
        .filter(|entry| entry["level"] == "failed")
        .map(|note| {
            let text = |field: &str| note[field].as_str().unwrap_or_default().to_owned();
            (note["lane"].as_u64().expect("a lane"), text("title"), text("text"))
        })
        .collect()
}

#[test]
fn a_panic_is_told_with_its_place() {
    let directory = directory("panic");
    let tracing = Tracing::on_failure(&directory);
    let passed = run("users::panics", || async {
        let app = boot(tracing).await?;
        let client = create_socketio_client(&app).await?;
        let ack = client.send_with_ack("myEvent", (1, 2, 3)).await?;
        assert_eq!(ack.values(), [json!("wrong")], "the sum");
        close(app).await
    });
    assert!(!passed);
    assert_eq!(files(&directory), ["trace.users.panics.html", "trace.users.panics.json"]);
    let trace = read(&directory);
    assert_eq!(trace["outcome"], "failed");
    let [(lane, title, text)] = &failures(&trace)[..] else { panic!("{trace:#}") };
    assert_eq!((*lane, &title[..]), (0, "assertion `left == right` failed: the sum"));
    assert!(text.contains("right: [String(\"wrong\")]"), "{text}");
    assert!(text.contains("trace/endings.rs:"), "{text}");
}

#[test]
fn an_early_return_is_a_failure_and_the_wait_that_failed_is_marked() {
    let directory = directory("early");
    let tracing = Tracing::on_failure(&directory);
    let passed = run("users::returns_early", || async {
        let app = boot(tracing).await?;
        let client = create_socketio_client(&app).await?;
        client.send("myEvent", (1, 2, 3))?;
        let misspelt = client.once("myEventResultt").timeout(Duration::from_millis(20));
        client.expect("myEventResult").await;
        misspelt.await?;
        close(app).await
    });
    assert!(!passed);
    let trace = read(&directory);
    assert_eq!(trace["outcome"], "failed");
    let [wait, end] = &failures(&trace)[..] else { panic!("{trace:#}") };
    let expected = "event \"myEventResultt\" did not come within 20ms";
    assert_eq!((wait.0, &wait.1[..]), (1, expected));
    // The conversation is in the trace: it is not repeated in the message.
    let came = concat!(
        "  received, but awaited by nobody: \"myEventResult\" (1)\n",
        "  hint: \"myEventResult\" came, once: is one of the names misspelt?",
    );
    assert_eq!(wait.2, came);
    assert_eq!(&end.1, "the test ended before it closed the app");
    let marked = trace["entries"].as_array().expect("a list").iter();
    let marked = marked.filter(|entry| entry["event"] == "myEventResultt").count();
    assert_eq!(marked, 1);
}

#[test]
fn an_expectation_that_was_not_met_is_marked_on_its_client() {
    let directory = directory("expectation");
    let tracing = Tracing::on_failure(&directory);
    let passed = run("users::expects", || async {
        let app = boot(tracing).await?;
        let client = create_socketio_client(&app).await?;
        client.send("myEvent", (1, 2, 3))?;
        client.expect("myEventResult").await;
        let sum = client.expect("myEventResult").args([json!({"name": "harry", "result": 7})]);
        sum.within(Duration::from_millis(40)).await;
        close(app).await
    });
    assert!(!passed);
    let trace = read(&directory);
    // The panic repeats it, and is no failure of its own.
    let [expectation] = &failures(&trace)[..] else { panic!("{trace:#}") };
    assert_eq!(expectation.0, 1);
    assert!(expectation.1.starts_with("expected event \"myEventResult\""), "{expectation:?}");
    for part in ["7", "6", "trace/endings.rs:"] {
        assert!(expectation.2.contains(part), "{expectation:?}");
    }
    // The conversation is in the trace already; colours are for terminals.
    assert!(!expectation.2.contains("40{\"sid\""), "{expectation:?}");
    assert!(!trace.to_string().contains("\\u001b"), "{trace:#}");
    let ends = trace["entries"].as_array().expect("a list").last().expect("an entry");
    assert_eq!(ends["title"], "the test ended with that failure");
    assert!(ends["text"].as_str().is_some_and(|it| it.contains("trace/endings.rs:")), "{ends}");
}

#[tokio::test]
async fn a_test_that_passes_writes_none_on_failure() -> Result {
    let directory = directory("passes");
    let app = boot(Tracing::on_failure(&directory)).await?;
    let client = create_socketio_client(&app).await?;
    client.close().await?;
    close(app).await?;
    assert_eq!(files(&directory), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_told_at_once() {
    let directory = directory("unmakeable");
    std::fs::create_dir_all(directory.parent().expect("a parent")).expect("it can be made");
    std::fs::write(&directory, "a file").expect("it can be written");
    let error = boot(Tracing::always(directory.join("below"))).await.expect_err("it is a file");
    assert!(matches!(error, Error::Trace { .. }), "{error}");
    assert!(error.to_string().contains(TRACE_VARIABLE), "{error}");
    std::fs::remove_file(directory).expect("it can be removed");
}

/// Run by the test below once more, in a process whose environment asks for a trace.
#[tokio::test]
async fn a_test_that_knows_nothing_of_traces() -> Result {
    let first = create_app(hello::router()).await?;
    let second = create_app(hello::router()).await?;
    create_socketio_client(&first).await?.close().await?;
    close(first).await?;
    close(second).await
}

#[tokio::test]
async fn the_environment_asks_for_a_trace_of_every_app() {
    let directory = directory("environment");
    let name = "endings::a_test_that_knows_nothing_of_traces";
    let program = std::env::current_exe().expect("this program");
    let run = Command::new(program)
        .args(["--exact", name])
        .env(TRACE_VARIABLE, &directory)
        .env("NEXTEST_TEST_NAME", name)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(Duration::from_secs(30), run).await;
    let run = run.expect("it ends in time").expect("it runs");
    assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"), "{run:?}");
    let file = |ending: &str| format!("trace.{}{ending}", name.replace("::", "."));
    let mut expected = ["-2.html", "-2.json", ".html", ".json"].map(file);
    expected.sort();
    assert_eq!(files(&directory), expected);
    let page = std::fs::read_to_string(directory.join(file(".html"))).expect("a page");
    assert!(page.contains(&format!("<title>trace::{name}</title>")));
}
