//! One test, on every kind of server: what differs is a line.

mod conversation;
mod every;
mod fixtures;
mod many;
mod processes;
mod processes_left;
mod runners;

use socketio_harness::ChildProcess;

/// The peer as a program.
const SERVER: &str = env!("CARGO_BIN_EXE_peer-server");

fn peer_process() -> ChildProcess {
    ChildProcess::new(SERVER)
}

/// A shell script, in which `$SERVER` is the peer.
fn shell(script: &str) -> ChildProcess {
    ChildProcess::new("sh").args(["-c", script]).env("SERVER", SERVER)
}

/// Whether a process runs; one that has ended and waits for its parent does not.
fn runs(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}
