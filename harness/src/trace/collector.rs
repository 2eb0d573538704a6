//! What is kept of a test while it runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use socketio_mock_client::{
    CloseReason, ConnectionObserver, Direction, Error as ClientError, Failure, FrameData, Observer,
    Opening, Parser, Transport,
};
use tokio::time::Instant;

use super::decode::Decoder;
use super::format::{Document, Entry, Frame, Lane, LaneKind, Level, Note, Outcome, What};

/// Sees what the clients of an app do, and keeps it until the trace is written.
#[derive(Debug)]
pub(crate) struct Collector {
    started: Instant,
    started_unix_ms: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    lanes: Vec<Lane>,
    parsers: Vec<Parser>,
    records: VecDeque<Record>,
    bytes: usize,
    bounds: Bounds,
}

/// How much is kept; beyond it the oldest is dropped, and counted.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Frames and notes.
    entries: usize,
    /// Of all of them together, so that a trace does not eat the memory of the test.
    bytes: usize,
    /// Of one frame.
    frame: usize,
}

#[derive(Debug)]
struct Record {
    at: Duration,
    lane: usize,
    what: Recorded,
}

#[derive(Debug)]
enum Recorded {
    Frame { direction: Direction, transport: Transport, data: Data, bytes: usize },
    Note(Note),
}

/// The beginning of a frame.
#[derive(Debug)]
enum Data {
    Text(String),
    Binary(Vec<u8>),
}

/// One client's way into the collector.
struct Reporter {
    collector: Arc<Collector>,
    lane: usize,
    /// When the connection was begun.
    started: Duration,
}

/// Handed to the registry of the app.
pub(crate) struct Watch(pub(crate) Arc<Collector>);

impl Collector {
    /// `detail` tells where the server is.
    pub(crate) fn new(detail: String) -> Arc<Self> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let server =
            Lane { id: SERVER, kind: LaneKind::Server, name: "server".into(), detail, dropped: 0 };
        let state = State {
            lanes: vec![server],
            parsers: vec![Parser::Default],
            records: VecDeque::new(),
            bytes: 0,
            bounds: BOUNDS,
        };
        Arc::new(Self {
            started: Instant::now(),
            started_unix_ms: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            state: Mutex::new(state),
        })
    }

    /// Notes something of the server, or of the test as a whole.
    pub(crate) fn note(&self, level: Level, title: impl Into<String>, text: impl Into<String>) {
        let (title, text) = (title.into(), text.into());
        let note = Note { lane: SERVER, level, title, text, namespace: None, event: None };
        let at = self.started.elapsed();
        self.lock().push(Record { at, lane: SERVER, what: Recorded::Note(note) });
    }

    /// The trace so far.
    pub(crate) fn document(&self, test: String, outcome: Outcome) -> Document {
        let state = self.lock();
        let mut records: Vec<&Record> = state.records.iter().collect();
        // Frames that leave together bear the time of the first; their order is right already.
        records.sort_by_key(|record| record.at);
        let mut decoders: Vec<_> = state
            .parsers
            .iter()
            .map(|parser| [Decoder::new(*parser), Decoder::new(*parser)])
            .collect();
        let entries: Vec<_> = records
            .into_iter()
            .filter_map(|record| {
                let decoders = decoders.get_mut(record.lane)?;
                Some(Entry {
                    at_us: micros(record.at),
                    what: record.what.show(record.lane, decoders),
                })
            })
            .collect();
        Document {
            test,
            outcome,
            started_unix_ms: self.started_unix_ms,
            duration_us: micros(self.started.elapsed()),
            lanes: state.lanes.clone(),
            entries,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, record: Record) {
        self.bytes += record.size();
        self.records.push_back(record);
        while self.records.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.size();
            if let Some(lane) = self.lanes.get_mut(oldest.lane) {
                lane.dropped += 1;
            }
        }
    }
}

impl Record {
    fn size(&self) -> usize {
        match &self.what {
            Recorded::Frame { data: Data::Text(text), .. } => text.len(),
            Recorded::Frame { data: Data::Binary(data), .. } => data.len(),
            Recorded::Note(note) => note.title.len() + note.text.len(),
        }
    }
}

impl Recorded {
    fn show(&self, lane: usize, decoders: &mut [Decoder; 2]) -> What {
        let (direction, transport, data, bytes) = match self {
            Self::Note(note) => return What::Note(note.clone()),
            Self::Frame { direction, transport, data, bytes } => {
                (*direction, *transport, data, *bytes)
            }
        };
        let [sent, received] = decoders;
        let (from, to, decoder) = match direction {
            Direction::Sent => (lane, SERVER, sent),
            Direction::Received => (SERVER, lane, received),
        };
        let mut frame = Frame { from, to, transport: transport.name(), bytes, ..Frame::default() };
        match data {
            Data::Text(text) => {
                frame.cut = text.len() < bytes;
                frame.packet = decoder.text(text, !frame.cut);
                frame.raw = Some(text.clone());
            }
            Data::Binary(data) => {
                let whole = data.len() == bytes;
                frame.packet = decoder.binary(data, whole);
                let shown = data.get(..data.len().min(SHOWN_BINARY)).unwrap_or_default();
                frame.cut = shown.len() < bytes;
                frame.raw_hex = Some(hex(shown));
            }
        }
        What::Frame(Box::new(frame))
    }
}

impl Observer for Watch {
    fn connection(&self, opening: &Opening<'_>) -> Box<dyn ConnectionObserver> {
        let mut state = self.0.lock();
        let id = state.lanes.len();
        let (name, detail) = (opening.name.to_owned(), opening.url.to_owned());
        state.lanes.push(Lane { id, kind: LaneKind::Client, name, detail, dropped: 0 });
        state.parsers.push(opening.parser);
        let started = opening.at.saturating_duration_since(self.0.started);
        Box::new(Reporter { collector: Arc::clone(&self.0), lane: id, started })
    }
}

impl Reporter {
    fn push(&self, at: Duration, what: Recorded) {
        self.collector.lock().push(Record { at: self.started + at, lane: self.lane, what });
    }

    fn note(
        &self,
        at: Duration,
        level: Level,
        title: &str,
        text: &str,
        about: Option<Failure<'_>>,
    ) {
        let note = Note {
            lane: self.lane,
            level,
            title: title.to_owned(),
            text: text.to_owned(),
            namespace: about.map(|failure| failure.namespace.to_owned()),
            event: about.and_then(|failure| failure.event).map(str::to_owned),
        };
        self.push(at, Recorded::Note(note));
    }
}

impl ConnectionObserver for Reporter {
    fn frame(&self, at: Duration, direction: Direction, transport: Transport, data: FrameData<'_>) {
        let kept = self.collector.lock().bounds.frame;
        let (data, bytes) = match data {
            FrameData::Text(text) => {
                let end = text.floor_char_boundary(kept);
                (Data::Text(text.get(..end).unwrap_or_default().to_owned()), text.len())
            }
            FrameData::Binary(data) => {
                let end = data.len().min(kept);
                (Data::Binary(data.get(..end).unwrap_or_default().to_vec()), data.len())
            }
        };
        self.push(at, Recorded::Frame { direction, transport, data, bytes });
    }

    fn closed(&self, at: Duration, reason: &CloseReason) {
        self.note(at, Level::Info, &format!("connection closed: {reason}"), "", None);
    }

    fn failed(&self, at: Duration, failure: Failure<'_>) {
        let message = message_of(failure.error);
        let (title, rest) = message.split_once('\n').unwrap_or((&message, ""));
        self.note(at, Level::Failed, title, rest, Some(failure));
    }
}

/// The message without the conversation, which the trace shows itself.
fn message_of(error: &ClientError) -> String {
    let message = error.to_string();
    match error {
        ClientError::Timeout { transcript, .. } | ClientError::Disconnected { transcript, .. } => {
            let conversation = transcript.to_string();
            message.strip_suffix(&conversation).map(str::to_owned).unwrap_or(message)
        }
        ClientError::Unmet(unmet) => {
            let mut short = (**unmet).clone();
            short.situations.clear();
            short.to_string()
        }
        _ => message,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn hex(data: &[u8]) -> String {
    data.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// The lane of the server.
const SERVER: usize = 0;
/// More than a reader looks at, and no more than a browser scrolls through with ease.
const BOUNDS: Bounds = Bounds { entries: 50_000, bytes: 64 << 20, frame: 64 << 10 };
/// Binary is not decoded further: its beginning tells what it is.
const SHOWN_BINARY: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter(collector: &Arc<Collector>) -> Reporter {
        let lane = Lane {
            id: 1,
            kind: LaneKind::Client,
            name: "client 1".into(),
            detail: String::new(),
            dropped: 0,
        };
        let mut state = collector.lock();
        state.lanes.push(lane);
        state.parsers.push(Parser::Default);
        Reporter { collector: Arc::clone(collector), lane: 1, started: Duration::ZERO }
    }

    fn send(reporter: &Reporter, at: u64, text: &str) {
        let at = Duration::from_micros(at);
        reporter.frame(at, Direction::Sent, Transport::Websocket, FrameData::Text(text));
    }

    fn raws(document: &Document) -> Vec<&str> {
        let frames = document.entries.iter().map(|entry| match &entry.what {
            What::Frame(frame) => frame.raw.as_deref().unwrap_or_default(),
            What::Note(note) => &note.title,
        });
        frames.collect()
    }

    #[test]
    fn the_oldest_is_dropped_and_counted() {
        for bounds in
            [Bounds { entries: 3, ..BOUNDS }, Bounds { bytes: 3 * r#"42["0"]"#.len(), ..BOUNDS }]
        {
            let collector = Collector::new(String::new());
            collector.lock().bounds = bounds;
            let reporter = reporter(&collector);
            for number in 0..5 {
                send(&reporter, number, &format!(r#"42["{number}"]"#));
            }
            let document = collector.document("test".into(), Outcome::Passed);
            assert_eq!(raws(&document), [r#"42["2"]"#, r#"42["3"]"#, r#"42["4"]"#], "{bounds:?}");
            assert_eq!((document.lanes[0].dropped, document.lanes[1].dropped), (0, 2));
        }
    }

    #[test]
    fn a_long_frame_is_cut_between_characters_and_says_so() {
        let collector = Collector::new(String::new());
        collector.lock().bounds.frame = 10;
        send(&reporter(&collector), 0, r#"42["e","€€€"]"#);
        let document = collector.document("test".into(), Outcome::Passed);
        let What::Frame(frame) = &document.entries[0].what else { panic!("a frame") };
        assert_eq!((frame.raw.as_deref(), frame.cut, frame.bytes), (Some(r#"42["e",""#), true, 19));
        assert_eq!((frame.packet.event.as_deref(), &frame.packet.args), (Some("e"), &None));
    }

    #[test]
    fn entries_stand_in_order_of_time() {
        let collector = Collector::new(String::new());
        let reporter = reporter(&collector);
        // What leaves together bears the time of the first; another frame may have come meanwhile.
        send(&reporter, 5, "2");
        send(&reporter, 3, "3");
        send(&reporter, 3, "6");
        assert_eq!(raws(&collector.document("test".into(), Outcome::Passed)), ["3", "6", "2"]);
    }
}
