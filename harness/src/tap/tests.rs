//! The tap over recorded and over arbitrary bytes.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::log::{Flow, ServerLog, ServerPacketKind};
use super::store::Store;

/// Passes bytes in pieces of this size.
fn pass(store: &mut Store, connection: u64, flow: Flow, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size) {
        let _ = store.passed(connection, Duration::ZERO, flow, [piece]);
    }
}

fn log(store: &mut Store) -> ServerLog {
    store.log_since(0).0
}

fn shown(log: &ServerLog) -> Vec<String> {
    let show = |packet: &_| {
        let super::ServerPacket { flow, session, kind, .. } = packet;
        format!("{session} {flow} {kind}")
    };
    log.packets().map(show).collect()
}

fn get(query: &str) -> String {
    format!("GET /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nhost: app\r\n\r\n")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn post(query: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "POST /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\ncontent-length: {len}\r\n\r\n{body}"
    )
}

const OPEN: &str =
    r#"0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

/// A session that begins by polling over two connections and goes on by websocket.
#[test]
fn a_session_is_joined_over_its_connections() {
    let upgrade = "GET /socket.io/?EIO=4&transport=websocket&sid=abc HTTP/1.1\r\n\
        connection: Upgrade\r\nupgrade: websocket\r\n\r\n";
    let switch = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
    // `51-["file",{"_placeholder":true,"num":0}]`, masked with zeros, then its attachment.
    let event = br#"451-["file",{"_placeholder":true,"num":0}]"#;
    let mut masked = vec![0x81, 0x80 | u8::try_from(event.len()).unwrap(), 0, 0, 0, 0];
    masked.extend_from_slice(event);
    masked.extend_from_slice(&[0x82, 0x82, 1, 1, 1, 1, 7 ^ 1, 8 ^ 1]);
    for size in [1, 2, 3, 7, 64, 10_000] {
        let mut store = Store::new(1 << 20);
        pass(&mut store, 1, Flow::Received, get("").as_bytes(), size);
        pass(&mut store, 1, Flow::Emitted, ok(OPEN).as_bytes(), size);
        pass(&mut store, 1, Flow::Received, post("&sid=abc", "40").as_bytes(), size);
        pass(&mut store, 1, Flow::Emitted, ok("ok").as_bytes(), size);
        pass(&mut store, 2, Flow::Received, get("&sid=abc").as_bytes(), size);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            e\r\n40{\"sid\":\"me\"}\r\nc\r\n\x1e42[\"hello\"]\r\n0\r\n\r\n";
        pass(&mut store, 2, Flow::Emitted, chunked.as_bytes(), size);
        pass(&mut store, 3, Flow::Received, upgrade.as_bytes(), size);
        pass(&mut store, 3, Flow::Emitted, switch.as_bytes(), size);
        pass(&mut store, 3, Flow::Received, &masked, size);
        let log = log(&mut store);
        assert_eq!(
            shown(&log),
            [
                &format!("abc emitted open {}", &OPEN[1..]),
                "abc received CONNECT null",
                r#"abc emitted CONNECT {"sid":"me"}"#,
                r#"abc emitted ["hello"]"#,
                r#"abc received ["file",{"_placeholder":true,"num":0}]"#,
            ],
            "in pieces of {size}"
        );
        let last = log.packets().last().unwrap();
        assert_eq!(last.attachments(), [Bytes::from_static(&[7, 8])]);
        assert_eq!(last.socket_id.as_deref(), Some("me"));
    }
}

/// The server, which reads packet by packet, may have handled the first.
#[test]
fn what_comes_before_a_packet_that_cannot_be_read_is_there() {
    let mut store = Store::new(1 << 20);
    let body = "42[\"before\"]\u{1e}b!\u{1e}42[\"after\"]";
    pass(&mut store, 1, Flow::Received, post("&sid=abc", body).as_bytes(), 64);
    let [before, unread] = &shown(&log(&mut store))[..] else { panic!("two packets") };
    assert_eq!(before, r#"abc received ["before"]"#);
    assert!(unread.contains("b!"), "{unread}");
}

#[test]
fn the_old_protocol_counts_its_packets() {
    let poll = get("&sid=abc").replace("EIO=4", "EIO=3");
    let say = post("&sid=abc", r#"13:42["three",3]2:41"#).replace("EIO=4", "EIO=3");
    for size in [1, 2, 3, 7, 10_000] {
        let mut store = Store::new(1 << 20);
        // One request behind the other.
        pass(&mut store, 1, Flow::Received, (poll.clone() + &say).as_bytes(), size);
        let answers = ok(r#"2:409:42["é",1]1:3"#) + &ok("ok");
        pass(&mut store, 1, Flow::Emitted, answers.as_bytes(), size);
        assert_eq!(
            shown(&log(&mut store)),
            [
                r#"abc received ["three",3]"#,
                "abc received DISCONNECT",
                "abc emitted CONNECT null",
                r#"abc emitted ["é",1]"#,
                "abc emitted pong",
            ],
            "in pieces of {size}"
        );
    }
}

#[cfg(feature = "msgpack")]
#[test]
fn message_pack_is_read_from_fragments_with_a_ping_between_them() {
    let upgrade = "GET /socket.io/?EIO=4&transport=websocket&sid=abc HTTP/1.1\r\n\
        upgrade: websocket\r\n\r\n";
    let packet = b"\x83\xa4type\x02\xa4data\x92\xa1a\x01\xa3nsp\xa1/";
    let (first, last) = packet.split_at(9);
    let length = |part: &[u8]| u8::try_from(part.len()).unwrap();
    let frames = [&[0x02, length(first)], first, &[0x89, 0], &[0x80, length(last)], last].concat();
    for size in [1, 2, 3, 7, 10_000] {
        let mut store = Store::new(1 << 20);
        pass(&mut store, 1, Flow::Received, upgrade.as_bytes(), size);
        // The answer to the upgrade and what follows come at once.
        let answer = [&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], &frames].concat();
        pass(&mut store, 1, Flow::Emitted, &answer, size);
        assert_eq!(shown(&log(&mut store)), [r#"abc emitted ["a",1]"#], "in pieces of {size}");
    }
}

#[test]
fn other_requests_are_passed_over() {
    let mut store = Store::new(1 << 20);
    pass(&mut store, 1, Flow::Received, b"GET /health HTTP/1.1\r\n\r\n", 9);
    pass(&mut store, 1, Flow::Emitted, ok("42[\"no event\"]").as_bytes(), 9);
    pass(&mut store, 1, Flow::Received, post("&sid=abc", "42[\"event\",1]").as_bytes(), 9);
    pass(
        &mut store,
        1,
        Flow::Emitted,
        b"HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\n{}\n",
        9,
    );
    // A websocket that is refused leaves the connection to HTTP.
    let upgrade = "GET /socket.io/?EIO=4&transport=websocket&sid=b HTTP/1.1\r\n\
        upgrade: websocket\r\n\r\n";
    pass(&mut store, 1, Flow::Received, upgrade.as_bytes(), 9);
    pass(&mut store, 1, Flow::Received, get("&sid=abc").as_bytes(), 9);
    pass(&mut store, 1, Flow::Emitted, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", 9);
    pass(&mut store, 1, Flow::Emitted, ok("6").as_bytes(), 9);
    assert_eq!(shown(&log(&mut store)), [r#"abc received ["event",1]"#, "abc emitted noop"]);
}

#[test]
fn a_compressed_websocket_is_told_once() {
    let mut store = Store::new(1 << 20);
    let upgrade = "GET /?EIO=4&transport=websocket HTTP/1.1\r\nupgrade: websocket\r\n\r\n";
    pass(&mut store, 1, Flow::Received, upgrade.as_bytes(), 99);
    pass(&mut store, 1, Flow::Emitted, b"HTTP/1.1 101 \r\n\r\n", 99);
    pass(&mut store, 1, Flow::Emitted, &[0xc1, 0x01, 0x00, 0xc1, 0x01, 0x00], 99);
    assert_eq!(
        log(&mut store).problems(),
        ["what the server sends on the websocket of connection 1 cannot be read: \
          it is compressed (permessage-deflate)"]
    );
}

#[test]
fn what_does_not_decode_is_told_in_its_place() {
    let mut store = Store::new(1 << 20);
    pass(&mut store, 1, Flow::Received, post("&sid=abc", "42[\x1e42[\"a\"]\x1e9").as_bytes(), 99);
    let log = log(&mut store);
    let kinds: Vec<_> = log
        .packets()
        .map(|packet| matches!(packet.kind, ServerPacketKind::Undecodable { .. }))
        .collect();
    assert_eq!(kinds, [true, false, true], "{log}");
}

#[test]
fn the_limit_holds_and_says_what_it_cost() {
    for asked in [false, true] {
        let mut store = Store::new(20_000);
        pass(&mut store, 1, Flow::Received, get("").as_bytes(), 99);
        pass(&mut store, 1, Flow::Emitted, ok(OPEN).as_bytes(), 99);
        pass(&mut store, 1, Flow::Received, get("&sid=abc").as_bytes(), 99);
        pass(&mut store, 1, Flow::Emitted, ok("40{\"sid\":\"me\"}").as_bytes(), 99);
        for number in 0..5_000 {
            let event = format!("42[\"tick\",{number},\"{}\"]", "x".repeat(100));
            pass(&mut store, 1, Flow::Received, post("&sid=abc", &event).as_bytes(), 999);
            pass(&mut store, 1, Flow::Emitted, ok("ok").as_bytes(), 999);
            if asked {
                store.log_since(0);
            }
        }
        let log = log(&mut store);
        let numbers: Vec<_> = log.packets().map(|packet| packet.args()[0].clone()).collect();
        assert_eq!(numbers.last(), Some(&json!(4_999)));
        assert_eq!(numbers.len() as u64 + log.dropped(), 5_002, "asked in between: {asked}");
        assert!((20..100).contains(&numbers.len()), "{} are kept", numbers.len());
        // Whose it is, is known although its CONNECT is gone.
        let last = log.packets().last().unwrap();
        assert_eq!(last.socket_id.as_deref(), Some("me"));
    }
}

const MUCH: usize = 1 << 20;

/// Bytes near enough to the real thing to get past its first checks.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        Just(get("").into_bytes()),
        Just(get("&sid=abc").into_bytes()),
        Just(ok(OPEN).into_bytes()),
        Just(post("&sid=abc", "452-[\"a\"]\x1ebAA==").into_bytes()),
        Just(b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Just(b"GET /?EIO=4&transport=websocket HTTP/1.1\r\nupgrade: websocket\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
        Just(b"3\r\nabc\r\n0\r\n\r\n".to_vec()),
        Just(vec![0x81, 0x02, b'4', b'0']),
        Just(vec![0x01, 0x81, 1, 2, 3, 4, 5]),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(fragment, 0..6).prop_map(|fragments| fragments.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic_and_their_pieces_do_not_matter(
        turns in prop::collection::vec((0..3_u64, any::<bool>(), bytes()), 0..12),
        size in 1_usize..50,
        limit in prop_oneof![Just(1_usize), Just(2_000), Just(MUCH)],
    ) {
        let (mut whole, mut parted) = (Store::new(limit), Store::new(limit));
        for (connection, received, bytes) in turns {
            let flow = if received { Flow::Received } else { Flow::Emitted };
            pass(&mut whole, connection, flow, &bytes, usize::MAX);
            pass(&mut parted, connection, flow, &bytes, size);
        }
        for connection in 0..3 {
            whole.closed(connection, Duration::ZERO);
            parted.closed(connection, Duration::ZERO);
        }
        let (whole, parted) = (log(&mut whole), log(&mut parted));
        // What both sides send at a time may stand in either order.
        let lines = |log: &ServerLog| {
            let mut lines = shown(log);
            lines.extend(log.problems().iter().cloned());
            lines.sort();
            lines
        };
        if limit == MUCH {
            prop_assert_eq!(lines(&whole), lines(&parted));
        }
    }
}
