use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::log::{Flow, ServerLog, ServerPacket};
use super::session::Sessions;
use super::wire::{Found, Piece, Raw, Wire};

/// What passed, in three states: bytes, pieces and packets. Each is made from the one before it
/// as late as possible.
#[derive(Debug)]
pub(super) struct Store {
    limit: usize,
    /// The bytes of all chunks, one after the other.
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    wires: HashMap<u64, Wire>,
    pieces: VecDeque<(Duration, Piece)>,
    sessions: Sessions,
    packets: VecDeque<Arc<ServerPacket>>,
    /// Packets that were forgotten: the position of the first that is left.
    forgotten: u64,
    /// About the bytes that pieces and packets hold.
    held: usize,
    dropped: u64,
    /// Of these, pieces: nobody has seen what was in them.
    dropped_unseen: u64,
    problems: Vec<String>,
    /// The first of them that hides packets.
    hidden: Option<String>,
    waiting: Vec<Waker>,
}

/// What of a log cannot be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Packets from the position on that are forgotten.
    pub(super) forgotten: u64,
    /// Pieces that were dropped before anybody could see what was in them, since the app was booted.
    pub(super) unseen: u64,
    /// What could not be read, as a sentence.
    pub(super) hidden: Option<String>,
}

/// Something that happened on a connection.
#[derive(Debug)]
struct Chunk {
    connection: u64,
    at: Duration,
    what: What,
}

#[derive(Debug)]
enum What {
    Passed(Flow, usize),
    Closed,
}

impl Store {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            chunks: Vec::new(),
            wires: HashMap::new(),
            pieces: VecDeque::new(),
            sessions: Sessions::default(),
            packets: VecDeque::new(),
            forgotten: 0,
            held: 0,
            dropped: 0,
            dropped_unseen: 0,
            problems: Vec::new(),
            hidden: None,
            waiting: Vec::new(),
        }
    }

    /// Takes bytes; returns who waits for them.
    #[must_use]
    pub(super) fn passed<'b>(
        &mut self,
        connection: u64,
        at: Duration,
        flow: Flow,
        parts: impl IntoIterator<Item = &'b [u8]>,
    ) -> Vec<Waker> {
        let before = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let len = self.bytes.len() - before;
        if len > 0 {
            self.chunks.push(Chunk { connection, at, what: What::Passed(flow, len) });
        }
        if self.bytes.len() + self.chunks.len() * size_of::<Chunk>() > MAX_FRESH {
            self.cut();
        }
        std::mem::take(&mut self.waiting)
    }

    /// To be woken by whoever makes something pass.
    pub(super) fn wake_at_news(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|other| other.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    pub(super) fn closed(&mut self, connection: u64, at: Duration) {
        self.chunks.push(Chunk { connection, at, what: What::Closed });
    }

    /// The packets from a position on, the position after them, and what is missing.
    pub(super) fn log_since(&mut self, position: u64) -> (ServerLog, u64, Gaps) {
        self.cut();
        self.decode();
        let skipped =
            usize::try_from(position.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let packets = self.packets.iter().skip(skipped).cloned().collect();
        let next = self.forgotten + self.packets.len() as u64;
        let problems = self.problems.clone();
        let gaps = Gaps {
            forgotten: self.forgotten.saturating_sub(position),
            unseen: self.dropped_unseen,
            hidden: self.hidden.clone(),
        };
        (ServerLog { packets, dropped: self.dropped, problems }, next, gaps)
    }

    /// Makes pieces of bytes.
    fn cut(&mut self) {
        let (bytes, chunks) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.chunks));
        let mut rest = &bytes[..];
        let mut found = Found::default();
        for Chunk { connection, at, what } in chunks {
            match what {
                What::Passed(flow, len) => {
                    let (chunk, others) = rest.split_at_checked(len).unwrap_or_default();
                    rest = others;
                    let wire =
                        self.wires.entry(connection).or_insert_with(|| Wire::new(connection));
                    wire.push(flow, chunk, &mut found);
                }
                What::Closed => {
                    if let Some(mut wire) = self.wires.remove(&connection) {
                        wire.close(&mut found);
                    }
                }
            }
            for piece in found.pieces.drain(..) {
                self.held += cost(&piece);
                self.pieces.push_back((at, piece));
            }
            self.forget();
        }
        self.hidden = self.hidden.take().or(found.hidden);
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(found.problems.into_iter().take(room));
    }

    /// Makes packets of pieces.
    fn decode(&mut self) {
        for (at, piece) in self.pieces.drain(..) {
            self.held -= cost(&piece);
            for packet in self.sessions.decode(at, &piece) {
                self.held += PACKET_COST + packet.size();
                self.packets.push_back(Arc::new(packet));
            }
        }
        self.forget();
    }

    /// Drops the oldest until the rest fits.
    fn forget(&mut self) {
        while self.held > self.limit {
            if let Some(packet) = self.packets.pop_front() {
                self.held -= PACKET_COST + packet.size();
                self.forgotten += 1;
            } else if let Some((at, piece)) = self.pieces.pop_front() {
                self.held -= cost(&piece);
                self.dropped_unseen += 1;
                if piece.introduces() {
                    // Whose the session is must be known for as long as it lasts.
                    self.sessions.decode(at, &piece);
                }
            } else {
                return;
            }
            self.dropped += 1;
        }
    }
}

/// About the memory a piece takes.
fn cost(piece: &Piece) -> usize {
    let bytes = match &piece.body {
        Raw::Payload(bytes) | Raw::Text(bytes) | Raw::Binary(bytes) => bytes.len(),
        Raw::Close(_) => 0,
    };
    bytes + size_of::<(Duration, Piece)>()
}

/// How much may pass before it is cut into pieces.
const MAX_FRESH: usize = 256 << 10;
const PACKET_COST: usize = size_of::<ServerPacket>() + size_of::<Arc<ServerPacket>>();
const MAX_PROBLEMS: usize = 16;
