//! nginx in front of servers, for the time of a test.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use socketio_harness::{ReservedPort, scaled};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The real nginx, with the configuration of `fixtures/nginx/`. It ends when this is
/// dropped.
#[derive(Debug)]
pub struct Nginx {
    port: ReservedPort,
    _process: Child,
    _directory: TempDir,
}

impl Nginx {
    /// Starts it in front of two servers on this machine.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start([first, second]: [u16; 2]) -> Self {
        let port = ReservedPort::pick().expect("a free port");
        let directory = tempfile::tempdir().expect("a temporary directory");
        let configuration = [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "nginx", "nginx.conf"];
        let configuration =
            fs::read_to_string(configuration.iter().collect::<std::path::PathBuf>())
                .expect("the configuration")
                .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", port.number()))
                .replace("127.0.0.1:3001", &format!("127.0.0.1:{first}"))
                .replace("127.0.0.1:3002", &format!("127.0.0.1:{second}"));
        let file = directory.path().join("nginx.conf");
        fs::write(&file, configuration).expect("room on the disk");
        let mut process = Self::spawn(directory.path(), &file);
        let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let mut log = Vec::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("its log") {
                log.push(line);
                // What it says once it has bound its port.
                if log.last().is_some_and(|line| line.contains("getrlimit(RLIMIT_NOFILE)")) {
                    return true;
                }
            }
            false
        };
        let is_ready = tokio::time::timeout(scaled(Duration::from_secs(10)), ready).await;
        assert_eq!(is_ready, Ok(true), "nginx did not start:\n{}", log.join("\n"));
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { port, _process: process, _directory: directory }
    }

    /// One process, so that killing it leaves none.
    fn spawn(directory: &Path, file: &Path) -> Child {
        Command::new(super::program("nginx"))
            .arg("-p")
            .arg(directory)
            .arg("-c")
            .arg(file)
            .args(["-e", "stderr", "-g", "daemon off; master_process off;"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx starts")
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The base URL that clients connect to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }
}
