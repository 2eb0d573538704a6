use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::task::Waker;
use std::time::Duration;

use futures::FutureExt;
use socketio_mock_client::Error as ClientError;
use socketio_mock_client::{
    Args, Content, Direction, Observed, Packet, PacketEntry, RegisteredClient, Registry, Situation,
    Source,
};

use super::Tap;
use super::followed::{Fence, Followed};
use super::log::{Flow, ServerPacket, ServerPacketKind};
use crate::trace::{Diary, message_of};
use crate::{Error, Result};

/// An event that the server under test received or emitted: a [`ServerPacket`] that is an event.
#[derive(Clone)]
pub struct ServerEvent(Arc<ServerPacket>);

/// The events of the server, for the client's expectations.
pub(super) struct ServerSource {
    tap: Result<Arc<Tap>>,
    flow: Flow,
    whose: Whose,
    /// How far the log has been read.
    position: u64,
    seen: Vec<ServerEvent>,
    gaps: Missing,
    /// Where it is noted how expectations ended.
    diary: Diary,
}

/// What has not been seen of the log.
#[derive(Default)]
pub(super) struct Missing {
    /// Messages that were dropped before they were read.
    missed: u64,
    unseen: u64,
    /// Messages that were read and could not be decoded.
    undecodable: u64,
    hidden: Option<String>,
}

/// Whose events are looked at.
pub(super) enum Whose {
    Everybodys(Registry),
    Client(Box<Followed>),
}

impl Source<ServerEvent> for ServerSource {
    fn look_on(&mut self, position: usize, waker: &Waker) -> (Vec<ServerEvent>, Option<String>) {
        let tap = match &self.tap {
            Ok(tap) => tap,
            Err(error) => return (Vec::new(), Some(error.to_string())),
        };
        self.seen.extend(self.whose.look_on(waker).into_iter().map(ServerEvent));
        let (log, next, gaps) = tap.look_on(self.position, waker);
        self.gaps.missed += gaps.forgotten + (gaps.unseen - self.gaps.unseen);
        self.gaps.unseen = gaps.unseen;
        self.gaps.hidden = gaps.hidden;
        self.position = next;
        let is_undecodable = |packet: &&Arc<ServerPacket>| {
            packet.flow == self.flow && matches!(packet.kind, ServerPacketKind::Undecodable { .. })
        };
        self.gaps.undecodable += log.packets.iter().filter(is_undecodable).count() as u64;
        for packet in log.packets {
            if packet.flow == self.flow && packet.event().is_some() {
                self.seen.extend(self.whose.claim(packet).map(ServerEvent));
            }
        }
        (self.seen.get(position..).unwrap_or_default().to_vec(), None)
    }

    fn can_fence(&self) -> socketio_mock_client::Result {
        if let Whose::Client(client) = &self.whose {
            client.can_fence()?;
        }
        match (&self.tap, &self.whose) {
            (Err(reason), _) => Err(not_observed(reason)),
            (Ok(_), Whose::Client(_)) => Ok(()),
            (Ok(_), Whose::Everybodys(registry)) => {
                registry.clients().iter().try_for_each(RegisteredClient::can_settle)
            }
        }
    }

    fn fence(&self, patience: Duration) -> Fence {
        if self.tap.is_err() {
            // `look_on` has told why, or will.
            return futures::future::ready(Ok(())).boxed();
        }
        match &self.whose {
            Whose::Client(client) => client.fence(),
            Whose::Everybodys(registry) => registry.settle(patience).boxed(),
        }
    }

    fn gap(&self) -> Option<String> {
        let Missing { missed, undecodable, hidden, .. } = &self.gaps;
        if *missed > 0 {
            return Some(format!(
                "nobody knows what was in {missed} messages that the log has dropped: keep more \
                 with .log_limit(bytes), or count .from_now()"
            ));
        }
        match &self.whose {
            // Its clients are the toolkit's own, which agree to no compression.
            Whose::Client(_) => None,
            Whose::Everybodys(_) if *undecodable > 0 => Some(format!(
                "nobody knows what was in the frames that could not be decoded ({undecodable}): \
                 are they in the format of another parser?"
            )),
            Whose::Everybodys(_) => {
                hidden.as_ref().map(|problem| format!("nobody knows: {problem}"))
            }
        }
    }

    fn begin_here(&mut self) {
        self.gaps.missed = 0;
        self.gaps.undecodable = 0;
    }

    fn situation(&self) -> Situation {
        let mut situation = Situation::default();
        situation.events = Some(way(self.flow));
        let who = match &self.whose {
            Whose::Everybodys(_) => "all clients",
            Whose::Client(client) => {
                client.namespace().clone_into(&mut situation.namespace);
                "the client"
            }
        };
        situation.who = format!("{who} with the server");
        if let Ok(tap) = &self.tap {
            let log = tap.log();
            situation.forgotten = usize::try_from(log.dropped()).unwrap_or(usize::MAX);
            let remark = |problem: &String| format!("the server's log is not complete: {problem}");
            situation.remarks = log.problems().iter().map(remark).collect();
            let concerned = log.packets().filter(|packet| self.whose.includes(packet));
            situation.packets = concerned.map(entry).collect();
        }
        situation
    }

    fn failing(&self, _: Option<&str>, error: ClientError) -> ClientError {
        match &self.tap {
            Ok(_) => {
                if self.diary.is_kept() {
                    self.diary.failed(&message_of(&error));
                }
                error
            }
            Err(_) if matches!(error, ClientError::Unsupported { .. }) => error,
            Err(reason) => not_observed(reason),
        }
    }

    fn met(&self, _: Option<&str>, expectation: &dyn fmt::Display) {
        if self.diary.is_kept() {
            self.diary.met(&format!("{} {expectation}", self.flow()));
        }
    }
}

fn not_observed(reason: &Error) -> ClientError {
    ClientError::InvalidOption {
        what: "subject",
        value: "not observed".into(),
        reason: reason.to_string(),
    }
}

impl ServerSource {
    pub(super) fn new(tap: Result<Arc<Tap>>, flow: Flow, whose: Whose, diary: Diary) -> Self {
        let (position, seen, gaps) = (0, Vec::new(), Missing::default());
        Self { tap, flow, whose, position, seen, gaps, diary }
    }

    /// What the server did, as a phrase.
    fn flow(&self) -> &'static str {
        match self.flow {
            Flow::Received => "the server received",
            Flow::Emitted => "the server emitted",
        }
    }
}

impl Whose {
    /// Gives what was passed over, and is included after all.
    fn look_on(&mut self, waker: &Waker) -> Vec<Arc<ServerPacket>> {
        match self {
            Self::Everybodys(_) => Vec::new(),
            Self::Client(client) => client.look_on(waker),
        }
    }

    /// The event, if it is included.
    fn claim(&mut self, event: Arc<ServerPacket>) -> Option<Arc<ServerPacket>> {
        match self {
            Self::Everybodys(_) => Some(event),
            Self::Client(client) => client.claim(event),
        }
    }

    fn includes(&self, packet: &ServerPacket) -> bool {
        match self {
            Self::Everybodys(_) => true,
            Self::Client(client) => client.includes(packet),
        }
    }
}

/// The packet as the conversation of a failed expectation shows it: from the client's side, as the
/// clients' own conversations are.
fn entry(packet: &ServerPacket) -> PacketEntry {
    let namespace = packet.namespace.clone().unwrap_or_default();
    let content = match packet.kind.clone() {
        ServerPacketKind::Event { name, args, ack_id } => {
            Content::Packet(Packet::Event { namespace, id: ack_id, name, args })
        }
        ServerPacketKind::Ack { id, args, .. } => {
            Content::Packet(Packet::Ack { namespace, id, args })
        }
        ServerPacketKind::Connect { payload } => {
            let payload = Some(payload).filter(|payload| !payload.is_null());
            Content::Packet(Packet::Connect { namespace, query: None, payload })
        }
        ServerPacketKind::ConnectError { payload } => {
            Content::Packet(Packet::ConnectError { namespace, payload })
        }
        ServerPacketKind::Disconnect => Content::Packet(Packet::Disconnect { namespace }),
        ServerPacketKind::Engine { name, data } => Content::Engine { name, data },
        ServerPacketKind::Undecodable { reason } => {
            Content::Unread { bytes: reason.len(), text: reason }
        }
    };
    PacketEntry { at: packet.at, direction: way(packet.flow), transport: packet.transport, content }
}

fn way(flow: Flow) -> Direction {
    match flow {
        Flow::Received => Direction::Sent,
        Flow::Emitted => Direction::Received,
    }
}

impl Observed for ServerEvent {
    fn name(&self) -> &str {
        self.event().unwrap_or_default()
    }

    fn raw_args(&self) -> &Args {
        self.0.raw_args().unwrap_or(&NO_ARGS)
    }

    fn at(&self) -> Duration {
        self.at
    }

    /// The server's log has no reader whom it could owe one.
    fn mark_read(&self) {}
}

impl Deref for ServerEvent {
    type Target = ServerPacket;

    fn deref(&self) -> &ServerPacket {
        &self.0
    }
}

impl fmt::Debug for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

static NO_ARGS: LazyLock<Args> = LazyLock::new(Args::default);
