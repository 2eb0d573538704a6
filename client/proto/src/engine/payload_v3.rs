//! Polling bodies of Engine.IO protocol v3 ("Payload"), without support for binary (`b64=1`):
//! every packet behind its length, binary ones as base64.

use std::collections::VecDeque;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;

use super::Frame;
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Splits a body into its packets, up to the first that cannot be read.
pub(super) fn decode_into(
    frames: &mut Vec<Frame>,
    body: &[u8],
    limits: &Limits,
) -> Result<(), Error> {
    limits.check_payload(body.len())?;
    let mut rest =
        std::str::from_utf8(body).map_err(|_| Error::NotUtf8(Excerpt::of_bytes(body)))?;
    if rest.is_empty() {
        return Err(Error::InvalidLength(Excerpt::of_text(rest)));
    }
    while !rest.is_empty() {
        let invalid = || Error::InvalidLength(Excerpt::of_text(rest));
        let (digits, data) = rest.split_once(':').ok_or_else(invalid)?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        let units = digits.parse().ok().filter(|_| canonical).ok_or_else(invalid)?;
        let (part, after) = split_at_units(data, units).ok_or_else(invalid)?;
        // As in NOTHING.
        if !part.is_empty() {
            limits.check_payload_packets(frames.len() + 1)?;
            limits.check_packet(part.len())?;
            frames.push(decode_part(part)?);
        }
        rest = after;
    }
    Ok(())
}

pub(super) fn encode(frames: &[Frame]) -> String {
    if frames.is_empty() {
        return NOTHING.to_owned();
    }
    let mut body = String::new();
    for frame in frames {
        push_part(&mut body, frame);
    }
    body
}

pub(super) fn encode_front(
    frames: &mut VecDeque<Frame>,
    max_packets: usize,
    max_bytes: usize,
) -> String {
    let (mut body, mut packets) = (String::new(), 0);
    while let Some(frame) = frames.front() {
        let before = body.len();
        push_part(&mut body, frame);
        if packets > 0 && (body.len() > max_bytes || packets >= max_packets) {
            body.truncate(before);
            break;
        }
        packets += 1;
        frames.pop_front();
    }
    body
}

/// The data of a `b4…` packet.
pub(super) fn binary(part: &str) -> Result<Bytes, Error> {
    let encoded = part.strip_prefix("b4").map(|encoded| BASE64_STANDARD.decode(encoded));
    match encoded {
        Some(Ok(data)) => Ok(data.into()),
        _ => Err(Error::NotBase64(Excerpt::of_text(part))),
    }
}

fn decode_part(part: &str) -> Result<Frame, Error> {
    if part.starts_with('b') {
        binary(part).map(Frame::Binary)
    } else {
        Ok(Frame::Text(part.to_owned()))
    }
}

fn push_part(body: &mut String, frame: &Frame) {
    // Writing to a String cannot fail.
    match frame {
        Frame::Text(text) => {
            let units: usize = text.chars().map(char::len_utf16).sum();
            let _ = write!(body, "{units}:{text}");
        }
        Frame::Binary(data) => {
            let _ = write!(body, "{}:b4", 2 + data.len().div_ceil(3) * 4);
            BASE64_STANDARD.encode_string(data, body);
        }
    }
}

/// The first `units` UTF-16 code units of `text`, which is how JavaScript counts, and the rest.
fn split_at_units(text: &str, units: usize) -> Option<(&str, &str)> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return text.split_at_checked(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some((text, ""))
}

/// How the official encoder writes that there is nothing to say.
const NOTHING: &str = "0:";

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(body: &[u8], limits: &Limits) -> Result<Vec<Frame>, Error> {
        let mut frames = Vec::new();
        decode_into(&mut frames, body, limits).map(|()| frames)
    }

    fn text(text: &str) -> Frame {
        Frame::Text(text.into())
    }

    /// Written and read by `engine.io-parser` 2.2, the parser of protocol v3.
    #[test]
    fn follows_the_official_parser() {
        for (frames, body) in [
            (vec![text("4hello"), text("2")], "6:4hello1:2"),
            (vec![text("4€"), text("4😀")], "2:4€3:4😀"),
            (vec![text("4:1:4")], "5:4:1:4"),
            (vec![Frame::Binary(Bytes::from_static(&[1, 2, 3, 4]))], "10:b4AQIDBA=="),
            (vec![text("4a"), Frame::Binary(Bytes::new())], "2:4a2:b4"),
            (
                vec![text(r#"451-["echo","é€😀",{"_placeholder":true,"num":0}]"#)],
                "49:451-[\"echo\",\"é€😀\",{\"_placeholder\":true,\"num\":0}]",
            ),
        ] {
            assert_eq!(encode(&frames), body);
            assert_eq!(decode(body.as_bytes(), &Limits::default()), Ok(frames), "{body}");
        }
        assert_eq!(decode(b"0:", &Limits::default()), Ok(vec![]));
    }

    #[test]
    fn rejects_what_is_no_payload() {
        for body in [
            "",
            "1:😀",
            "1",
            ":",
            "a:",
            "2:4",
            "1:4a",
            "-1:4",
            "+1:4",
            "01:4",
            "1 :4",
            "1.0:4",
            "4hello",
            "2:😀4",
            "99999999999999999999:4",
        ] {
            let refused = decode(body.as_bytes(), &Limits::default());
            assert!(matches!(refused, Err(Error::InvalidLength(_))), "{body:?}: {refused:?}");
        }
        for body in ["5:b4###", "1:b", "6:b0AQID"] {
            let refused = decode(body.as_bytes(), &Limits::default());
            assert!(matches!(refused, Err(Error::NotBase64(_))), "{body:?}");
        }
        assert!(matches!(decode(b"1:\xff", &Limits::default()), Err(Error::NotUtf8(_))));
    }

    #[test]
    fn splits_at_the_packet_count_and_the_size() {
        let binary = Frame::Binary(Bytes::from_static(&[0; 4]));
        let mut queue = VecDeque::from([text("4a"), text("4b"), binary, text("4c")]);
        assert_eq!(encode_front(&mut queue, 1, usize::MAX), "2:4a");
        assert_eq!(encode_front(&mut queue, 16, 17), "2:4b10:b4AAAAAA==");
        let mut queue = VecDeque::from([text("4b"), Frame::Binary(Bytes::from_static(&[0; 4]))]);
        assert_eq!(encode_front(&mut queue, 16, 16), "2:4b");
        assert_eq!(encode_front(&mut queue, 16, 3), "10:b4AAAAAA==");
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { max_payload_packets: 2, max_packet: 8, ..Limits::default() };
        assert!(matches!(decode(b"1:21:21:2", &limits), Err(Error::LimitExceeded { .. })));
        assert!(matches!(decode(b"9:4aaaaaaaa", &limits), Err(Error::LimitExceeded { .. })));
    }
}
