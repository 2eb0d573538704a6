//! The server's own view of the conversation, read from the bytes of its connections, beside that
//! of the clients: when it read and wrote each packet, what never arrived, and clients that were
//! not made from the app.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::format::{Document, Entry, Frame, Lane, LaneKind, Packet, SERVER, What, micros};
use crate::tap::{Flow, ServerLog, ServerPacket, ServerPacketKind};

/// Adds what the server saw, whose clock began at `booted`, to a trace whose clock began at
/// `started`.
pub(super) fn add_view(
    document: &mut Document,
    log: &ServerLog,
    booted: Instant,
    started: Instant,
) {
    let (later, earlier) =
        (booted.saturating_duration_since(started), started.saturating_duration_since(booted));
    let at = |packet: &ServerPacket| micros((packet.at + later).saturating_sub(earlier));
    let mut sessions: Vec<(Arc<str>, Vec<Seen>)> = Vec::new();
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    for packet in log.packets() {
        let place = *places.entry(Arc::clone(&packet.session)).or_insert_with(|| {
            sessions.push((Arc::clone(&packet.session), Vec::new()));
            sessions.len() - 1
        });
        if let Some((_, seen)) = sessions.get_mut(place) {
            seen.push(Seen::new(packet, at(packet)));
        }
    }
    // What has been forgotten, or could not be read, was not lost.
    let whole = log.dropped() == 0 && log.problems().is_empty();
    let frames = frames_by_session(document);
    for (session, seen) in sessions {
        match frames.get(&*session) {
            Some(places) => join(document, places, seen, whole),
            None => add_lane(document, &session, seen),
        }
    }
    document.entries.sort_by_key(|entry| entry.at_us);
}

/// A packet as the server saw it.
struct Seen {
    at_us: u64,
    flow: Flow,
    transport: &'static str,
    packet: Packet,
    taken: bool,
}

impl Seen {
    fn new(packet: &ServerPacket, at_us: u64) -> Self {
        let (flow, transport) = (packet.flow, packet.transport.name());
        Self { at_us, flow, transport, packet: describe(packet), taken: false }
    }

    /// Whether this is the packet of a frame that a client has sent or received.
    fn is(&self, flow: Flow, frame: &Frame) -> bool {
        let (ours, theirs) = (&self.packet, &frame.packet);
        let args_agree = match (&ours.args, &theirs.args) {
            (Some(ours), Some(theirs)) => ours == theirs,
            // Of a frame that was cut they are not known.
            _ => true,
        };
        self.flow == flow
            && ours.engine == theirs.engine
            && ours.packet == theirs.packet.map(without_binary)
            && ours.namespace == theirs.namespace
            && ours.event == theirs.event
            && ours.ack == theirs.ack
            && args_agree
            && (theirs.engine == Some("message") || ours.data == theirs.data)
    }

    fn into_entry(self, lane: usize, lost: bool) -> Entry {
        let (from, to) = match self.flow {
            Flow::Received => (lane, SERVER),
            Flow::Emitted => (SERVER, lane),
        };
        let (packet, transport) = (self.packet, self.transport);
        let server_at_us = Some(self.at_us);
        let frame = Frame { from, to, transport, server_at_us, lost, packet, ..Frame::default() };
        Entry { at_us: self.at_us, what: What::Frame(Box::new(frame)) }
    }
}

/// The places of the frames of each session, in order. A client that connects again has several.
fn frames_by_session(document: &Document) -> HashMap<String, Vec<usize>> {
    let mut current: HashMap<usize, String> = HashMap::new();
    let mut frames: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, entry) in document.entries.iter().enumerate() {
        let What::Frame(frame) = &entry.what else { continue };
        let lane = if frame.from == SERVER { frame.to } else { frame.from };
        if frame.packet.engine == Some("open") {
            let sid = frame.packet.data.as_ref().and_then(|data| data.get("sid")?.as_str());
            current.insert(lane, sid.unwrap_or_default().to_owned());
        }
        if let Some(session) = current.get(&lane) {
            frames.entry(session.clone()).or_default().push(place);
        }
    }
    frames
}

/// Tells the frames of a client when the server saw them. Bytes come in order: so do the packets of
/// either direction, but for what is lost at the end.
fn join(document: &mut Document, places: &[usize], mut seen: Vec<Seen>, whole: bool) {
    let (mut lane, mut dropped) = (SERVER, false);
    for flow in [Flow::Received, Flow::Emitted] {
        let mut next = 0;
        for place in places {
            let Some(Entry { what: What::Frame(frame), .. }) = document.entries.get_mut(*place)
            else {
                continue;
            };
            lane = frame.from.max(frame.to);
            dropped = document.lanes.get(lane).is_some_and(|lane| lane.dropped > 0);
            let sent = frame.from != SERVER;
            let readable = frame.packet.error.is_none() && frame.packet.attachment.is_none();
            if sent != (flow == Flow::Received) || !readable {
                continue;
            }
            let rest = seen.get_mut(next..).unwrap_or_default();
            match rest.iter().position(|seen| seen.is(flow, frame)) {
                Some(further) => {
                    if let Some(found) = rest.get_mut(further) {
                        found.taken = true;
                        frame.server_at_us = Some(found.at_us);
                    }
                    next += further + 1;
                }
                None => frame.lost = whole && sent,
            }
        }
    }
    // What the server emitted and the client has not got.
    let is_event = |seen: &Seen| matches!(seen.packet.packet, Some("event" | "ack"));
    let lost = seen.into_iter().filter(|seen| !seen.taken && seen.flow == Flow::Emitted);
    if whole && !dropped {
        document.entries.extend(lost.filter(is_event).map(|seen| seen.into_entry(lane, true)));
    }
}

/// A lane for a client that the app knows nothing of.
fn add_lane(document: &mut Document, session: &str, seen: Vec<Seen>) {
    let id = document.lanes.len();
    let short: String = session.chars().take(SHOWN_OF_SESSION).collect();
    let name = format!("session {short}…");
    let detail =
        format!("{session}: seen by the server; not made with create_socketio_client(&app)");
    document.lanes.push(Lane { id, kind: LaneKind::Client, name, detail, dropped: 0 });
    document.entries.extend(seen.into_iter().map(|seen| seen.into_entry(id, false)));
}

fn describe(packet: &ServerPacket) -> Packet {
    let message = |name| Packet {
        engine: Some("message"),
        packet: Some(name),
        namespace: packet.namespace.clone(),
        ..Packet::default()
    };
    let not_null = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
    let args = || Some(packet.args().to_vec());
    match &packet.kind {
        ServerPacketKind::Event { name, ack_id, .. } => {
            Packet { event: Some(name.clone()), ack: *ack_id, args: args(), ..message("event") }
        }
        ServerPacketKind::Ack { id, .. } => {
            Packet { ack: Some(*id), args: args(), ..message("ack") }
        }
        ServerPacketKind::Connect { payload } => {
            Packet { data: not_null(payload), ..message("connect") }
        }
        ServerPacketKind::ConnectError { payload } => {
            Packet { data: not_null(payload), ..message("connect_error") }
        }
        ServerPacketKind::Disconnect => message("disconnect"),
        ServerPacketKind::Engine { name, data } => {
            let data = (!data.is_empty()).then(|| {
                serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.clone()))
            });
            Packet { engine: Some(name), data, ..Packet::default() }
        }
        ServerPacketKind::Undecodable { reason } => {
            Packet { error: Some(reason.clone()), ..Packet::default() }
        }
    }
}

/// The server's log has attachments in place.
fn without_binary(packet: &'static str) -> &'static str {
    packet.strip_prefix("binary_").unwrap_or(packet)
}

const SHOWN_OF_SESSION: usize = 6;
