//! Both directions of one connection, and the faults that need to understand them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::polls::{self, Asked, NOOP};
use super::rules::{Replay, Rules};
use super::splitter::{Follows, Piece, Splitter};
use crate::wire::{Head, Start};

/// What each side has said, as far as it bears on what comes next.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    up: Splitter,
    down: Splitter,
    /// Requests without an answer, oldest first.
    asked: VecDeque<Asked>,
    /// What the answer that is being read answers. Its body may come long after its head.
    answering: Option<Asked>,
    /// Answers to polls that are given to the polls to come.
    held: VecDeque<Bytes>,
    /// The last poll, to ask again.
    poll: Option<Bytes>,
    /// A websocket is being closed: whether the client, the server has been told.
    closing: Option<Closing>,
}

#[derive(Debug, Default)]
struct Closing {
    client_told: bool,
    server_told: bool,
}

/// What goes on from the relay, to either side.
#[derive(Debug, Default)]
pub(super) struct Onward {
    pub(super) to_client: Vec<Bytes>,
    pub(super) to_server: Vec<Bytes>,
}

impl Conversation {
    /// Takes note of what the client has sent.
    pub(super) fn follow_up(&mut self, data: &[u8]) {
        let Self { up, asked, .. } = self;
        up.follow(data, |piece| note_request(&piece, asked));
    }

    /// Takes note of what the server has sent.
    pub(super) fn follow_down(&mut self, data: &[u8]) {
        let Self { down, up, asked, answering, .. } = self;
        down.follow(data, |piece| note_answer(&piece, up, asked, answering));
    }

    /// What the client has sent goes on, as the rules have it.
    pub(super) fn up(&mut self, data: &[u8], rules: &Rules) -> Onward {
        let mut onward = Onward::default();
        if self.closing.as_ref().is_some_and(|closing| closing.server_told) {
            return onward;
        }
        let Self { up, asked, held, poll, .. } = self;
        // What is held needs a poll to answer, also when the fault has healed.
        up.feed(data, rules.reads_polls() || !held.is_empty(), |piece| {
            note_request(&piece, asked);
            match piece {
                Piece::Head(_) => {}
                Piece::Raw(bytes) => push(&mut onward.to_server, bytes),
                Piece::Short { packet, .. } if rules.swallows(packet) => {}
                Piece::Short { frame, .. } => push(&mut onward.to_server, frame),
                Piece::Message { head, length, body, bytes } => match Asked::of(head) {
                    Some(Asked::Poll) => {
                        if let Some(answer) = held.pop_front() {
                            asked.pop_back();
                            onward.to_client.push(answer);
                        } else {
                            *poll = Some(Bytes::copy_from_slice(bytes));
                            push(&mut onward.to_server, bytes);
                        }
                    }
                    Some(Asked::Packets) => {
                        match polls::without(body, |packet| rules.swallows(packet)) {
                            Some(left) if left.is_empty() => {
                                asked.pop_back();
                                onward.to_client.push(polls::answer(b"ok").into());
                            }
                            Some(left) => {
                                let head = bytes.get(..length).unwrap_or_default();
                                onward.to_server.push(polls::with_body(head, &left).into());
                            }
                            None => push(&mut onward.to_server, bytes),
                        }
                    }
                    _ => push(&mut onward.to_server, bytes),
                },
            }
            Follows::Body
        });
        self.tell_closing(&mut onward);
        onward
    }

    /// What the server has sent goes on, as the rules have it.
    pub(super) fn down(&mut self, data: &[u8], rules: &Rules) -> Onward {
        let mut onward = Onward::default();
        if self.closing.as_ref().is_some_and(|closing| closing.client_told) {
            return onward;
        }
        let Self { down, up, asked, answering, held, poll, .. } = self;
        down.feed(data, rules.reads_polls(), |piece| {
            let follows = note_answer(&piece, up, asked, answering);
            match piece {
                Piece::Head(_) => {}
                Piece::Raw(bytes) => push(&mut onward.to_client, bytes),
                Piece::Short { packet, .. } if rules.swallows(packet) => {}
                Piece::Short { frame, .. } => push(&mut onward.to_client, frame),
                Piece::Message { head, length, body, bytes } => {
                    let message = match polls::without(body, |packet| rules.swallows(packet)) {
                        Some(left) => {
                            let left = if left.is_empty() { NOOP } else { &left };
                            polls::with_body(bytes.get(..length).unwrap_or_default(), left)
                        }
                        None => bytes.to_vec(),
                    };
                    let message = Bytes::from(message);
                    let replayable =
                        *answering == Some(Asked::Poll) && is_ok(head) && polls::has_messages(body);
                    if replayable && rules.replays(Replay::Duplicate) {
                        held.push_back(message.clone());
                    }
                    match poll.take() {
                        Some(poll)
                            if replayable && rules.replays(Replay::Reorder) && held.is_empty() =>
                        {
                            held.push_back(message);
                            asked.push_back(Asked::Poll);
                            onward.to_server.push(poll);
                        }
                        _ => onward.to_client.push(message),
                    }
                }
            }
            follows
        });
        self.tell_closing(&mut onward);
        onward
    }

    /// Closes the websocket, if it is one, as soon as no frame is on its way.
    pub(super) fn close_websocket(&mut self) -> Onward {
        if self.up.is_websocket() {
            self.closing.get_or_insert_default();
        }
        let mut onward = Onward::default();
        self.tell_closing(&mut onward);
        onward
    }

    /// What was kept when the client's stream, or the server's, ended.
    pub(super) fn rest_up(&mut self) -> Bytes {
        self.up.rest().into()
    }

    pub(super) fn rest_down(&mut self) -> Bytes {
        self.down.rest().into()
    }

    fn tell_closing(&mut self, onward: &mut Onward) {
        let Some(closing) = &mut self.closing else { return };
        if !closing.client_told && self.down.is_between_frames() {
            closing.client_told = true;
            onward.to_client.push(Bytes::from_static(CLOSE_BY_SERVER));
        }
        if !closing.server_told && self.up.is_between_frames() {
            closing.server_told = true;
            onward.to_server.push(Bytes::from_static(CLOSE_BY_CLIENT));
        }
    }
}

fn note_request(piece: &Piece<'_>, asked: &mut VecDeque<Asked>) -> Follows {
    if let Piece::Head(head) = piece {
        asked.extend(Asked::of(head));
    }
    // Frames follow the server's answer, not the request.
    Follows::Body
}

fn note_answer(
    piece: &Piece<'_>,
    up: &mut Splitter,
    asked: &mut VecDeque<Asked>,
    answering: &mut Option<Asked>,
) -> Follows {
    let Piece::Head(head) = piece else { return Follows::Body };
    if !head.is_interim() {
        *answering = asked.pop_front();
    }
    if head.accepts_upgrade() {
        up.become_websocket();
        return Follows::Frames;
    }
    if *answering == Some(Asked::NoBody) { Follows::Nothing } else { Follows::Body }
}

/// Whether the same answer can be given again.
fn is_ok(head: &Head) -> bool {
    head.start == Start::Answer { status: 200 } && !head.closes
}

fn push(list: &mut Vec<Bytes>, bytes: &[u8]) {
    if !bytes.is_empty() {
        list.push(Bytes::copy_from_slice(bytes));
    }
}

/// Close frames with the status 1000, "normal closure" (RFC 6455, "Close"). The client's is masked,
/// by a mask of zeros.
const CLOSE_BY_SERVER: &[u8] = &[0x88, 2, 0x03, 0xe8];
const CLOSE_BY_CLIENT: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::rules::Swallow;

    const GET: &[u8] = b"GET /?transport=polling&sid=x HTTP/1.1\r\n\r\n";

    fn answer(body: &str) -> Vec<u8> {
        polls::answer(body.as_bytes())
    }

    fn post(body: &str) -> Vec<u8> {
        let head = "POST /?transport=polling&sid=x HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
        polls::with_body(head.as_bytes(), body.as_bytes())
    }

    fn joined(parts: &[Bytes]) -> String {
        String::from_utf8(parts.concat()).unwrap()
    }

    fn body(parts: &[Bytes]) -> String {
        joined(parts).split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    #[test]
    fn a_swallowed_ping_leaves_the_poll_answered() {
        let rules = Rules { swallow: vec![Swallow::Pings], ..Rules::default() };
        let mut conversation = Conversation::default();
        assert_eq!(conversation.up(GET, &rules).to_server, [GET]);
        assert_eq!(body(&conversation.down(&answer("2"), &rules).to_client), "6");
        conversation.up(GET, &rules);
        let onward = conversation.down(&answer("42[1]\u{1e}2"), &rules);
        assert_eq!(body(&onward.to_client), "42[1]");
    }

    #[test]
    fn a_swallowed_pong_is_acknowledged_and_goes_nowhere() {
        let rules = Rules { swallow: vec![Swallow::Pongs], ..Rules::default() };
        let mut conversation = Conversation::default();
        let onward = conversation.up(&post("3"), &rules);
        assert!(onward.to_server.is_empty());
        assert_eq!(body(&onward.to_client), "ok");
        let onward = conversation.up(&post("3\u{1e}42[1]"), &rules);
        assert_eq!(body(&onward.to_server), "42[1]");
        assert_eq!(conversation.asked, [Asked::Packets]);
    }

    #[test]
    fn an_answer_with_messages_comes_twice() {
        let rules = Rules { replay: vec![Replay::Duplicate], ..Rules::default() };
        let mut conversation = Conversation::default();
        conversation.up(GET, &rules);
        assert_eq!(body(&conversation.down(&answer("42[1]"), &rules).to_client), "42[1]");
        let again = conversation.up(GET, &rules);
        assert!(again.to_server.is_empty());
        assert_eq!(body(&again.to_client), "42[1]");
        assert_eq!(conversation.up(GET, &rules).to_server, [GET]);
        conversation.down(&answer("2"), &rules);
        assert!(conversation.up(GET, &rules).to_client.is_empty(), "a heartbeat comes once");
    }

    #[test]
    fn an_answer_whose_body_comes_after_its_head_comes_twice_all_the_same() {
        let rules = Rules { replay: vec![Replay::Duplicate], ..Rules::default() };
        let answer = answer("42[1]");
        for first in 1..answer.len() {
            let mut conversation = Conversation::default();
            conversation.up(GET, &rules);
            let (head, rest) = answer.split_at(first);
            let mut came = conversation.down(head, &rules).to_client;
            came.extend(conversation.down(rest, &rules).to_client);
            assert_eq!(body(&came), "42[1]");
            let again = conversation.up(GET, &rules);
            assert_eq!(body(&again.to_client), "42[1]", "read in pieces of {first} and the rest");
        }
    }

    #[test]
    fn two_answers_change_places() {
        let rules = Rules { replay: vec![Replay::Reorder], ..Rules::default() };
        let mut conversation = Conversation::default();
        conversation.up(GET, &rules);
        let first = conversation.down(&answer("42[1]"), &rules);
        assert!(first.to_client.is_empty());
        assert_eq!(first.to_server, [GET], "the relay polls on its own");
        assert_eq!(body(&conversation.down(&answer("42[2]"), &rules).to_client), "42[2]");
        assert_eq!(body(&conversation.up(GET, &rules).to_client), "42[1]");
        assert_eq!(conversation.up(GET, &rules).to_server, [GET]);
    }

    #[test]
    fn a_websocket_is_closed_between_two_frames() {
        let rules = Rules::default();
        let mut conversation = Conversation::default();
        conversation.up(b"GET /?transport=websocket HTTP/1.1\r\n\r\n", &rules);
        conversation.down(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05", &rules);
        let onward = conversation.close_websocket();
        assert_eq!(onward.to_server, [CLOSE_BY_CLIENT]);
        assert!(onward.to_client.is_empty(), "the server is in the middle of a frame");
        let onward = conversation.down(b"42[1]", &rules);
        assert_eq!(onward.to_client, [&b"42[1]"[..], CLOSE_BY_SERVER]);
        assert!(conversation.down(b"\x81\x012", &rules).to_client.is_empty());
        assert!(conversation.up(b"\x88\x82\0\0\0\0\x03\xe8", &rules).to_server.is_empty());
    }

    #[test]
    fn what_is_held_when_the_fault_heals_still_comes() {
        let rules = Rules { replay: vec![Replay::Reorder], ..Rules::default() };
        let mut conversation = Conversation::default();
        conversation.up(GET, &rules);
        conversation.down(&answer("42[1]"), &rules);
        let healed = Rules::default();
        assert_eq!(
            joined(&conversation.down(&answer("42[2]"), &healed).to_client),
            String::from_utf8(answer("42[2]")).unwrap()
        );
        assert_eq!(body(&conversation.up(GET, &healed).to_client), "42[1]");
        assert_eq!(conversation.up(GET, &healed).to_server, [GET]);
    }
}
