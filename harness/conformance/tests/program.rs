//! The program as its users meet it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_socketio-conformance")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn without_arguments_it_judges_the_embedded_server() {
    let output = run(&[]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    assert!(text.contains("40 cases: 37 passed, 3 known failures, 0 failed"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours outside a terminal");
    assert_eq!(stderr(&output), "");
}

#[test]
fn reports_are_written_for_machines() {
    let (junit, json) = (file("report.xml"), file("report.json"));
    let output = run(&[
        "--case=eio.message.*",
        &format!("--junit={}", junit.display()),
        &format!("--json={}", json.display()),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(fs::read_to_string(junit).unwrap().contains(r#"tests="8""#));
    assert!(fs::read_to_string(json).unwrap().contains(r#""success": true"#));
}

#[test]
fn a_known_failure_that_passes_fails_the_run() {
    let known = file("stale.toml");
    let id = "sio.ack.answers_with_the_same_id";
    let entry = format!("[[failure]]\ncase = '{id}'\nreason = 'deaf'\ntranscript = '-'\n");
    fs::write(&known, entry).unwrap();

    let output = run(&["--case", id, "--known-failures", known.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains(&format!("STALE  {id}")), "{text}");
    assert!(text.contains("1 case: 0 passed, 0 known failures, 0 failed, 1 stale"), "{text}");
}

#[test]
fn a_server_that_does_not_answer_is_not_judged() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let output = run(&["--url", &url]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("Check that it runs"), "{}", stderr(&output));
}

#[test]
fn a_pattern_that_matches_nothing_is_an_error() {
    let output = run(&["--list", "--case", "sio.event.echo_arguments"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("sio.event.echoes_arguments_in_order"), "{}", stderr(&output));
}

#[test]
fn the_list_names_every_case() {
    assert_eq!(stdout(&run(&["--list"])).matches("\n  eio.").count(), 24);
    assert_eq!(stdout(&run(&["--list"])).matches("\n  sio.").count(), 16);
}

#[test]
fn the_contract_is_printed() {
    assert_eq!(stdout(&run(&["--contract"])), socketio_conformance::CONTRACT);
}
