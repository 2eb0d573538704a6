//! The classical mistakes, as far as a log and a transcript show them.

use serde_json::Value;
use socketio_proto::socket::Packet;

use super::pattern::EventPattern;
use super::situation::Situation;
use super::source::Observed;
use crate::packets::{Content, PacketEntry};
use crate::transcript::Direction;

/// What may have gone wrong, the likeliest first.
pub(super) fn find<E: Observed>(
    pattern: &EventPattern<E>,
    all: &[E],
    start: usize,
    situation: &Situation,
) -> Vec<String> {
    let since = all.get(start.min(all.len())..).unwrap_or_default();
    let named: Vec<&E> = since.iter().filter(|event| event.name() == pattern.name()).collect();
    // What is known comes before what may be.
    let mut hints = situation.remarks.clone();
    hints.extend(reserved(pattern.name()));
    hints.extend(too_early(pattern, all, start));
    hints.extend(named.iter().rev().find_map(|event| another_shape(pattern, *event)));
    if named.is_empty() {
        hints.extend(other_namespace(pattern, situation));
        hints.extend(similar_name(pattern, since));
        hints.extend(sent_by_itself(pattern, situation));
        if hints.is_empty() {
            hints.extend(nothing_came(situation));
        }
        if hints.is_empty() {
            hints.extend(answered_by_ack(pattern, situation));
        }
    }
    if situation.reading_paused {
        hints.push(READS_NOTHING.into());
    }
    hints
}

fn reserved(name: &str) -> Option<String> {
    let instead = match name {
        "connect" => "the client is connected once its builder has been awaited",
        "disconnect" => "use expect_disconnect(reason)",
        "connect_error" => "use expect_connect_error(..) on the builder",
        _ => return None,
    };
    Some(format!("\"{name}\" never comes as an event: {instead}"))
}

fn too_early<E: Observed>(pattern: &EventPattern<E>, all: &[E], start: usize) -> Option<String> {
    let earlier = all.get(..start)?.iter().rfind(|event| pattern.fits(event))?;
    let ms = earlier.at().as_secs_f64() * 1000.0;
    Some(format!(
        "such an event came at {ms:.1} ms, before from_now(): call that before what causes it"
    ))
}

fn another_shape<E: Observed>(pattern: &EventPattern<E>, event: &E) -> Option<String> {
    let expected = pattern.expected()?;
    let args = event.raw_args();
    if expected.matches_list(&[Value::from(args.values().to_vec())], args) {
        return Some(
            "the server sent the elements as arguments of their own, not as one array: expect \
             [1, 2], not [[1, 2]], or emit the array inside a list"
                .into(),
        );
    }
    let inside = args.values().first().and_then(Value::as_array).filter(|_| args.len() == 1);
    if inside.is_some_and(|list| expected.matches_list(list, args)) {
        return Some(
            "the server sent one argument, an array, not its elements as arguments: expect \
             [[1, 2]], not [1, 2], or spread it in the emit"
                .into(),
        );
    }
    let read = |value: &Value| value.as_str().and_then(|text| serde_json::from_str(text).ok());
    let parsed: Option<Vec<Value>> = args.values().iter().map(read).collect();
    parsed.filter(|parsed| !parsed.is_empty() && expected.matches_list(parsed, args)).map(|_| {
        "the server sent text that holds the expected JSON: it serialises before it emits, which \
         does so again"
            .into()
    })
}

fn other_namespace<E: Observed>(
    pattern: &EventPattern<E>,
    situation: &Situation,
) -> Option<String> {
    let name = pattern.name();
    let connected = situation.elsewhere.iter().find(|other| {
        other.events.iter().any(|event| event.name() == name && pattern.fits_args(event.raw_args()))
    });
    if let Some(other) = connected {
        if &*other.namespace == "/" {
            return Some(format!(
                "\"{name}\" came on the main namespace: expect it on the client of that one"
            ));
        }
        return Some(format!(
            "\"{name}\" came on namespace {}: expect it on the client that of(\"{}\") gave",
            other.namespace, other.namespace
        ));
    }
    let strange = situation.packets.iter().filter(|packet| came(packet)).find(|packet| {
        packet.event().is_some_and(|(other, _)| other == name)
            && packet.namespace() != Some(&situation.namespace)
    })?;
    let namespace = strange.namespace()?;
    Some(format!(
        "\"{name}\" came on namespace {namespace}, which this client has not joined: the server \
         emits on another namespace than the test listens on"
    ))
}

fn answered_by_ack<E: Observed>(
    pattern: &EventPattern<E>,
    situation: &Situation,
) -> Option<String> {
    let expected = pattern.expected();
    let acks = situation.packets.iter().rev().filter(|packet| came(packet));
    let (id, args) = acks.filter_map(ack).find(|(_, args)| {
        expected.map_or(situation.packets.len() < FEW, |expected| expected.matches(args))
    })?;
    let question = situation.packets.iter().find_map(|packet| match &packet.content {
        Content::Packet(Packet::Event { id: Some(sent), name, .. }) if *sent == id => Some(name),
        _ => None,
    })?;
    let what = if expected.is_some() { "with just these arguments " } else { "" };
    Some(format!(
        "the server answered \"{question}\" {what}by an ack, {}: await send_with_ack(..), or send \
         the event without asking for an ack",
        Value::from(args.values().to_vec())
    ))
}

fn ack(packet: &PacketEntry) -> Option<(u64, &socketio_proto::Args)> {
    match &packet.content {
        Content::Packet(Packet::Ack { id, args, .. }) => Some((*id, args)),
        _ => None,
    }
}

fn similar_name<E: Observed>(pattern: &EventPattern<E>, since: &[E]) -> Option<String> {
    let squeezed = |name: &str| name.replace(['_', '-', ' ', ':', '.'], "").to_lowercase();
    let wanted = pattern.name();
    let likeness = |name: &str| {
        if squeezed(name) == squeezed(wanted) { 1.0 } else { strsim::jaro_winkler(name, wanted) }
    };
    let recent = since.iter().rev().take(COMPARED);
    let (nearest, likeness) = recent
        .map(|event| (event.name(), likeness(event.name())))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let count = since.iter().filter(|event| event.name() == nearest).count();
    (likeness >= LIKE).then(|| {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        format!("\"{nearest}\" came, {times}: is one of the names misspelt?")
    })
}

fn sent_by_itself<E: Observed>(pattern: &EventPattern<E>, situation: &Situation) -> Option<String> {
    let sent = situation.packets.iter().filter(|packet| !came(packet));
    sent.filter_map(PacketEntry::event).find(|(name, _)| *name == pattern.name())?;
    Some(format!(
        "this client sent \"{}\" itself: a broadcast goes to everyone but its sender",
        pattern.name()
    ))
}

/// The server has said nothing since it was last told something.
fn nothing_came(situation: &Situation) -> Option<String> {
    if situation.events == Some(Direction::Sent) {
        return None;
    }
    let packets: Vec<_> = situation.packets.iter().filter(|packet| !packet.is_fence()).collect();
    let asked = packets.iter().rposition(|packet| !came(packet) && packet.event().is_some());
    let Some((sent, since)) = asked.and_then(|at| packets.get(at..)?.split_first()) else {
        return Some(
            "the client has sent nothing so far: what should make the server emit?".into(),
        );
    };
    let is_answer = |packet: &PacketEntry| {
        let leaves = matches!(&packet.content, Content::Packet(Packet::Disconnect { .. }));
        came(packet) && (packet.event().is_some() || ack(packet).is_some() || leaves)
    };
    if since.iter().any(|packet| is_answer(packet)) {
        return None;
    }
    let (name, _) = sent.event()?;
    Some(format!(
        "the server has emitted nothing since \"{name}\" was sent. Does it handle that event on this \
         namespace, with these arguments? (socketioxide skips a handler whose Data<T> does not fit.) \
         Handlers registered in an async connect handler may come too late: let the server emit an \
         event when it is ready, and connect with .ready(\"that event\")"
    ))
}

fn came(packet: &PacketEntry) -> bool {
    packet.direction == Direction::Received
}

/// While the test has told the client to leave the network unread.
pub(super) const READS_NOTHING: &str = "the client reads nothing: pause_reading() is in force";

/// Below it a name is another name (Jaro–Winkler, 0 to 1).
const LIKE: f64 = 0.85;
const COMPARED: usize = 1_000;
/// In a longer conversation an ack of other content means little.
const FEW: usize = 12;
