//! Servers that are processes of their own, in any language.

mod group;
mod output;
mod readiness;
mod running;
mod start;
mod survivors;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use socketio_mock_client::Error as ClientError;

use crate::Result;

pub(crate) use group::Group;
pub use running::RunningProcess;
pub(crate) use start::start;

/// A server in any language, run as a child process for the time of a test.
///
/// By default it is told `PORT=0`, so that it chooses a free port by itself, and is ready when it
/// prints the URL it listens on, anywhere in a line: `listening on http://127.0.0.1:40123`.
///
/// ```no_run
/// use socketio_harness::{ChildProcess, Result, close, create_app};
///
/// # async fn f() -> Result {
/// let app = create_app(ChildProcess::new("node").arg("server.js")).await?;
/// # close(app).await
/// # }
/// ```
///
/// What differs is said so:
///
/// | the server | say |
/// |---|---|
/// | prints its port in other words | [`port_from(r"on port (\d+)")`](Self::port_from) |
/// | cannot choose a port by itself | [`given_port()`](Self::given_port) |
/// | takes the port as an argument | [`arg("--port={port}")`](Self::arg) |
/// | reads another variable than `PORT` | [`port_variable("MY_PORT")`](Self::port_variable) |
/// | says later, in other words, that it is ready | [`ready_on("workers are up")`](Self::ready_on) |
/// | does not say at all | [`ready_on_handshake()`](Self::ready_on_handshake) |
///
/// # Its end
///
/// [`close`](crate::close) sends it SIGTERM and waits for its end. A process that does not end, one
/// that had ended before, and processes it has started and left behind are told as
/// [`Leftover`](crate::Leftover)s (those last on Linux only). On other systems than Unix it is
/// killed at once.
///
/// Whatever happens, nothing outlives the test: the process and all it has started are a process
/// group, which is killed when the app is closed or dropped, and when the test's own process ends
/// in any way, SIGKILL included. (On other systems than Unix, the process alone, and not in the
/// last case.)
///
/// What has left the group (`setsid`, or `detached: true` in Node) is killed when the app is closed
/// or dropped, on Linux, where it is known by its environment. It outlives a test's process that
/// ends without that: by SIGKILL, an abort or an exit.
///
/// # What it prints
///
/// The last 200 lines of both its outputs are kept: for errors, for [`RunningProcess::output`], and
/// for standard error if the app is dropped without being closed, as by a panic or a `?`, where the
/// test runner shows it beside the failure.
#[derive(Debug, Clone)]
#[must_use = "a process is started by `create_app`"]
pub struct ChildProcess {
    program: OsString,
    arguments: Vec<OsString>,
    /// `None` removes.
    environment: Vec<(OsString, Option<OsString>)>,
    inherits_environment: bool,
    directory: Option<PathBuf>,
    port_variable: OsString,
    port: PortRule,
    address: Option<String>,
    ready_line: Option<String>,
    handshake: bool,
    patience: Option<Duration>,
    ending: Ending,
}

/// Who chooses the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortRule {
    Server,
    Harness,
}

/// How a process is ended by `close`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Terminated,
    Killed,
}

impl ChildProcess {
    /// A program, looked up in `PATH` as usual.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            inherits_environment: true,
            directory: None,
            port_variable: "PORT".into(),
            port: PortRule::Server,
            address: None,
            ready_line: None,
            handshake: false,
            patience: None,
            ending: Ending::Terminated,
        }
    }

    /// Adds an argument. `{port}` in it stands for the port that the server is told.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments, as [`arg`](Self::arg) does.
    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable. `{port}` in its value stands for the port that the server is
    /// told.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable that the test's process has.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), None));
        self
    }

    /// Starts with an empty environment instead of that of the test's process.
    pub fn env_clear(mut self) -> Self {
        self.inherits_environment = false;
        self
    }

    /// Runs the program in `directory`.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The environment variable that tells the port. Default: `PORT`.
    pub fn port_variable(mut self, name: impl AsRef<OsStr>) -> Self {
        name.as_ref().clone_into(&mut self.port_variable);
        self
    }

    /// For a server that cannot choose a port by itself: it is given a free one, in the
    /// [variable](Self::port_variable) and wherever `{port}` stands, and has to listen on 127.0.0.1.
    /// It is ready when it [answers](Self::ready_on_handshake), unless told otherwise.
    ///
    /// Should another program be faster and take the port, which the server has to say in one of
    /// the usual ways (`EADDRINUSE`, `address already in use`), it is started again with another
    /// one, five times at most.
    ///
    /// ```no_run
    /// # use socketio_harness::{ChildProcess, Result, close, create_app};
    /// # async fn f() -> Result {
    /// let server = ChildProcess::new("./server").args(["--port", "{port}"]).given_port();
    /// let app = create_app(server).await?;
    /// # close(app).await
    /// # }
    /// ```
    pub fn given_port(mut self) -> Self {
        self.port = PortRule::Harness;
        self
    }

    /// A regular expression for the line that tells where the server listens; its first group, or
    /// all of it if there is none, is the port or the URL.
    pub fn port_from(mut self, pattern: impl Into<String>) -> Self {
        self.address = Some(pattern.into());
        self
    }

    /// The server is ready when it has printed a line that matches this regular expression, on
    /// either output.
    pub fn ready_on(mut self, pattern: impl Into<String>) -> Self {
        self.ready_line = Some(pattern.into());
        self
    }

    /// The server is ready when it answers Engine.IO requests.
    ///
    /// It is asked for a transport that does not exist, which it has to refuse: so no session is
    /// opened, and nothing of the application is run.
    pub fn ready_on_handshake(mut self) -> Self {
        self.handshake = true;
        self
    }

    /// How long it may take to be ready; multiplied on slow machines as every deadline is. Default:
    /// 10 s.
    pub fn ready_within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// [`close`](crate::close) kills it instead of sending it SIGTERM: for a server that has nothing
    /// to tidy up, and takes its time over it.
    pub fn killed_on_close(mut self) -> Self {
        self.ending = Ending::Killed;
        self
    }

    /// The system would say of a directory that is not there what it says of a missing program.
    fn check_directory(&self) -> Result {
        match &self.directory {
            Some(directory) if !directory.is_dir() => Err(ClientError::InvalidOption {
                what: "current_dir",
                value: directory.display().to_string(),
                reason: "there is no such directory (a relative one begins where cargo runs the \
                         test, at its package)"
                    .into(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// As one would type it.
    fn command_line(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.arguments)
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        if !self.inherits_environment {
            command.env_clear();
        }
        // Python keeps what it prints into a pipe to itself until there is much of it.
        command.env("PYTHONUNBUFFERED", "1").env(&self.port_variable, port.to_string());
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, with_port(value, port)),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.args(self.arguments.iter().map(|argument| with_port(argument, port)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn with_port(text: &OsStr, port: u16) -> OsString {
    match text.to_str() {
        Some(text) => text.replace("{port}", &port.to_string()).into(),
        None => text.to_owned(),
    }
}
