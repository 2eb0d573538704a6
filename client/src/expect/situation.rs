use std::sync::Arc;

use crate::event::Event;
use crate::packets::PacketEntry;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::transcript::{Direction, Transcript};

/// What a failed expectation tells beside the events it looked at.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// Whose events they are: `client 1`.
    pub who: String,
    /// The namespace they came on.
    pub namespace: String,
    /// Which way the events went that were looked at; `None` if that is not known.
    pub events: Option<Direction>,
    /// The packets of the conversation, oldest first.
    pub packets: Vec<PacketEntry>,
    /// Packets that came before the first of them.
    pub forgotten: usize,
    /// Why something may be missing, as far as it is known beside the conversation; a sentence
    /// each.
    pub remarks: Vec<String>,
    /// Events of other namespaces on the same connection.
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// The test has told the client to leave the network unread.
    pub(crate) reading_paused: bool,
}

/// Events that came on another namespace.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub(crate) namespace: String,
    pub(crate) events: Vec<Event>,
}

impl Situation {
    /// What a transcript shows.
    pub fn of_transcript(who: &str, namespace: &str, transcript: &Transcript) -> Self {
        Self {
            who: who.to_owned(),
            namespace: namespace.to_owned(),
            packets: transcript.packets(),
            forgotten: transcript.forgotten(),
            ..Self::default()
        }
    }

    pub(crate) fn of(shared: &Arc<Shared>, socket: &Arc<Socket>) -> Self {
        let (others, reading_paused) = {
            let state = shared.lock();
            (state.sockets(), state.reading_paused)
        };
        let elsewhere = |other: &Arc<Socket>| {
            let came = other.with_inbox(|inbox| inbox.entries().to_vec());
            let event = |received| Event::new(received, Arc::clone(other), Arc::clone(shared));
            Elsewhere {
                namespace: other.namespace.to_string(),
                events: came.into_iter().map(event).collect(),
            }
        };
        let others = others.iter().filter(|other| !Arc::ptr_eq(other, socket));
        Self {
            elsewhere: others.map(elsewhere).collect(),
            reading_paused,
            remarks: shared.endpoint.target.reasons(),
            events: Some(Direction::Received),
            ..Self::of_transcript(&shared.name, &socket.namespace, &shared.transcript())
        }
    }
}
