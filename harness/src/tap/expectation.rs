use std::fmt::{self, Write as _};
use std::future::{Future, IntoFuture};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use socketio_mock_client::{DEFAULT_TIMEOUT, SocketIoClient, scaled};

use super::Tap;
use super::log::{Flow, ServerLog, ServerPacket};
use crate::{Error, Result};

/// What the server under test should have received or emitted; see
/// [`App::received`](crate::App::received) and [`App::emitted`](crate::App::emitted).
///
/// Awaiting it gives the events that fit, as soon as there are enough: what has passed since the
/// app was booted counts, and what passes while it waits. It takes nothing away from anybody.
#[must_use = "an expectation does nothing until it is awaited"]
pub struct ServerExpectation {
    tap: Result<Arc<Tap>>,
    wanted: Wanted,
    times: Option<usize>,
    within: Duration,
}

/// What one event must be like.
struct Wanted {
    flow: Flow,
    event: String,
    namespace: Option<String>,
    socket_id: Option<String>,
    checks: Vec<Check>,
}

enum Check {
    Args(Value),
    Matching(Box<dyn Fn(&ServerPacket) -> bool + Send + Sync>),
}

impl ServerExpectation {
    pub(crate) fn new(tap: Result<Arc<Tap>>, flow: Flow, event: &str) -> Self {
        let wanted = Wanted {
            flow,
            event: event.to_owned(),
            namespace: None,
            socket_id: None,
            checks: Vec::new(),
        };
        Self { tap, wanted, times: None, within: scaled(DEFAULT_TIMEOUT) }
    }

    /// Only in this namespace.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.wanted.namespace = Some(namespace.to_owned());
        self
    }

    /// Only from or to this client, in its namespace.
    pub fn client(mut self, client: &SocketIoClient) -> Self {
        self.wanted.socket_id = Some(client.id());
        self.namespace(client.namespace())
    }

    /// With exactly these arguments, as a JSON array. Binary stands there as its placeholder,
    /// `{"_placeholder": true, "num": 0}`.
    pub fn args(mut self, args: impl Into<Value>) -> Self {
        self.wanted.checks.push(Check::Args(args.into()));
        self
    }

    /// For which this holds.
    pub fn matching(
        mut self,
        holds: impl Fn(&ServerPacket) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.wanted.checks.push(Check::Matching(Box::new(holds)));
        self
    }

    /// So many times. Fails if there are more by the time there are enough. Without this call, once
    /// or more is fine.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Waits for at most this long, instead of [`DEFAULT_TIMEOUT`].
    pub fn within(mut self, duration: Duration) -> Self {
        self.within = duration;
        self
    }

    /// Fails if there has been any.
    ///
    /// Speaks of what has passed until now. Whatever may still cause one must have come to its end
    /// before: an ack of the same client, or any event the server emits afterwards, shows that.
    pub fn never(self) -> Result {
        let log = self.tap?.log();
        match log.packets().find(|packet| self.wanted.fits(packet)) {
            None => Ok(()),
            Some(packet) => {
                let expected = format!("the server never {}", self.wanted);
                Err(Error::Unmet { expected, found: format!("\n  {packet}{}", tail(&log)) })
            }
        }
    }

    async fn fulfilled(self) -> Result<Vec<ServerPacket>> {
        let tap = self.tap?;
        let needed = self.times.unwrap_or(1);
        let mut fitting = Vec::new();
        let mut position = 0;
        let waiting = async {
            loop {
                let mut news = pin!(tap.news());
                // From here on nothing is missed.
                news.as_mut().enable();
                let (log, next) = tap.log_since(position);
                position = next;
                fitting.extend(log.packets().filter(|packet| self.wanted.fits(packet)).cloned());
                if fitting.len() >= needed {
                    return;
                }
                news.await;
            }
        };
        let waited = tokio::time::timeout(self.within, waiting).await;
        let expected = || match self.times {
            None => format!("the server {}", self.wanted),
            Some(times) => format!("the server {} {times} times", self.wanted),
        };
        if waited.is_err() {
            let (log, expected) = (tap.log(), expected());
            let found = format!(" within {:?}{}", self.within, self.wanted.explain(&log, &fitting));
            return Err(Error::Unmet { expected, found });
        }
        if self.times.is_some_and(|times| fitting.len() > times) {
            let found = format!(", but {} times{}", fitting.len(), lines(fitting.iter()));
            return Err(Error::Unmet { expected: expected(), found });
        }
        Ok(fitting)
    }
}

impl IntoFuture for ServerExpectation {
    type Output = Result<Vec<ServerPacket>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.fulfilled())
    }
}

impl Wanted {
    fn fits(&self, packet: &ServerPacket) -> bool {
        self.is_named(packet) && self.mismatch(packet).is_none()
    }

    fn is_named(&self, packet: &ServerPacket) -> bool {
        packet.flow == self.flow && packet.event() == Some(&self.event)
    }

    /// Why an event of the name does not fit.
    fn mismatch(&self, packet: &ServerPacket) -> Option<&'static str> {
        if self.namespace.is_some() && self.namespace != packet.namespace {
            return Some("another namespace");
        }
        if self.socket_id.is_some() && self.socket_id.as_deref() != packet.socket_id.as_deref() {
            return Some("another client");
        }
        self.checks.iter().find_map(|check| match check {
            Check::Args(args) if args.as_array().map(Vec::as_slice) != Some(packet.args()) => {
                Some("other arguments")
            }
            Check::Matching(holds) if !holds(packet) => Some("`matching` does not hold"),
            _ => None,
        })
    }

    /// What came instead.
    fn explain(&self, log: &ServerLog, fitting: &[ServerPacket]) -> String {
        let mut text = String::new();
        if !fitting.is_empty() {
            let _ = write!(text, "\n  only {} came:{}", fitting.len(), lines(fitting.iter()));
        }
        let named = log.packets().filter(|packet| self.is_named(packet));
        for (packet, why) in named.filter_map(|p| Some((p, self.mismatch(p)?))).take(SHOWN) {
            let _ = write!(text, "\n  {why}: {packet}");
        }
        for problem in log.problems() {
            let _ = write!(text, "\n  {problem}");
        }
        text + &tail(log)
    }
}

impl fmt::Display for Wanted {
    /// `emitted "tick" in namespace "/chat" to client 5l8u… with [1]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\"", self.flow, self.event)?;
        if let Some(namespace) = self.namespace.as_deref().filter(|namespace| *namespace != "/") {
            write!(f, " in namespace \"{namespace}\"")?;
        }
        match (&self.socket_id, self.flow) {
            (Some(id), Flow::Received) => write!(f, " from client {id}")?,
            (Some(id), Flow::Emitted) => write!(f, " to client {id}")?,
            (None, _) => {}
        }
        for check in &self.checks {
            match check {
                Check::Args(args) => write!(f, " with {args}")?,
                Check::Matching(_) => f.write_str(" for which `matching` holds")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ServerExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wanted)
    }
}

fn lines<'p>(packets: impl IntoIterator<Item = &'p ServerPacket>) -> String {
    packets.into_iter().fold(String::new(), |text, packet| format!("{text}\n    {packet}"))
}

/// The end of the log, as a block of lines.
fn tail(log: &ServerLog) -> String {
    let packets = log.packets();
    let hidden = packets.len().saturating_sub(SHOWN);
    let earlier = hidden as u64 + log.dropped();
    let mut text = "\n  what passed the server:".to_owned();
    match earlier {
        0 if packets.len() == 0 => text += " nothing",
        0 => {}
        count => {
            let _ = write!(text, "\n    … {count} earlier");
        }
    }
    text + &lines(packets.skip(hidden))
}

const SHOWN: usize = 20;
