use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Outcome;

/// The official JavaScript client, in a process of its own that does what it is told on stdin.
pub(crate) struct JavascriptClient {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl JavascriptClient {
    /// Starts it, connected.
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/peers/node");
        let mut child = Command::new("node")
            .args(["bench-client.js", &format!("http://127.0.0.1:{port}")])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start node, which the comparison needs: {error}"))?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("node has no pipes".into());
        };
        let mut client = Self { child, commands, answers: BufReader::new(answers) };
        client.answer()?;
        Ok(client)
    }

    /// Emits `count` events and waits until the server has them all.
    pub(crate) fn send(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("send {count}"))
    }

    /// Asks for `count` events and waits until they have come.
    pub(crate) fn receive(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("receive {count}"))
    }

    /// The time is the client's own, without the way of the order and the answer.
    fn order(&mut self, order: &str) -> Outcome<Duration> {
        writeln!(self.commands, "{order}")?;
        let milliseconds: f64 = self.answer()?.parse()?;
        Ok(Duration::from_secs_f64(milliseconds / 1000.0))
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(
                "the JavaScript client has ended; run `npm ci --prefix fixtures/peers/node`".into(),
            );
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for JavascriptClient {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
