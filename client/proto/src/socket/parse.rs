use serde_json::Value;

use super::{Packet, check_event_name, surrogates};
use crate::args::{Args, placeholder};
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Reads a text packet; the number is how many attachments it announces.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<(Packet, usize), Error> {
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
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
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
    let parsed = serde_json::from_str(json).or_else(|error| {
        // `JSON.stringify` writes them, and no `char` can be one.
        let replaced = surrogates::replaced(json).ok_or(error)?;
        serde_json::from_str(&replaced)
    });
    parsed.map_err(|error| Error::InvalidPayload {
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
