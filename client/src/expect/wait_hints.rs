//! Hints for waits that are no expectations: `once`, `on`, and the acks of `send_with_ack`, be it
//! that nothing came in time or that the connection ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use socketio_proto::connection::CloseReason;
use socketio_proto::engine::Protocol;
use socketio_proto::socket::Packet;

use super::hints::{self, READS_NOTHING};
use super::pattern::event;
use super::short::wrapped;
use super::situation::Situation;
use crate::engine::Engine;
use crate::event::Event;
use crate::inbox::{Received, Wants};
use crate::packets::{Content, PacketEntry};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::transcript::Direction;

/// What follows a message: why an event of this name may not have come to somebody who has taken
/// so many of them before.
pub(crate) fn for_event(
    name: &str,
    taken: usize,
    shared: &Arc<Shared>,
    socket: &Arc<Socket>,
) -> String {
    let situation = Situation::of(shared, socket);
    let came = socket.with_inbox(|inbox| inbox.entries().to_vec());
    let all: Vec<_> = came
        .iter()
        .map(|received| Event::new(Arc::clone(received), Arc::clone(socket), Arc::clone(shared)))
        .collect();
    let mut hints = Vec::new();
    hints.extend(claimed(name, taken, &came));
    hints.extend(told_as_message(name, shared.engine, &came));
    hints.extend(hints::find(&event(name), &all, 0, &situation));
    lines(&hints)
}

/// What follows a message: why the server may not have acked this event. The id is known once the
/// event has left.
pub(crate) fn for_ack(
    name: &str,
    id: Option<u64>,
    shared: &Arc<Shared>,
    socket: &Arc<Socket>,
) -> String {
    let situation = Situation::of(shared, socket);
    // What is known comes before what may be.
    let mut hints = situation.remarks.clone();
    if id.is_none() && !socket.is_connected() {
        hints.push("it has not left: the connection is down, and is being made again".into());
    } else {
        hints.extend(id.and_then(|id| acked_elsewhere(id, &situation)));
        hints.extend(id.and_then(|id| answered_by_event(id, &situation)));
        if situation.remarks.is_empty() {
            hints.push(format!(
                "check that the server has a handler for \"{name}\" on namespace {}, that it takes \
                 these arguments (socketioxide skips one whose Data<T> does not fit), and that it acks",
                socket.namespace
            ));
        }
    }
    if situation.reading_paused {
        hints.push(READS_NOTHING.into());
    }
    lines(&hints)
}

/// What follows a message: why the connection, or its namespace, may have ended.
pub(crate) fn for_end(reason: &CloseReason, shared: &Shared) -> String {
    let is_own_doing = matches!(reason, CloseReason::ClientDisconnect | CloseReason::Dropped);
    if is_own_doing {
        return String::new();
    }
    let mut hints = shared.endpoint.target.reasons();
    hints.extend(too_large(reason, shared));
    // What may be, if nothing is known.
    if hints.is_empty() {
        hints.extend(silent(reason, shared));
    }
    lines(&hints)
}

/// What follows a message: why a server that answers whatever comes may not have done so.
pub(crate) fn for_silence(shared: &Shared) -> String {
    let mut hints = shared.endpoint.target.reasons();
    if shared.lock().reading_paused {
        hints.push(READS_NOTHING.into());
    }
    lines(&hints)
}

/// Servers tell nobody that this is why they end a connection.
fn too_large(reason: &CloseReason, shared: &Shared) -> Option<String> {
    if !matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_)) {
        return None;
    }
    let state = shared.lock();
    let most = state.core.handshake()?.max_payload?;
    let sent = state.recorder.transcript().entries();
    let sent = sent.filter(|entry| entry.direction == Direction::Sent);
    let largest = sent.map(|entry| entry.bytes).max().filter(|bytes| *bytes > most)?;
    Some(format!(
        "the client has sent {largest} bytes in one packet, and the server takes {most} at most \
         (the maxPayload of its handshake)"
    ))
}

fn silent(reason: &CloseReason, shared: &Shared) -> Option<String> {
    let state = shared.lock();
    if state.reading_paused {
        return Some(READS_NOTHING.into());
    }
    let handshake = state.core.handshake()?;
    // Before Engine.IO 4 it is the client that pings.
    let silence = match shared.endpoint.protocol {
        Protocol::V3 => {
            let limit = Duration::from_millis(handshake.ping_timeout);
            format!("the server answered no ping for {limit:?} (pingTimeout)")
        }
        Protocol::V4 => {
            let limit = handshake.silence_limit();
            format!("no ping of the server came for {limit:?} (pingInterval + pingTimeout)")
        }
    };
    (*reason == CloseReason::PingTimeout)
        .then(|| format!("{silence}: does a handler block it, or the network lose what it sends?"))
}

fn lines(hints: &[String]) -> String {
    hints.iter().flat_map(|hint| ["\n  hint: ".to_owned(), wrapped(hint)]).collect()
}

fn claimed(name: &str, taken: usize, came: &[Arc<Received>]) -> Option<String> {
    let claims = came.iter().filter(|event| event.name == name);
    let (mut once, mut streams) = (0, 0);
    for event in claims {
        match event.marks.claimed_by() {
            Some(Wants::One) => once += 1,
            Some(Wants::All) => streams += 1,
            None => {}
        }
    }
    // A stream has claimed those that it gave itself.
    let others = once + streams - taken.min(streams);
    if others == 0 {
        return (taken > 0)
            .then(|| format!("it came {} before, and this stream has given each", times(taken)));
    }
    let by = match (once > 0, others > once) {
        (true, true) => "once and on",
        (true, false) => "once",
        (false, _) => "on, or a responder",
    };
    Some(format!(
        "\"{name}\" came {}, but to others, who had asked before: {by}. Each event goes to one of \
         them; expect(..) and on_any() look on without claiming",
        times(others)
    ))
}

/// rust_socketio tells of `tick` without arguments as it does of `message` with "tick".
fn told_as_message(name: &str, engine: Engine, came: &[Arc<Received>]) -> Option<String> {
    let alike = |event: &&Arc<Received>| {
        event.name == "message" && event.args.values() == [Value::from(name)]
    };
    (engine != Engine::Native && came.iter().any(|event| alike(&event))).then(|| {
        format!(
            "\"message\" came with \"{name}\" as its only argument, which is how the engine {engine} \
             tells of \"{name}\" without arguments: send an argument, or take Engine::Native"
        )
    })
}

/// The ack's id came, in a namespace where nobody had asked for it.
fn acked_elsewhere(id: u64, situation: &Situation) -> Option<String> {
    let asked = |namespace: &str| {
        situation.packets.iter().any(|packet| {
            packet.direction == Direction::Sent
                && packet.namespace() == Some(namespace)
                && matches!(&packet.content, Content::Packet(Packet::Event { id: Some(sent), .. }) if *sent == id)
        })
    };
    let strange = came(situation).find_map(|packet| match &packet.content {
        Content::Packet(Packet::Ack { namespace, id: other, .. })
            if *other == id && *namespace != situation.namespace && !asked(namespace) =>
        {
            Some(namespace)
        }
        _ => None,
    })?;
    Some(format!("an ack {id} came on namespace {strange}: the server answers on another one"))
}

fn answered_by_event(id: u64, situation: &Situation) -> Option<String> {
    let question = situation.packets.iter().position(|packet| {
        packet.namespace() == Some(&situation.namespace)
            && matches!(&packet.content, Content::Packet(Packet::Event { id: Some(sent), .. }) if *sent == id)
    })?;
    let since = situation.packets.get(question..)?;
    let (name, _) = since
        .iter()
        .filter(|packet| packet.direction == Direction::Received)
        .filter(|packet| packet.namespace() == Some(&situation.namespace))
        .find_map(PacketEntry::event)?;
    Some(format!(
        "the server emitted \"{name}\" since, but acked nothing: if that is its answer, send the \
         event with send(..) and await once(\"{name}\")"
    ))
}

fn came(situation: &Situation) -> impl Iterator<Item = &PacketEntry> {
    situation.packets.iter().filter(|packet| packet.direction == Direction::Received)
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
