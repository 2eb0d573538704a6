use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Outcome;

/// A script of `fixtures/peers/node` with the official JavaScript client, in a process of its own
/// that does what it is told on stdin.
pub(crate) struct Javascript {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Javascript {
    /// A client, connected.
    pub(crate) fn client(port: u16) -> Outcome<Self> {
        Self::start(&["bench-client.js", &format!("http://127.0.0.1:{port}")])
    }

    /// A server and a client together.
    pub(crate) fn pair() -> Outcome<Self> {
        Self::start(&["bench-cycle.js"])
    }

    fn start(arguments: &[&str]) -> Outcome<Self> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/peers/node");
        let mut child = Command::new("node")
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start node, which the comparison needs: {error}"))?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("node has no pipes".into());
        };
        let mut script = Self { child, commands, answers: BufReader::new(answers) };
        script.answer()?;
        Ok(script)
    }

    /// Emits `count` events and waits until the server has them all.
    pub(crate) fn send(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("send {count}"))
    }

    /// Asks for `count` events and waits until they have come.
    pub(crate) fn receive(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("receive {count}"))
    }

    /// Boots, connects by websocket, gets an ack and closes, `count` times.
    pub(crate) fn cycle(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("websocket {count}"))
    }

    /// The same by polling and upgrade.
    pub(crate) fn default_cycle(&mut self, count: u32) -> Outcome<Duration> {
        self.order(&format!("default {count}"))
    }

    /// The time is the script's own, without the way of the order and the answer.
    fn order(&mut self, order: &str) -> Outcome<Duration> {
        writeln!(self.commands, "{order}")?;
        let milliseconds: f64 = self.answer()?.parse()?;
        Ok(Duration::from_secs_f64(milliseconds / 1000.0))
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(
                "the JavaScript side has ended; run `npm ci --prefix fixtures/peers/node`".into()
            );
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Javascript {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
