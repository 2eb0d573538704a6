use std::sync::Arc;
use std::time::Duration;

use socketio_mock_client::{
    CloseReason, ConnectionObserver, Direction, Failure, FrameData, Met, Observer, Opening,
    Transport,
};

use super::collector::Collector;
use super::format::{Level, Note};
use super::record::{Record, Recorded, message_of};

/// Handed to the registry of the app.
pub(super) struct Watch(pub(super) Arc<Collector>);

impl Observer for Watch {
    fn connection(&self, opening: &Opening<'_>) -> Box<dyn ConnectionObserver> {
        let (name, url) = (opening.name.to_owned(), opening.url.to_owned());
        let lane = self.0.add_lane(name, url, opening.parser);
        let started = opening.at.saturating_duration_since(self.0.started());
        Box::new(Reporter { collector: Arc::clone(&self.0), lane, started })
    }
}

/// One client's way into the collector.
pub(super) struct Reporter {
    pub(super) collector: Arc<Collector>,
    pub(super) lane: usize,
    /// When the connection was begun.
    pub(super) started: Duration,
}

impl Reporter {
    fn push(&self, at: Duration, what: Recorded) {
        self.collector.push(Record { at: self.started + at, lane: self.lane, what });
    }

    fn note(&self, at: Duration, level: Level, message: &str, about: (Option<&str>, Option<&str>)) {
        let (title, text) = message.split_once('\n').unwrap_or((message, ""));
        let note = Note {
            lane: self.lane,
            level,
            title: title.to_owned(),
            text: text.to_owned(),
            namespace: about.0.map(str::to_owned),
            event: about.1.map(str::to_owned),
        };
        self.push(at, Recorded::Note(note));
    }
}

impl ConnectionObserver for Reporter {
    fn frame(&self, at: Duration, direction: Direction, transport: Transport, data: FrameData<'_>) {
        let kept = self.collector.kept_of_a_frame();
        self.push(at, Recorded::frame(direction, transport, data, kept));
    }

    fn closed(&self, at: Duration, reason: &CloseReason) {
        self.note(at, Level::Info, &format!("connection closed: {reason}"), (None, None));
    }

    fn failed(&self, at: Duration, failure: Failure<'_>) {
        let about = (Some(failure.namespace), failure.event);
        self.note(at, Level::Failed, &message_of(failure.error), about);
    }

    fn met(&self, at: Duration, met: Met<'_>) {
        let about = (Some(met.namespace), met.event);
        self.note(at, Level::Passed, met.expectation, about);
    }
}
