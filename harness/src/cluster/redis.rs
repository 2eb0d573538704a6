//! A Redis server for the time of a test.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use socketio_mock_client::{DEFAULT_TIMEOUT, Target, UnixConnector, scaled};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::faults::{Faults, Relay};
use crate::process::Group;
use crate::report::Leftover;
use crate::trace::Diary;
use crate::{Error, Result};

/// Starts a Redis server of its own for a test: the `redis-server` (or `valkey-server`) on the
/// `PATH`. It keeps nothing, no other test can meet it, and it ends when it is dropped, or with the
/// process of the test, however that ends.
///
/// It listens on a Unix socket in a directory of its own; [`Redis::url`] is a port of the harness
/// that leads there. So no port has to be found for it, and it has [faults](Redis::faults).
///
/// ```no_run
/// # use socketio_harness::{Result, create_redis};
/// # async fn f() -> Result {
/// let redis = create_redis().await?;
/// println!("{}", redis.url()); // redis://127.0.0.1:40123
/// redis.close().await
/// # }
/// ```
pub async fn create_redis() -> Result<Redis> {
    Redis::create(Diary::default()).await
}

/// A Redis server of the harness; see [`create_redis`].
#[derive(Debug)]
pub struct Redis {
    directory: TempDir,
    process: Mutex<Option<Process>>,
    runs: AtomicBool,
    faults: Faults,
    relay: Relay,
}

impl Redis {
    pub(super) async fn create(diary: Diary) -> Result<Self> {
        let directory = tempfile::tempdir().map_err(|error| {
            Error::Redis(format!("cannot make a directory for Redis: {error}").into())
        })?;
        let socket = UnixConnector::new(directory.path().join(SOCKET));
        let faults = Faults::new(Target::new("redis", 6379).connector(socket), diary);
        let relay = faults.relay()?;
        let (process, runs) = (Mutex::new(None), AtomicBool::new(false));
        let redis = Self { directory, process, runs, faults, relay };
        redis.start().await?;
        Ok(redis)
    }

    /// Where it is reached, whether it runs or not: `redis://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.relay.addr())
    }

    /// The Unix socket it listens on, which no fault meets.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join(SOCKET)
    }

    /// What the network does to connections made to [`url`](Self::url).
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Whether it has been started and not stopped.
    pub fn is_running(&self) -> bool {
        self.runs.load(Ordering::Acquire)
    }

    /// Kills it, as a crash would; resolves when it is gone. Its connections are gone with it, and
    /// so is what it held. Does nothing if it does not run.
    pub async fn stop(&self) -> Result {
        let mut process = self.process.lock().await;
        self.runs.store(false, Ordering::Release);
        match process.take() {
            Some(process) => process
                .kill()
                .await
                .map_err(|error| Error::Redis(format!("Redis cannot be killed: {error}").into())),
            None => Ok(()),
        }
    }

    /// Starts it where it was, empty; resolves when it answers. Does nothing if it runs.
    pub async fn start(&self) -> Result {
        let mut process = self.process.lock().await;
        if process.is_none() {
            *process = Some(start(self.directory.path()).await?);
            self.runs.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Kills it, closes its port and removes its directory. Fails if any of it cannot be done.
    pub async fn close(self) -> Result {
        match self.take_down().await.into_iter().next() {
            Some(leftover) => Err(Error::Redis(leftover.to_string().into())),
            None => Ok(()),
        }
    }

    pub(super) async fn take_down(self) -> Vec<Leftover> {
        let mut left = Vec::new();
        let mut tell = |what: String| left.push(Leftover::Redis { what });
        if let Some(process) = self.process.into_inner()
            && let Err(error) = process.kill().await
        {
            tell(format!("cannot be killed: {error}"));
        }
        self.faults.heal_all();
        if let Err(what) = self.relay.closed().await {
            tell(what);
        }
        self.faults.end().await;
        let path = self.directory.path().to_owned();
        if let Err(error) = self.directory.close() {
            tell(format!("has left its directory {} behind: {error}", path.display()));
        }
        left
    }
}

/// A process of Redis, in a group that ends with the test's process.
#[derive(Debug)]
struct Process {
    child: Child,
    _group: Group,
}

impl Process {
    /// One that has ended by itself is as good as one that is killed.
    async fn kill(mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        self.child.start_kill()?;
        match timeout(scaled(DEFAULT_TIMEOUT), self.child.wait()).await {
            Ok(ended) => ended.map(|_| ()),
            // Nobody may run the runtime that is told of its end.
            Err(_) if self.child.try_wait()?.is_some() => Ok(()),
            Err(late) => Err(late.into()),
        }
    }
}

async fn start(directory: &Path) -> Result<Process> {
    let group = Group::new()
        .map_err(|error| Error::Redis(format!("cannot watch over Redis: {error}").into()))?;
    let mut child = spawn(directory, &group)?;
    let cannot_read = |error: io::Error| Error::Redis(format!("Redis was lost: {error}").into());
    let Some(stdout) = child.stdout.take() else {
        return Err(Error::Redis("Redis has no output".into()));
    };
    let mut lines = BufReader::new(stdout).lines();
    let mut log = Vec::new();
    let ready = async {
        // It says something at each step of its start, the last one included.
        while let Some(line) = lines.next_line().await.map_err(cannot_read)? {
            log.push(line);
            if answers(&directory.join(SOCKET)).await {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let after = scaled(DEFAULT_TIMEOUT * 2);
    let what = match timeout(after, ready).await {
        Ok(Ok(true)) => {
            // Its log would fill the pipe in the end.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(Process { child, _group: group });
        }
        Ok(Ok(false)) => "ended".to_owned(),
        Ok(Err(error)) => return Err(error),
        Err(_) => format!("ran for {after:?}"),
    };
    let log = log.join("\n    ");
    Err(Error::Redis(format!("Redis {what} before it answered; it printed:\n    {log}").into()))
}

fn spawn(directory: &Path, group: &Group) -> Result<Child> {
    let spawned = |program| {
        let mut command = std::process::Command::new(program);
        command
            .args(["--port", "0", "--unixsocket", SOCKET, "--save", "", "--appendonly", "no"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        group.take_in(&mut command);
        Command::from(command).kill_on_drop(true).spawn()
    };
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match spawned("redis-server") {
        Err(error) if missing(&error) => spawned("valkey-server").map_err(|_| error),
        spawned => spawned,
    }
    .map_err(|error| {
        let remedy = if missing(&error) {
            "\n  install it: the package is called `redis-server` on Debian and Ubuntu, `redis` \
             elsewhere; or name one that runs already: `.redis_at(url)`"
        } else {
            ""
        };
        Error::Redis(format!("cannot start `redis-server`: {error}{remedy}").into())
    })
}

/// Whether a server at the socket is there, and done with its start.
async fn answers(socket: &Path) -> bool {
    let asking = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; PONG.len()];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer == *PONG)
    };
    asking.await.unwrap_or(false)
}

const SOCKET: &str = "redis.sock";
const PONG: &[u8; 5] = b"+PONG";
