//! The two runners of tests: with nextest each test is a process, with plain `cargo test` a thread.

use std::process::Stdio;
use std::time::Duration;

use socketio_harness::scaled;
use tokio::process::Command;

/// This program as `cargo test` runs it, on more threads than there are cores.
#[tokio::test]
async fn the_tests_are_threads_of_one_process_under_plain_cargo_test() {
    let program = std::env::current_exe().expect("the program of this test");
    let running = Command::new(program)
        .args(["every::", "fixtures::", "--test-threads", "16"])
        .env_remove("NEXTEST_TEST_NAME")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(scaled(Duration::from_secs(50)), running).await;
    let output = output.expect("it ends in time").expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let passed = said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ok"));
    assert_eq!(passed.count(), TESTS, "{said}");
}

/// In `every.rs` and `fixtures.rs`: fewer, and a test has been lost to the filter.
const TESTS: usize = 35;
