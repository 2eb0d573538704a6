//! The program as its users meet it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
};

use socketio_harness::ReservedPort;

fn run(args: &[&str]) -> Output {
    // As cargo calls its runner's program something else.
    let mut program = Command::new(env!("CARGO_BIN_EXE_socketio-conformance"));
    program.env_remove("CARGO").args(args).output().unwrap()
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
fn a_page_shows_a_run_beside_those_before() {
    let (json, html) = (file("earlier.json"), file("report.html"));
    let output = run(&["--case=eio.close", &format!("--json={}", json.display())]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let html_option = format!("--html={}", html.display());
    let beside = format!("--beside={}", json.display());
    let output = run(&["--case=eio.upgrade", &html_option, &beside]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = fs::read_to_string(html).unwrap();
    let servers = page.matches("<strong>the embedded server, http://127.0.0.1:").count();
    assert_eq!(servers, 2, "{page}");
    assert_eq!(page.matches(">not run<").count(), 5, "{page}");
}

#[test]
fn what_is_no_report_is_refused_before_anything_is_judged() {
    let other = file("other.json");
    fs::write(&other, "{}").unwrap();
    let beside = format!("--beside={}", other.display());
    let page = file("never.html");
    let _ = fs::remove_file(&page);
    let output = run(&[&format!("--html={}", page.display()), &beside]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!page.exists());
    assert_eq!(stdout(&output), "");
    let refusal = "other.json is no report that --json has written: missing field `subject`";
    assert!(stderr(&output).contains(refusal), "{}", stderr(&output));
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
fn what_fails_is_written_down_and_passes_once_it_is_explained() {
    let (known, id) = (file("draft.toml"), "sio.connect.joins_the_main_namespace");
    let nothing = file("nothing.toml");
    fs::write(&nothing, "").unwrap();
    let (reads_nothing, reads, writes) = (
        format!("--known-failures={}", nothing.display()),
        format!("--known-failures={}", known.display()),
        format!("--write-known-failures={}", known.display()),
    );

    let output = run(&["--case", id, &reads_nothing, &writes]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let next = format!("socketio-conformance --known-failures {}", known.display());
    assert!(stdout(&output).contains(&next), "{}", stdout(&output));
    let output = run(&["--case", id, &reads]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains(&format!("the reason of \"{id}\" is empty")));

    let draft = fs::read_to_string(&known).unwrap();
    fs::write(&known, draft.replace("reason = \"\"", "reason = \"one id for both\"")).unwrap();
    let output = run(&["--case", id, &reads, &writes]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("one id for both"), "{}", stdout(&output));
    assert!(fs::read_to_string(&known).unwrap().contains("reason = \"one id for both\"\n"));
}

#[test]
fn a_server_that_does_not_answer_is_not_judged() {
    let port = ReservedPort::pick().unwrap();
    let url = format!("http://127.0.0.1:{}", port.number());

    let output = run(&["--url", &url]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("Check that it runs"), "{}", stderr(&output));
}

#[test]
fn a_certificate_that_is_none_or_is_not_needed_is_refused() {
    let certificate = file("none.pem");
    fs::write(&certificate, "no certificate").unwrap();
    let trusting = format!("--root-certificate={}", certificate.display());
    for (url, problem) in [
        ("https://localhost:1", "there is none in PEM, -----BEGIN CERTIFICATE-----"),
        ("http://localhost:1", "the URL of one with TLS begins with https"),
    ] {
        let output = run(&["--url", url, &trusting]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("none.pem: no certificate to trust: "));
        assert!(stderr(&output).contains(problem), "{}", stderr(&output));
    }
    assert_eq!(run(&[&trusting]).status.code(), Some(2), "the embedded server needs none");
}

/// Answers every request alike, until the test ends.
fn answering(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // One read holds the whole of a request without a body.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(response.as_bytes());
        }
    });
    url
}

#[test]
fn a_server_that_is_none_of_socket_io_is_not_judged() {
    for (response, came) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>", "HTTP 200 <html></html>"),
        (
            "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n",
            "HTTP 302 (leads to /login)",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", "HTTP 502"),
    ] {
        let output = run(&["--url", &answering(response)]);
        assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
        assert_eq!(stdout(&output), "");
        let expected = format!("does not answer like a Socket.IO server: {came}\n");
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
}

#[test]
fn a_server_without_the_contract_is_told_of_it() {
    // A refused handshake may be that of a server that serves websockets alone.
    let url = answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    let output = run(&["--url", &url, "--case", "sio", "--timeout", "4"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("\nDoes the server serve the contract?"), "{text}");
    assert!(text.contains("\n  socketio-conformance --contract\n"), "{text}");
    assert!(text.contains(&format!(" --url {url} --case sio.")), "{text}");
    assert!(text.contains(" --write-known-failures known.toml\n"), "{text}");
}

#[test]
fn a_command_is_started_judged_and_ended() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let known = format!("{root}/fixtures/known/socket.io.toml");
    let server = format!("{root}/fixtures/peers/node/contract.js");
    let output = run(&["--known-failures", &known, "--case", "sio.event", "--", "node", &server]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", stderr(&output));
    let heading = format!("Socket.IO conformance of `node {server}`, http://127.0.0.1:");
    assert!(text.starts_with(&heading), "{text}");
    assert!(text.contains("4 cases: 3 passed, 1 known failure, 0 failed"), "{text}");
    assert_eq!(stderr(&output), "");

    // Without the known failures: the command to run again, and what the server printed.
    let output = run(&["--case", "sio.event", "--", "node", &server]);
    assert_eq!(output.status.code(), Some(1));
    let id = "sio.event.closes_on_an_invalid_payload";
    let again = format!("\n  socketio-conformance --case {id} -- node {server}\n");
    assert!(stdout(&output).contains(&again), "{}", stdout(&output));
    assert!(stderr(&output).contains("\nlistening on http://127.0.0.1:"), "{}", stderr(&output));
}

#[test]
fn a_command_that_is_never_ready_is_told_with_what_it_printed() {
    let script = "echo started on $PORT; exec sleep 60";
    let output = run(&["--start-timeout", "1", "--", "sh", "-c", script]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("error: `sh -c echo started on $PORT;"), "{text}");
    assert!(text.contains("it printed:\n    started on "), "{text}");
    assert!(text.contains("--start-timeout"), "{text}");
}

#[test]
fn a_command_that_cannot_be_started_or_is_one_server_too_many_is_refused() {
    let output = run(&["--", "no-such-program"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot start `no-such-program`"), "{}", stderr(&output));

    // Such as that of a variable that is not set.
    let output = run(&["--case", "sio.ack", "--"]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("no command follows the --"), "{}", stderr(&output));

    let output = run(&["--url", "http://127.0.0.1:1", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_and_folders_are_made() {
    let folder = file("reports");
    let _ = fs::remove_dir_all(&folder);
    let junit = folder.join("deep/report.xml");
    let blocked = file("blocked");
    fs::write(&blocked, "no folder").unwrap();
    let output = run(&[
        "--case=sio.ack",
        &format!("--json={}", blocked.join("report.json").display()),
        &format!("--junit={}", junit.display()),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: cannot write "), "{}", stderr(&output));
    assert!(stdout(&output).contains("3 passed"), "the report is shown all the same");
    assert!(fs::read_to_string(junit).unwrap().contains(r#"tests="3""#));
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
