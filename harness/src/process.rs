use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use socketio_mock_client::{DEFAULT_TIMEOUT, scaled};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::{Error, Result};

/// A server in another language, run as a child process for the time of a test.
///
/// It is told `PORT=0` and must print, on a line of its standard output, the URL it listens on:
/// `listening on http://127.0.0.1:40123`. It is killed when the app is closed or dropped.
#[derive(Debug, Clone)]
pub struct ChildProcess {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
}

impl ChildProcess {
    /// A program, looked up in `PATH` as usual.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs the program in `directory`.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    fn command_line(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.arguments)
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A child process that has said where it listens.
#[derive(Debug)]
pub(crate) struct RunningProcess {
    child: Child,
    url: String,
}

impl RunningProcess {
    pub(crate) async fn start(process: ChildProcess, port: u16) -> Result<Self> {
        let command = process.command_line();
        let mut builder = Command::new(&process.program);
        builder
            .args(&process.arguments)
            .env("PORT", port.to_string())
            .envs(process.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(directory) = process.directory {
            builder.current_dir(directory);
        }
        let mut child =
            builder.spawn().map_err(|source| Error::Spawn { command: command.clone(), source })?;
        let output = Output::default();
        let mut url = output.follow(child.stdout.take(), child.stderr.take());
        let not_ready =
            |what: String| Error::NotReady { command, what, output: output.to_string() };

        let after = scaled(DEFAULT_TIMEOUT * 2);
        let ready = async {
            let found = url.wait_for(Option::is_some).await.map(|url| url.clone());
            match found {
                Ok(url) => Ok(url.unwrap_or_default()),
                // Standard output has ended without a URL.
                Err(_) => Err(child.wait().await),
            }
        };
        match tokio::time::timeout(after, ready).await {
            Ok(Ok(url)) => Ok(Self { child, url }),
            Ok(Err(Ok(status))) => Err(not_ready(format!("ended ({status})"))),
            Ok(Err(Err(error))) => Err(not_ready(format!("was lost ({error})"))),
            Err(_) => Err(not_ready(format!("ran for {after:?}"))),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) async fn stop(mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill().await;
    }
}

/// The last lines a process printed.
#[derive(Debug, Clone, Default)]
struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    /// Reads both streams to their ends, so that the process never blocks on a full pipe. The
    /// receiver gets the first URL on standard output, and is closed if that ends without one.
    fn follow(
        &self,
        stdout: Option<impl AsyncRead + Send + Unpin + 'static>,
        stderr: Option<impl AsyncRead + Send + Unpin + 'static>,
    ) -> watch::Receiver<Option<String>> {
        let (sender, receiver) = watch::channel(None);
        let output = self.clone();
        tokio::spawn(async move {
            let Some(stdout) = stdout else { return };
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if sender.borrow().is_none()
                    && let Some(url) = url_in(&line)
                {
                    sender.send_replace(Some(url));
                }
                output.push(line);
            }
        });
        let output = self.clone();
        tokio::spawn(async move {
            let Some(stderr) = stderr else { return };
            let mut lines = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                output.push(line);
            }
        });
        receiver
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return f.write_str("  it printed nothing");
        }
        f.write_str("  it printed:")?;
        lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

fn url_in(line: &str) -> Option<String> {
    let word = line.split_whitespace().find(|word| word.starts_with("http://"))?;
    Some(word.trim_end_matches(['.', ',', '/']).to_owned())
}

const KEPT_LINES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_url_in_a_line() {
        let found = url_in("Server listening on http://127.0.0.1:3000/.");
        assert_eq!(found.as_deref(), Some("http://127.0.0.1:3000"));
        assert_eq!(url_in("no address here"), None);
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let process = ChildProcess::new("no-such-program").arg("server.js");
        let error = RunningProcess::start(process, 0).await.unwrap_err().to_string();
        assert!(error.contains("cannot start `no-such-program server.js`"), "{error}");
    }

    #[tokio::test]
    async fn a_process_that_ends_early_shows_what_it_printed() {
        let script = "echo starting; echo 'no module socket.io' >&2; exit 3";
        let process = ChildProcess::new("sh").arg("-c").arg(script);
        let error = RunningProcess::start(process, 0).await.unwrap_err().to_string();
        assert!(error.contains("ended (exit status: 3)"), "{error}");
        assert!(error.contains("\n    starting"), "{error}");
    }
}
