use bytes::Bytes;

use super::Packet;
use super::parse::parse;
use crate::args::Args;
use crate::error::{Error, Excerpt};
use crate::limits::Limits;

/// Turns Engine.IO messages into Socket.IO packets, holding a binary packet back until its last
/// attachment has come.
///
/// Half of a surrogate pair, which a string of JavaScript may hold (`"\ud800"`), is read as U+FFFD:
/// no `char` can be one.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    limits: Limits,
    /// Boxed: few packets have attachments.
    waiting: Option<Box<Waiting>>,
}

impl Decoder {
    /// A decoder that accepts what `limits` allow.
    pub fn new(limits: Limits) -> Self {
        Self { limits, waiting: None }
    }

    /// Takes the data of a text message. `Ok(None)` means that attachments must follow; text in the
    /// place of one is an error, and the packet goes on to wait for it.
    pub fn decode_text(&mut self, text: &str) -> Result<Option<Packet>, Error> {
        if let Some(waiting) = &self.waiting {
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
        self.waiting = Some(Box::new(Waiting { packet, count, attachments: Vec::new() }));
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

    /// The packet begun last if attachments are still owed to it, which are no longer awaited.
    pub(crate) fn give_up(&mut self) -> Option<Packet> {
        self.waiting.take().map(|waiting| waiting.complete())
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    fn halves_of_surrogate_pairs_are_replaced() {
        // What JavaScript's `JSON.stringify` writes of strings that are no UTF-16.
        for (json, expected) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""a\udc00b""#, "a\u{fffd}b"),
            (r#""\udc00\ud800""#, "\u{fffd}\u{fffd}"),
            (r#""\ud800\ud83d\ude00\ude00""#, "\u{fffd}😀\u{fffd}"),
            (r#""\ud800\n\\ud800\uD8""#, ""),
            (r#""\\\ud800\\ud800""#, "\\\u{fffd}\\ud800"),
        ] {
            let text = format!("2[\"e\",{json}]");
            match decode(&text) {
                Ok(packet) => assert_eq!(packet, event("/", None, "e", vec![json!(expected)])),
                Err(error) => assert!(expected.is_empty(), "{error}"),
            }
        }
        let packet = decode(r#"2["\udfff",{"\ud800":1}]"#);
        assert_eq!(packet, Ok(event("/", None, "\u{fffd}", vec![json!({"\u{fffd}": 1})])));
        let error = decode(r#"2["e","\ud800",oops]"#).unwrap_err().to_string();
        assert!(error.contains("expected value at line 1 column 15"), "{error}");
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
