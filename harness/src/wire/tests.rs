use bytes::Bytes;
use proptest::prelude::*;

use super::*;

/// One line a step: parts of a body or a payload that follow each other are one.
fn read(reader: &mut Reader, bytes: &[u8], size: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut bodies, mut joiner) = (Vec::new(), Joiner::default());
    let mut travelled = Vec::new();
    for mut piece in bytes.chunks(size) {
        while let Some(step) = reader.next(&mut piece) {
            let mut switch = false;
            let (bytes, line) = match step {
                Step::Head { head, bytes } => {
                    switch = head.accepts_upgrade();
                    (bytes, Some(shown(&head)))
                }
                Step::Body { bytes, content } => {
                    bodies.extend_from_slice(content);
                    (bytes, None)
                }
                Step::Frame { header, bytes } => {
                    let refused = joiner.begin(header).err();
                    (bytes, refused.map(|why| why.to_string()))
                }
                Step::Payload(bytes) => {
                    joiner.payload(bytes);
                    (bytes, None)
                }
                Step::End => match joiner.end() {
                    Some(message) => (&[][..], Some(format!("{message:?}"))),
                    None if bodies.is_empty() => (&[][..], None),
                    None => {
                        let body = String::from_utf8_lossy(&mem::take(&mut bodies)).into_owned();
                        (&[][..], Some(format!("body {body}")))
                    }
                },
                Step::Other(bytes) => (bytes, Some("other".to_owned())),
            };
            travelled.extend_from_slice(bytes);
            if line.as_deref() != Some("other") || lines.last().is_none_or(|last| last != "other") {
                lines.extend(line);
            }
            if switch {
                reader.become_websocket();
            }
        }
    }
    travelled.extend_from_slice(reader.pending());
    assert_eq!(travelled, bytes, "every byte is in one step, in order; in pieces of {size}");
    lines
}

fn shown(head: &Head) -> String {
    let Head { start, length, .. } = head;
    match start {
        Start::Request { method, target, upgrade } => {
            format!("{method:?} {target} {length:?}{}", if *upgrade { " upgrade" } else { "" })
        }
        Start::Answer { status } => format!("{status} {length:?}"),
    }
}

/// The same, whatever the pieces.
#[track_caller]
fn reads(bytes: &[u8], expected: &[&str]) {
    for size in 1..=bytes.len() {
        assert_eq!(read(&mut Reader::default(), bytes, size), expected, "in pieces of {size}");
    }
}

#[test]
fn requests_in_a_row() {
    reads(
        b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: app\r\n\r\n\
          POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n40\
          POST /b HTTP/1.1\r\ncontent-length: 0\r\n\r\n\
          GET /c HTTP/1.1\r\nconnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\r\n",
        &[
            "Get /socket.io/?EIO=4&transport=polling Exactly(0)",
            "Post /a Exactly(2)",
            "body 40",
            "Post /b Exactly(0)",
            "Get /c Exactly(0) upgrade",
        ],
    );
}

#[test]
fn chunks_with_extensions_and_trailers() {
    reads(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
          3\r\nhel\r\n2;x=y\r\nlo\r\n00A\r\n 123456789\r\n0\r\nx: y\r\nz: 1\r\n\r\n\
          HTTP/1.1 204 No Content\r\n\r\n\
          HTTP/1.1 200 OK\r\n\r\nto the end",
        &["200 Chunked", "body hello 123456789", "204 Exactly(0)", "200 UntilClosed"],
    );
    let mut reader = Reader::default();
    read(&mut reader, b"HTTP/1.1 200 OK\r\n\r\nto the end", 7);
    assert!(reader.ends_with_connection());
}

#[test]
fn an_answer_to_head_has_no_body() {
    let mut reader = Reader::default();
    let mut bytes = &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nHTTP/1.1 404 No\r\n\r\n"[..];
    assert!(matches!(reader.next(&mut bytes), Some(Step::Head { .. })));
    reader.skip_body();
    assert_eq!(reader.next(&mut bytes), Some(Step::End));
    let next = reader.next(&mut bytes);
    assert!(matches!(&next, Some(Step::Head { head, .. }) if shown(head) == "404 UntilClosed"));
}

/// RFC 6455, "Examples".
const HELLO: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const MASKED: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
const PING: &[u8] = &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
const UPGRADE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

#[test]
fn the_examples_of_the_specification() {
    // The ping, and the close, stand between the two parts of a message.
    let parted = [&[0x01, 0x03, 0x48, 0x65, 0x6c], PING, &[0x80, 0x02, 0x6c, 0x6f]].concat();
    let close = [0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe8 ^ 2];
    let empty = [0x82, 0x00, 0x02, 0x00, 0x80, 0x01, 7];
    reads(
        &[UPGRADE, HELLO, MASKED, &parted, &empty, &close].concat(),
        &[
            "101 Exactly(0)",
            r#"Text(b"Hello")"#,
            r#"Text(b"Hello")"#,
            r#"Text(b"Hello")"#,
            r#"Binary(b"")"#,
            r#"Binary(b"\x07")"#,
            "Close(Some(1000))",
        ],
    );
}

#[test]
fn long_messages_have_long_lengths() {
    for (length, header) in
        [(256, &[0x82, 0x7e, 0x01, 0x00][..]), (65_536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0])]
    {
        let bytes = [UPGRADE, header, &vec![7; length]].concat();
        let expected = format!("{:?}", Message::Binary(Bytes::from(vec![7; length])));
        assert_eq!(read(&mut Reader::default(), &bytes, 1000), ["101 Exactly(0)", &expected]);
    }
}

#[test]
fn frames_that_cannot_be_read_are_told() {
    let told = |first: u8, second: u8| {
        let (header, _) = FrameHeader::of(&[first, second]).expect("a header");
        Joiner::default().begin(header)
    };
    assert_eq!(told(0xc1, 0), Err(Unreadable::Compressed));
    for (first, second) in [(0x91, 0), (0xa1, 0), (0x83, 0), (0x80, 0), (0x8b, 0), (0x09, 0)] {
        assert_eq!(told(first, second), Err(Unreadable::NotWebsocket), "{first:x}");
    }
    let (header, _) = FrameHeader::of(&[0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0]).expect("a header");
    assert_eq!(Joiner::default().begin(header), Err(Unreadable::TooLarge));
    let (header, _) = FrameHeader::of(&[0x89, 0x7e, 0, 126]).expect("a header");
    assert_eq!(Joiner::default().begin(header), Err(Unreadable::NotWebsocket), "a long ping");
}

#[test]
fn what_is_no_http_is_other_to_the_end() {
    reads(b"\x16\x03\x01 hello", &["other"]);
    reads(b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\nGET / HTTP/1.1\r\n\r\n", &["other"]);
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for chunks in [&b"x"[..], b"\r\n", b"-1\r\n", b"3\r\nabcd\r\n", b"fffffffffffffffff\r\n"] {
        reads(&[head, chunks].concat(), &["200 Chunked", "other"]);
    }
    let endless = vec![b'a'; MAX_HEAD + 1];
    assert_eq!(read(&mut Reader::default(), &endless, 1 << 16), ["other"]);
}

proptest! {
    #[test]
    fn no_bytes_panic_are_lost_or_read_otherwise_in_other_pieces(
        parts in prop::collection::vec(
            prop_oneof![
                Just(UPGRADE.to_vec()),
                Just(MASKED.to_vec()),
                Just(PING.to_vec()),
                Just(b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n".to_vec()),
                Just(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
                Just(b"3\r\nabc\r\n0\r\n\r\n".to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..8,
        ),
        size in 1_usize..50,
    ) {
        let bytes = parts.concat();
        let whole = read(&mut Reader::default(), &bytes, usize::MAX);
        prop_assert_eq!(read(&mut Reader::default(), &bytes, size), whole);
    }
}
