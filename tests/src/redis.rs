//! A Redis server for the time of a test.

use std::process::Stdio;
use std::time::Duration;

use socketio_harness::scaled;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The real `redis-server`, from `PATH`. It listens on a socket in a directory of its own, so that
/// no two tests can meet, and keeps nothing. It ends when this is dropped.
#[derive(Debug)]
pub struct Redis {
    directory: TempDir,
    process: Option<Child>,
}

impl Redis {
    /// Starts one; it can be reached when this resolves.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut redis = Self { directory, process: None };
        redis.start_again().await;
        redis
    }

    /// Where it is reached, whether it runs or not.
    pub fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("redis.sock").display())
    }

    /// Kills it, as a crash would.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn stop(&mut self) {
        let mut process = self.process.take().expect("a Redis that runs");
        process.kill().await.expect("Redis to be killed");
    }

    /// Starts it where it was, empty.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_again(&mut self) {
        let mut process = Command::new("redis-server")
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is missing: run ./tests/run, which installs it");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut log = Vec::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("its output") {
                log.push(line);
                if log.last().is_some_and(|line| line.contains("eady to accept connections")) {
                    return true;
                }
            }
            false
        };
        let ready = tokio::time::timeout(scaled(Duration::from_secs(10)), ready).await;
        assert_eq!(ready, Ok(true), "Redis did not start:\n{}", log.join("\n"));
        // Its log would fill the pipe in the end.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.process = Some(process);
    }
}
