//! What the environment makes of a failure's text: colours, and how much of the conversation.
//!
//! The environment belongs to the process: each test runs this program once more, with one of its
//! tests that panic.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use socketio_harness::{Result, close, create_socketio_client};
use socketio_tests::Peer;

/// Run by the tests below; its panic is what they look at.
#[tokio::test]
#[should_panic = "event \"tock\" with arguments"]
async fn a_failing_test() {
    fail().await.expect("the server answers");
}

async fn fail() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    let mut text = String::new();
    for number in 0..300 {
        write!(text, "{number}-").expect("a string takes everything");
        client.send("emit-named", ("tick", number))?;
    }
    client.expect("tick").times(300).await;
    client.send("emit-named", ("tock", text))?;
    client.expect("tock").await;
    client.expect("tock").args("something else").within(Duration::ZERO).await;
    close(app).disconnect_clients().await
}

/// The environment of a person's machine, whatever this one's is.
fn plain(mut command: Command) -> Command {
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI", "SOCKETIO_TEST_TRANSCRIPT"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color");
    command
}

fn this_program() -> String {
    std::env::current_exe().expect("the path of this program").display().to_string()
}

const ARGS: [&str; 3] = ["--exact", "colour::a_failing_test", "--nocapture"];

/// What it prints where nobody watches: into a pipe.
fn into_a_pipe(environment: &[(&str, &str)]) -> String {
    let mut command = plain(Command::new(this_program()));
    let output = command.args(ARGS).envs(environment.iter().copied()).output();
    let output = output.expect("this program runs again");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).expect("it prints text")
}

/// What it prints on a terminal, which `script`, of util-linux, pretends to be.
fn onto_a_terminal(environment: &[(&str, &str)]) -> String {
    let mut command = plain(Command::new("script"));
    let line = format!("'{}' {}", this_program(), ARGS.join(" "));
    let output = command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("script is missing: Debian has it in the package bsdutils");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The one control character of everything that colours.
fn is_coloured(text: &str) -> bool {
    assert!(text.contains("but it does not fit"), "{text}");
    text.contains("\u{1b}[31m")
}

#[test]
fn colours_are_for_terminals() {
    assert!(is_coloured(&onto_a_terminal(&[])));
    assert!(!is_coloured(&into_a_pipe(&[])));
}

#[test]
fn no_color_and_its_kin_are_obeyed() {
    assert!(!is_coloured(&onto_a_terminal(&[("NO_COLOR", "1")])));
    assert!(!is_coloured(&onto_a_terminal(&[("TERM", "dumb")])));
    assert!(is_coloured(&into_a_pipe(&[("CLICOLOR_FORCE", "1")])));
    let plain = into_a_pipe(&[("NO_COLOR", "1")]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn the_whole_conversation_is_printed_when_asked_for() {
    let short = into_a_pipe(&[]);
    assert!(!short.contains("EVENT \"tick\" 0\n"), "{short}");
    assert!(short.contains(" earlier packets"), "{short}");
    assert!(!short.contains("299-"), "{short}");

    let whole = into_a_pipe(&[("SOCKETIO_TEST_TRANSCRIPT", "full")]);
    for number in 0..300 {
        assert!(whole.contains(&format!("← EVENT \"tick\" {number}\n")), "{number}\n{whole}");
    }
    assert!(!whole.contains(" earlier packets"), "{whole}");
    assert!(whole.contains("297-298-299-"), "{whole}");
    assert!(whole.contains("\"pingInterval\""), "{whole}");
}
