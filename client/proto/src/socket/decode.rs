use bytes::Bytes;
use serde_json::Value;

use super::{Packet, check_event_name};
use crate::args::{Args, placeholder};
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Turns Engine.IO messages into Socket.IO packets, holding a binary packet back until its last
/// attachment has come.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    limits: Limits,
    waiting: Option<Waiting>,
}

impl Decoder {
    /// A decoder that accepts what `limits` allow.
    pub fn new(limits: Limits) -> Self {
        Self { limits, waiting: None }
    }

    /// Takes the data of a text message. `Ok(None)` means that attachments must follow.
    pub fn decode_text(&mut self, text: &str) -> Result<Option<Packet>, Error> {
        if let Some(waiting) = self.waiting.take() {
            return Err(Error::AttachmentsMissing {
                next: waiting.attachments.len() + 1,
                count: waiting.count,
                data: Excerpt::of_text(text),
            });
        }
        self.limits.check_packet(text.len())?;
        let (packet, count) = parse(text, &self.limits)?;
        if count == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Waiting { packet, count, attachments: Vec::new() });
        Ok(None)
    }

    /// Takes a binary message: the next attachment.
    pub fn decode_binary(&mut self, data: Bytes) -> Result<Option<Packet>, Error> {
        let Some(mut waiting) = self.waiting.take() else {
            return Err(Error::UnexpectedBinary(data.len()));
        };
        self.limits.check_packet(data.len())?;
        waiting.attachments.push(data);
        if waiting.attachments.len() < waiting.count {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        Ok(Some(waiting.complete()))
    }

    /// Attachments that are still owed to the packet begun last.
    pub fn missing_attachments(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.count - waiting.attachments.len())
    }
}

/// A packet whose attachments have not all come.
#[derive(Debug, Clone)]
struct Waiting {
    packet: Packet,
    count: usize,
    attachments: Vec<Bytes>,
}

impl Waiting {
    fn complete(self) -> Packet {
        let mut packet = self.packet;
        if let Packet::Event { args, .. } | Packet::Ack { args, .. } = &mut packet {
            let values = std::mem::take(args).into_values();
            *args = Args::from_parts(values, self.attachments);
        }
        packet
    }
}

/// Reads a text packet; the number is how many attachments it announces.
fn parse(text: &str, limits: &Limits) -> Result<(Packet, usize), Error> {
    let mut characters = text.chars();
    let kind = characters.next();
    let rest = characters.as_str();
    match kind {
        Some('0') => parse_connect(rest, limits).map(without_attachments),
        Some('1') => parse_disconnect(rest).map(without_attachments),
        Some('2') => parse_event(rest, 0, limits).map(without_attachments),
        Some('3') => parse_ack(rest, 0, limits).map(without_attachments),
        Some('4') => parse_connect_error(rest, limits).map(without_attachments),
        Some('5') => {
            let (count, rest) = attachment_count(rest, limits)?;
            Ok((parse_event(rest, count, limits)?, count))
        }
        Some('6') => {
            let (count, rest) = attachment_count(rest, limits)?;
            Ok((parse_ack(rest, count, limits)?, count))
        }
        _ => Err(Error::UnknownPacket(Excerpt::of_text(text))),
    }
}

fn without_attachments(packet: Packet) -> (Packet, usize) {
    (packet, 0)
}

fn parse_connect(text: &str, limits: &Limits) -> Result<Packet, Error> {
    let (address, rest) = split_namespace(text);
    let (namespace, query) = split_query(address);
    let payload = match rest {
        "" => None,
        json => Some(parse_json("CONNECT", "an object or nothing", json, limits)?),
    };
    match payload {
        None | Some(Value::Object(_)) => {
            let (namespace, query) = (namespace.to_owned(), query.map(str::to_owned));
            Ok(Packet::Connect { namespace, query, payload })
        }
        Some(_) => Err(wrong_shape("CONNECT", "an object or nothing", rest)),
    }
}

fn parse_disconnect(text: &str) -> Result<Packet, Error> {
    let (namespace, rest) = split_namespace(text);
    if !rest.is_empty() {
        return Err(wrong_shape("DISCONNECT", "nothing", rest));
    }
    Ok(Packet::Disconnect { namespace: namespace.to_owned() })
}

fn parse_connect_error(text: &str, limits: &Limits) -> Result<Packet, Error> {
    let (namespace, rest) = split_namespace(text);
    let payload = parse_json("CONNECT_ERROR", "an object or a string", rest, limits)?;
    if !payload.is_object() && !payload.is_string() {
        return Err(wrong_shape("CONNECT_ERROR", "an object or a string", rest));
    }
    Ok(Packet::ConnectError { namespace: namespace.to_owned(), payload })
}

fn parse_event(text: &str, attachments: usize, limits: &Limits) -> Result<Packet, Error> {
    const EXPECTED: &str = "a JSON array that begins with the event's name";
    let (namespace, rest) = split_namespace(text);
    let (id, json) = ack_id(rest)?;
    let mut values = parse_array("EVENT", EXPECTED, json, attachments, limits)?.into_iter();
    let name = event_name(values.next()).ok_or_else(|| wrong_shape("EVENT", EXPECTED, json))?;
    check_event_name(&name)?;
    let args = Args::from_parts(values.collect(), Vec::new());
    Ok(Packet::Event { namespace: namespace.to_owned(), id, name, args })
}

fn parse_ack(text: &str, attachments: usize, limits: &Limits) -> Result<Packet, Error> {
    let (namespace, rest) = split_namespace(text);
    let (Some(id), json) = ack_id(rest)? else {
        return Err(Error::InvalidAckId(Excerpt::of_text(rest)));
    };
    let values = parse_array("ACK", "a JSON array", json, attachments, limits)?;
    let args = Args::from_parts(values, Vec::new());
    Ok(Packet::Ack { namespace: namespace.to_owned(), id, args })
}

/// An event's name, from the first value of its payload.
pub(super) fn event_name(first: Option<Value>) -> Option<String> {
    match first {
        Some(Value::String(name)) => Some(name),
        // JavaScript allows `emit(1, …)`.
        Some(Value::Number(name)) => Some(name.to_string()),
        _ => None,
    }
}

/// `/admin` and `token=1` of `/admin?token=1`.
pub(super) fn split_query(address: &str) -> (&str, Option<&str>) {
    match address.split_once('?') {
        Some((namespace, query)) => (namespace, Some(query)),
        None => (address, None),
    }
}

/// `2-…` of `52-…`.
fn attachment_count<'a>(text: &'a str, limits: &Limits) -> Result<(usize, &'a str), Error> {
    let invalid = || Error::InvalidAttachmentCount(Excerpt::of_text(text));
    let (digits, rest) = text.split_once('-').ok_or_else(invalid)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let count = digits.parse().ok().filter(|count| *count > 0).ok_or_else(invalid)?;
    limits.check_attachments(count)?;
    Ok((count, rest))
}

/// `/admin` of `/admin,…`; the main namespace is not written. Without a comma all is namespace.
fn split_namespace(text: &str) -> (&str, &str) {
    if text.starts_with('/') { text.split_once(',').unwrap_or((text, "")) } else { ("/", text) }
}

fn ack_id(text: &str) -> Result<(Option<u64>, &str), Error> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let id = digits.parse().map_err(|_| Error::InvalidAckId(Excerpt::of_text(digits)))?;
    Ok((Some(id), rest))
}

fn parse_array(
    packet: &'static str,
    expected: &'static str,
    json: &str,
    attachments: usize,
    limits: &Limits,
) -> Result<Vec<Value>, Error> {
    let Value::Array(values) = parse_json(packet, expected, json, limits)? else {
        return Err(wrong_shape(packet, expected, json));
    };
    if attachments > 0 {
        values.iter().try_for_each(|value| check_placeholders(value, attachments))?;
    }
    Ok(values)
}

fn parse_json(
    packet: &'static str,
    expected: &'static str,
    json: &str,
    limits: &Limits,
) -> Result<Value, Error> {
    limits.check_depth(json)?;
    serde_json::from_str(json).map_err(|error| Error::InvalidPayload {
        packet,
        expected: format!("{expected} ({error})"),
        data: Excerpt::of_text(json),
    })
}

fn wrong_shape(packet: &'static str, expected: &str, data: &str) -> Error {
    Error::InvalidPayload { packet, expected: expected.to_owned(), data: Excerpt::of_text(data) }
}

/// Every placeholder must name an attachment the packet has; `check_depth` bounds the recursion.
fn check_placeholders(value: &Value, count: usize) -> Result<(), Error> {
    if let Some(number) = placeholder(value) {
        let in_range = number.as_u64().is_some_and(|number| number < count as u64);
        return if in_range {
            Ok(())
        } else {
            Err(Error::IllegalAttachment { number: number.to_string(), count })
        };
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_placeholders(item, count)),
        Value::Object(fields) => {
            fields.values().try_for_each(|field| check_placeholders(field, count))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(text: &str) -> Result<Packet, Error> {
        Decoder::default().decode_text(text).map(|packet| packet.expect("no attachments"))
    }

    fn event(namespace: &str, id: Option<u64>, name: &str, values: Vec<Value>) -> Packet {
        let args = Args::from_parts(values, vec![]);
        Packet::Event { namespace: namespace.into(), id, name: name.into(), args }
    }

    #[test]
    fn reads_the_specification_examples() {
        assert_eq!(
            decode(r#"0/admin,{"token":"123"}"#),
            Ok(Packet::Connect {
                namespace: "/admin".into(),
                query: None,
                payload: Some(json!({"token": "123"}))
            })
        );
        assert_eq!(decode("1/admin,"), Ok(Packet::Disconnect { namespace: "/admin".into() }));
        assert_eq!(decode("1/admin"), Ok(Packet::Disconnect { namespace: "/admin".into() }));
        assert_eq!(decode(r#"2["foo"]"#), Ok(event("/", None, "foo", vec![])));
        assert_eq!(
            decode(r#"2/admin,12["foo",{"a":[1]}]"#),
            Ok(event("/admin", Some(12), "foo", vec![json!({"a": [1]})]))
        );
        assert_eq!(
            decode(r#"3/admin,13["bar"]"#),
            Ok(Packet::Ack { namespace: "/admin".into(), id: 13, args: Args::new("bar").unwrap() })
        );
        assert_eq!(
            decode(r#"4{"message":"Not authorized"}"#),
            Ok(Packet::ConnectError {
                namespace: "/".into(),
                payload: json!({"message": "Not authorized"})
            })
        );
    }

    #[test]
    fn reads_what_old_clients_and_other_servers_send() {
        assert_eq!(
            decode("0/admin?token=1&uid=2,"),
            Ok(Packet::Connect {
                namespace: "/admin".into(),
                query: Some("token=1&uid=2".into()),
                payload: None
            })
        );
        assert_eq!(
            decode(r#"4/admin,"Unable to connect""#),
            Ok(Packet::ConnectError {
                namespace: "/admin".into(),
                payload: json!("Unable to connect")
            })
        );
        assert_eq!(decode("2[1,2]"), Ok(event("/", None, "1", vec![json!(2)])));
    }

    #[test]
    fn ack_ids_keep_all_64_bits() {
        let Ok(Packet::Ack { id, .. }) = decode("318446744073709551615[]") else { panic!() };
        assert_eq!(id, u64::MAX);
        assert!(matches!(decode("318446744073709551616[]"), Err(Error::InvalidAckId(_))));
        assert!(matches!(decode("3Infinity[]"), Err(Error::InvalidAckId(_))));
        assert!(matches!(decode("3[]"), Err(Error::InvalidAckId(_))));
    }

    #[test]
    fn puts_attachments_in_place_whatever_their_order() {
        let mut decoder = Decoder::default();
        let text = r#"52-["e",{"b":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}]"#;
        assert_eq!(decoder.decode_text(text), Ok(None));
        assert_eq!(decoder.missing_attachments(), 2);
        assert_eq!(decoder.decode_binary(Bytes::from_static(b"zero")), Ok(None));
        let packet = decoder.decode_binary(Bytes::from_static(b"one")).unwrap();
        let Some(Packet::Event { args, .. }) = packet else { panic!() };
        let (map, second): (std::collections::HashMap<String, Bytes>, Bytes) =
            args.parse().unwrap();
        assert_eq!((&map["b"][..], &second[..]), (&b"one"[..], &b"zero"[..]));
    }

    #[test]
    fn numbers_keep_every_bit() {
        // Read by serde_json's fast path, this one changes in its last digit.
        let text = "2[\"e\",3.333337777777778e51]";
        let Ok(Packet::Event { args, .. }) = decode(text) else { panic!() };
        assert_eq!(args.values(), [json!(3.333_337_777_777_778e51)]);
        assert_eq!(args.values()[0].to_string(), "3.333337777777778e+51");
    }

    #[test]
    fn attachments_and_text_must_not_mix() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode_binary(Bytes::new()), Err(Error::UnexpectedBinary(0)));
        decoder.decode_text(r#"51-["e",{"_placeholder":true,"num":0}]"#).unwrap();
        let error = decoder.decode_text(r#"2["f"]"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"expected binary attachment 1 of 1, got a text packet: "2[\"f\"]""#
        );
    }

    #[test]
    fn rejects_what_is_no_packet() {
        for text in ["", "7", "abc", "9[\"x\"]", "\u{1e}"] {
            assert!(matches!(decode(text), Err(Error::UnknownPacket(_))), "{text:?}");
        }
        for text in [
            "2",
            "2{}",
            "2[]",
            "2[{}]",
            "2[\"a\"",
            "2[\"a\"]zzz",
            "2abc[\"a\"]",
            "0{bad",
            "0[]",
            "012{}",
            "1{}",
            "1x",
            "3",
            "4",
            "41",
            "4[]",
            "31{}",
        ] {
            assert!(decode(text).is_err(), "{text:?}");
        }
        for text in
            ["5[\"a\"]", "5-[\"a\"]", "5x-[\"a\"]", "50-[\"a\"]", "5+1-[\"a\"]", "51[\"a\"]"]
        {
            assert!(matches!(decode(text), Err(Error::InvalidAttachmentCount(_))), "{text:?}");
        }
        for number in ["1", "-1", "0.5", "\"0\"", "null"] {
            let text = format!(r#"51-["a",{{"_placeholder":true,"num":{number}}}]"#);
            assert!(
                matches!(
                    Decoder::default().decode_text(&text),
                    Err(Error::IllegalAttachment { .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn limits_hold() {
        let deep = format!("2[\"a\",{}{}]", "[".repeat(200), "]".repeat(200));
        assert!(matches!(decode(&deep), Err(Error::LimitExceeded { .. })));
        assert!(matches!(decode("51001-[]"), Err(Error::LimitExceeded { .. })));
    }
}
