//! What the official parser (`socket.io-parser` 4.2.7) makes of a text, run and written down.

mod support;

use bytes::Bytes;
use socketio_proto::socket::Decoder;
use support::shown::shown;

/// The packet as [`shown`] writes it, `None` when it is refused. Attachments `00`, `01`, … follow
/// as long as they are owed.
fn decode(text: &str) -> Option<String> {
    let mut decoder = Decoder::default();
    let mut packet = decoder.decode_text(text).ok()?;
    for number in 0..decoder.missing_attachments() {
        packet = decoder.decode_binary(Bytes::from(vec![u8::try_from(number).ok()?])).ok()?;
    }
    packet.as_ref().map(shown)
}

#[test]
fn reads_what_the_official_parser_reads() {
    let table = [
        ("0", "CONNECT / - -"),
        (r#"0{"token":"1"}"#, r#"CONNECT / - {"token":"1"}"#),
        ("0/admin,", "CONNECT /admin - -"),
        ("0/admin", "CONNECT /admin - -"),
        (r#"0/admin,{"sid":"x"}"#, r#"CONNECT /admin - {"sid":"x"}"#),
        ("0/a?x=1,", "CONNECT /a?x=1 - -"),
        ("1", "DISCONNECT / - -"),
        ("1/admin,", "DISCONNECT /admin - -"),
        ("1/admin", "DISCONNECT /admin - -"),
        (r#"2["a"]"#, r#"EVENT / - ["a"]"#),
        (r#"2["a",1,null,true,{"b":[]}]"#, r#"EVENT / - ["a",1,null,true,{"b":[]}]"#),
        (r#"2/n,7["a"]"#, r#"EVENT /n 7 ["a"]"#),
        (r#"2/,["a"]"#, r#"EVENT / - ["a"]"#),
        (r#"212["a"]"#, r#"EVENT / 12 ["a"]"#),
        (r#"2012["a"]"#, r#"EVENT / 12 ["a"]"#),
        (r#"2["\u20ac"]"#, r#"EVENT / - ["€"]"#),
        (r#"2["a"] "#, r#"EVENT / - ["a"]"#),
        (r#"2/a/b-c,1["x"]"#, r#"EVENT /a/b-c 1 ["x"]"#),
        ("312[]", "ACK / 12 []"),
        (r#"312["b"]"#, r#"ACK / 12 ["b"]"#),
        ("3/n,1[null]", "ACK /n 1 [null]"),
        (r#"4{"message":"no"}"#, r#"CONNECT_ERROR / - {"message":"no"}"#),
        (r#"4"no""#, r#"CONNECT_ERROR / - "no""#),
        (
            r#"4/x,{"data":{"a":1},"message":"no"}"#,
            r#"CONNECT_ERROR /x - {"data":{"a":1},"message":"no"}"#,
        ),
        (r#"51-["a",{"_placeholder":true,"num":0}]"#, r#"EVENT / - ["a","<00>"]"#),
        (
            r#"52-/n,3["a",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#,
            r#"EVENT /n 3 ["a","<01>","<00>"]"#,
        ),
        (
            r#"51-["a",{"_placeholder":false,"num":5}]"#,
            r#"EVENT / - ["a",{"_placeholder":false,"num":5}]"#,
        ),
        (r#"61-4[{"_placeholder":true,"num":0}]"#, r#"ACK / 4 ["<00>"]"#),
        (r#"61-/n,4[{"_placeholder":true,"num":0}]"#, r#"ACK /n 4 ["<00>"]"#),
    ];
    for (text, expected) in table {
        assert_eq!(decode(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn refuses_what_the_official_parser_refuses() {
    for text in [
        "0[]",
        r#"0"x""#,
        "0{bad",
        "0null",
        "1{}",
        "1x",
        "2[]",
        "2{}",
        r#"2["a""#,
        r#"2["a"]zzz"#,
        r#"2abc["a"]"#,
        "2[null]",
        "2[{}]",
        r#"2["connect"]"#,
        r#"2["newListener",1]"#,
        r#"2-1["a"]"#,
        r#"2Infinity["a"]"#,
        "312{}",
        "3Infinity[]",
        "4[]",
        "4null",
        r#"50-["a"]"#,
        r#"5-["a"]"#,
        r#"5["a"]"#,
        r#"5x-["a"]"#,
        r#"51.5-["a"]"#,
        r#"51["a"]"#,
        r#"51-["connect",{"_placeholder":true,"num":0}]"#,
        r#"51-["a",{"_placeholder":true,"num":1}]"#,
        r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
        r#"51-["a",{"_placeholder":true}]"#,
        "7",
        "a",
        r#"9["x"]"#,
        "-1",
    ] {
        assert_eq!(decode(text), None, "{text}");
    }
}

#[test]
fn departs_from_the_official_parser_where_the_specification_or_precision_asks_for_it() {
    // Official: accepted. The payload "is mandatory and MUST be an array"; an ack answers an id.
    for text in ["2", "3", "3[]", "4", r#"2/n["a"]"#] {
        assert_eq!(decode(text), None, "{text}");
    }
    // Official: accepted, as ids of packets that have none, and a blank as the id 0.
    for text in ["", "012", "41", "1/a,1"] {
        assert_eq!(decode(text), None, "{text}");
    }
    // Official: the id is rounded to 9007199254740992.
    assert_eq!(decode("39007199254740993[]").as_deref(), Some("ACK / 9007199254740993 []"));
    // Official: the name stays a number.
    assert_eq!(decode("2[1,2]").as_deref(), Some(r#"EVENT / - ["1",2]"#));
    // Official: too many attachments; the limit here is 1,000.
    assert_eq!(decode(r#"511-["a"]"#).as_deref(), Some(r#"EVENT / - ["a"]"#));
}
