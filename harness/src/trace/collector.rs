//! What is kept of a test while it runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use socketio_mock_client::Parser;
use tokio::time::Instant;

use super::decode::Decoder;
use super::format::{Document, Entry, Lane, LaneKind, Level, Note, Outcome, SERVER, What, micros};
use super::record::{Record, Recorded};

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

impl Collector {
    /// `detail` tells where the server is.
    pub(super) fn new(detail: String) -> Arc<Self> {
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

    /// Where its clock begins.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Notes something of the server, or of the test as a whole.
    pub(super) fn note(&self, level: Level, title: impl Into<String>, text: impl Into<String>) {
        let (title, text) = (title.into(), text.into());
        let note = Note { lane: SERVER, level, title, text, namespace: None, event: None };
        let at = self.started.elapsed();
        self.push(Record { at, lane: SERVER, what: Recorded::Note(note) });
    }

    /// Whether a failure of this title was noted already: a panic repeats what an expectation of a
    /// client has told.
    pub(super) fn knows_failure(&self, title: &str) -> bool {
        self.lock().records.iter().any(|record| match &record.what {
            Recorded::Note(note) => note.level == Level::Failed && note.title == title,
            Recorded::Frame { .. } => false,
        })
    }

    /// A lane for another client; returns its number.
    pub(super) fn add_lane(&self, name: String, detail: String, parser: Parser) -> usize {
        let mut state = self.lock();
        let id = state.lanes.len();
        state.lanes.push(Lane { id, kind: LaneKind::Client, name, detail, dropped: 0 });
        state.parsers.push(parser);
        id
    }

    pub(super) fn kept_of_a_frame(&self) -> usize {
        self.lock().bounds.frame
    }

    pub(super) fn push(&self, record: Record) {
        self.lock().push(record);
    }

    /// The trace so far.
    pub(super) fn document(&self, test: String, outcome: Outcome) -> Document {
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
                let what: What = record.what.show(record.lane, decoders);
                Some(Entry { at_us: micros(record.at), what })
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

/// More than a reader looks at, and no more than a browser scrolls through with ease.
const BOUNDS: Bounds = Bounds { entries: 50_000, bytes: 64 << 20, frame: 64 << 10 };

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socketio_mock_client::{ConnectionObserver, Direction, FrameData, Transport};

    use super::*;
    use crate::trace::watch::Reporter;

    fn reporter(collector: &Arc<Collector>) -> Reporter {
        let lane = collector.add_lane("client 1".into(), String::new(), Parser::Default);
        Reporter { collector: Arc::clone(collector), lane, started: Duration::ZERO }
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
        assert_eq!(
            (frame.raw.as_deref(), frame.cut, frame.bytes),
            (Some(r#"42["e",""#), true, Some(19))
        );
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
