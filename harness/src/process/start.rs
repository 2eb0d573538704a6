use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitStatus;
use std::time::Duration;

use futures::FutureExt;
use regex::Regex;
use socketio_mock_client::{Error as ClientError, IntoTarget, scaled};
use tokio::time::timeout;

use super::output::{Output, Progress, Sought};
use super::readiness::answers;
use super::running::{RunningProcess, reaches};
use super::{ChildProcess, PortRule};
use crate::{Error, ReservedPort, Result};

/// Starts a process on `port`, if one was asked for, and waits until it is ready.
pub(crate) async fn start(
    process: ChildProcess,
    port: Option<u16>,
    path: &str,
) -> Result<RunningProcess> {
    if let Some(port) = port
        && process.port == PortRule::Harness
    {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        refuse_a_port_in_use(addr)?;
    }
    let mut tried = Vec::new();
    loop {
        let reserved = match port {
            None if process.port == PortRule::Harness => Some(ReservedPort::pick()?),
            _ => None,
        };
        let number = match &reserved {
            Some(reserved) => reserved.number(),
            None => port.unwrap_or(0),
        };
        let starting = Starting { process: &process, port: number, path };
        match starting.run().await? {
            Outcome::Ready(running) => return Ok(running),
            // Another port may be free: if it is for us to choose, and the process is at fault.
            Outcome::Failed { port_in_use: true, output, .. } if reserved.is_some() => {
                tried.push(number);
                if tried.len() == ATTEMPTS {
                    let command = process.command_line();
                    return Err(Error::PortsInUse { command, ports: tried, output });
                }
            }
            Outcome::Failed { what, output, .. } => {
                return Err(Error::Process { command: process.command_line(), what, output });
            }
        }
    }
}

/// Whoever holds the port might answer before the process has found that out.
fn refuse_a_port_in_use(addr: SocketAddr) -> Result {
    match TcpListener::bind(addr) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Error::PortInUse { addr }),
        // Whether the process may listen there is for it to say.
        _ => Ok(()),
    }
}

struct Starting<'a> {
    process: &'a ChildProcess,
    port: u16,
    path: &'a str,
}

enum Outcome {
    Ready(RunningProcess),
    Failed { what: String, port_in_use: bool, output: String },
}

/// What a process that is not ready yet did instead of waiting to be.
enum Instead {
    Ended(ExitStatus),
    FoundItsPortTaken,
}

impl Starting<'_> {
    async fn run(&self) -> Result<Outcome> {
        let running = RunningProcess::spawn(self.process, self.port, self.sought()?)?;
        let after = scaled(self.process.patience.unwrap_or(PATIENCE));
        let mut awaited = String::new();
        let ready = timeout(after, self.ready(&running, &mut awaited)).await;
        let what = match ready {
            Ok(Ok(url)) => return Ok(Outcome::Ready(running.now_ready(url))),
            Ok(Err(Instead::Ended(status))) => {
                running.all_was_printed().await;
                format!("ended ({status}) before {awaited}")
            }
            Ok(Err(Instead::FoundItsPortTaken)) => format!("found port {} in use", self.port),
            Err(_) => format!("ran for {after:?} without {awaited}{}", self.remedy()),
        };
        let port_in_use = running.captured().progress().borrow().port_in_use;
        Ok(Outcome::Failed { what, port_in_use, output: running.captured().to_string() })
    }

    /// Whether the process tells where it listens; else it listens where it was told to.
    fn tells_its_address(&self) -> bool {
        self.process.port == PortRule::Server || self.process.address.is_some()
    }

    /// What to do about a process that does not become ready.
    fn remedy(&self) -> &'static str {
        if self.process.ready_line.is_some() || self.process.address.is_some() {
            // The pattern is told, and what was printed.
            ""
        } else if self.tells_its_address() {
            "\n  let it print one, such as http://127.0.0.1:3000, or say what it does instead: \
             .port_from(r\"port (\\d+)\") if it prints the port, .given_port() if it is to be told one"
        } else {
            "\n  it was told the port in the environment, and wherever {port} stands: check that it \
             listens there, on 127.0.0.1, and that the path agrees on both sides"
        }
    }

    fn sought(&self) -> Result<Sought> {
        let address = self.process.address.as_deref().unwrap_or(URL);
        let address = self.tells_its_address().then(|| pattern("port_from", address));
        let ready_line = self.process.ready_line.as_deref();
        let ready_line = ready_line.map(|line| pattern("ready_on", line));
        Ok(Sought { address: address.transpose()?, ready_line: ready_line.transpose()? })
    }

    /// The URL, when the process is ready. `awaited` tells what for, at any time.
    async fn ready(
        &self,
        running: &RunningProcess,
        awaited: &mut String,
    ) -> Result<String, Instead> {
        let output = running.captured();
        let mut url = format!("http://127.0.0.1:{}", self.port);
        if self.tells_its_address() {
            *awaited = match &self.process.address {
                Some(pattern) => format!("printing a line that matches /{pattern}/"),
                None => "printing the URL it listens on".into(),
            };
            url = url_of(&self.progress(output, |now| now.address.clone()).await?);
        }
        if let Some(pattern) = &self.process.ready_line {
            *awaited = format!("printing a line that matches /{pattern}/");
            self.progress(output, |now| now.ready_line.then_some(())).await?;
        }
        // Of a server that says nothing, this is how one knows.
        let silent = !self.tells_its_address() && self.process.ready_line.is_none();
        if self.process.handshake || silent {
            self.answered(running, &url, awaited).await?;
        }
        Ok(url)
    }

    async fn answered(
        &self,
        running: &RunningProcess,
        url: &str,
        awaited: &mut String,
    ) -> Result<(), Instead> {
        let path = self.path;
        *awaited = format!("answering at {url}{path}");
        // What is no URL is told when the app's target is made of it.
        let Ok(target) = url.into_target() else { return Ok(()) };
        let base = target.url();
        let authority = base.rsplit('/').next().unwrap_or_default();
        loop {
            let answer = answers(authority, path).await;
            let ended = self.progress(running.captured(), |_| None::<()>);
            match answer {
                Ok(()) => {
                    // It may be another's, on a port that the process has found in use.
                    return match running.fate()() {
                        Some(status) => Err(Instead::Ended(status)),
                        None => ended.now_or_never().unwrap_or(Ok(())),
                    };
                }
                Err(instead) => {
                    *awaited = format!("answering at {url}{path} (the last time: {instead})");
                }
            }
            // Nobody tells when another process begins to listen.
            if let Ok(Err(instead)) = timeout(ASK_AGAIN, ended).await {
                return Err(instead);
            }
        }
    }

    /// What is sought, unless the process ends before.
    async fn progress<T>(
        &self,
        output: &Output,
        look: impl Fn(&Progress) -> Option<T>,
    ) -> Result<T, Instead> {
        reaches(output, |now| {
            let is_given_a_port = self.process.port == PortRule::Harness;
            if let Some(found) = look(now) {
                Some(Ok(found))
            } else if let Some(status) = now.ended {
                Some(Err(Instead::Ended(status)))
            } else if is_given_a_port && now.port_in_use {
                Some(Err(Instead::FoundItsPortTaken))
            } else {
                None
            }
        })
        .await
    }
}

fn pattern(option: &'static str, pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let (value, reason) = (pattern.to_owned(), error.to_string());
        ClientError::InvalidOption { what: option, value, reason }.into()
    })
}

/// A port, or a URL whose host may stand for all of the machine's addresses.
fn url_of(address: &str) -> String {
    if address.parse::<u16>().is_ok() {
        return format!("http://127.0.0.1:{address}");
    }
    address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
}

/// A URL with a port: links to documentation have none.
const URL: &str = r"https?://(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d+";
const PATIENCE: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(10);
const ATTEMPTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_found_in_a_line() {
        let url = Regex::new(URL).unwrap();
        for (line, expected) in [
            ("Server listening on http://127.0.0.1:3000/.", "http://127.0.0.1:3000"),
            ("\u{2192} Local: https://localhost:5173/app", "https://localhost:5173"),
            ("(http://[::]:8080)", "http://[::1]:8080"),
            ("Uvicorn running on http://0.0.0.0:8000 (CTRL+C to quit)", "http://127.0.0.1:8000"),
        ] {
            let found = url.find(line).map(|found| url_of(found.as_str()));
            assert_eq!(found.as_deref(), Some(expected), "{line}");
        }
        assert!(!url.is_match("see https://nodejs.org/api/deprecations.html"));
        assert_eq!(url_of("4000"), "http://127.0.0.1:4000");
    }
}
