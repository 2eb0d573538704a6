use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tokio::time::Instant;

use super::Open;

/// What went over the wire during one case, in the order in which it was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transcript {
    /// The frames of all connections of the case.
    pub entries: Vec<Entry>,
}

/// One frame, or one HTTP request or response.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Time since the case began.
    #[serde(rename = "ms", serialize_with = "as_milliseconds")]
    #[serde(deserialize_with = "from_milliseconds")]
    pub at: Duration,
    /// Which connection of the case, counted from 1.
    pub connection: usize,
    /// How it travelled.
    pub transport: Transport,
    /// Which way it travelled.
    pub direction: Direction,
    /// The frame, cut at 200 characters; 0x1e is shown as `␞`.
    pub frame: String,
}

/// How a frame travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP requests and responses.
    Polling,
    /// Frames of a WebSocket connection.
    WebSocket,
}

/// Which way a frame travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the subject.
    Sent,
    /// From the subject.
    Received,
}

impl Entry {
    /// The connection, such as `ws#2`.
    pub(crate) fn line(&self) -> String {
        let transport = match self.transport {
            Transport::Polling => "http",
            Transport::WebSocket => "ws",
        };
        format!("{transport}#{}", self.connection)
    }

    /// Time, connection and direction in columns of their own, to stand before the frame.
    pub(crate) fn margin(&self) -> String {
        let arrow = match self.direction {
            Direction::Sent => '>',
            Direction::Received => '<',
        };
        let ms = self.at.as_secs_f64() * 1000.0;
        format!("{ms:>7.1} ms  {:<6} {arrow} ", self.line())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.margin(), self.frame)
    }
}

/// Collects the frames of all connections of one case.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    began: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    slowest: Duration,
    longest_stall: Duration,
    heartbeat: Option<Duration>,
    transcript: Transcript,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), state: Arc::default() }
    }

    /// A numbered line into the transcript for one more connection.
    pub(crate) fn line(&self, transport: Transport) -> Line {
        let connection = self.with(|state| {
            state.connections += 1;
            state.connections
        });
        Line { recorder: self.clone(), connection, transport }
    }

    /// The longest that a request took which a server answers at once.
    pub(crate) fn slowest(&self) -> Duration {
        self.with(|state| state.slowest)
    }

    /// The longest that a task of the case stood still.
    pub(crate) fn longest_stall(&self) -> Duration {
        self.with(|state| state.longest_stall)
    }

    /// Notes how late a task of the case could go on.
    pub(crate) fn stood_still(&self, late: Duration) {
        self.with(|state| state.longest_stall = state.longest_stall.max(late));
    }

    /// The shorter of the two times of the heartbeat that the subject has told, if it opened a
    /// session.
    pub(crate) fn heartbeat(&self) -> Option<Duration> {
        self.with(|state| state.heartbeat)
    }

    /// Notes what the subject has told of its heartbeat.
    pub(crate) fn opened(&self, open: &Open) {
        let told = [open.ping_interval(), open.ping_timeout()].into_iter().flatten().min();
        self.with(|state| state.heartbeat = told.or(state.heartbeat));
    }

    pub(crate) fn transcript(&self) -> Transcript {
        self.with(|state| state.transcript.clone())
    }

    fn with<T>(&self, access: impl FnOnce(&mut State) -> T) -> T {
        access(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Records the frames of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    recorder: Recorder,
    connection: usize,
    transport: Transport,
}

impl Line {
    pub(crate) fn sent(&self, frame: impl AsRef<str>) {
        self.record(Direction::Sent, frame.as_ref());
    }

    pub(crate) fn received(&self, frame: impl AsRef<str>) {
        self.record(Direction::Received, frame.as_ref());
    }

    /// Notes how long a request took which a server answers at once.
    pub(crate) fn took(&self, duration: Duration) {
        self.recorder.with(|state| state.slowest = state.slowest.max(duration));
    }

    /// Notes how late the task of this connection could go on.
    pub(crate) fn stood_still(&self, late: Duration) {
        self.recorder.stood_still(late);
    }

    fn record(&self, direction: Direction, frame: &str) {
        let entry = Entry {
            at: self.recorder.began.elapsed(),
            connection: self.connection,
            transport: self.transport,
            direction,
            frame: cut(frame),
        };
        self.recorder.with(|state| state.transcript.entries.push(entry));
    }
}

/// `text` cut at 200 characters, with the packet separator made visible.
pub(crate) fn cut(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '\u{1e}' => '␞',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

fn as_milliseconds<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((at.as_secs_f64() * 1e4).round() / 10.0)
}

pub(crate) fn from_milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(from)? / 1000.0).map_err(D::Error::custom)
}

const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_cut_and_separators_made_visible() {
        assert_eq!(cut("42[]\u{1e}3"), "42[]␞3");
        let long = cut(&"é".repeat(300));
        assert_eq!(long.chars().count(), 201);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn connections_are_numbered_in_the_order_of_their_opening() {
        let recorder = Recorder::new();
        let polling = recorder.line(Transport::Polling);
        recorder.line(Transport::WebSocket).sent("2probe");
        polling.received("200 ok");

        let shown: Vec<_> = recorder.transcript().entries.iter().map(ToString::to_string).collect();
        assert!(shown[0].ends_with("ms  ws#2   > 2probe"), "{shown:?}");
        assert!(shown[1].ends_with("ms  http#1 < 200 ok"), "{shown:?}");
    }
}
