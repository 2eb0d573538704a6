//! The `MessagePack` parser, against bytes that `socket.io-msgpack-parser` 3.0.2 wrote and read.

mod support;

use bytes::Bytes;
use serde_json::json;
use socketio_proto::socket::{Packet, msgpack};
use socketio_proto::{Args, Error, Limits};
use support::bytes;
use support::shown::shown;

fn decode(hex: &str) -> Result<Packet, Error> {
    msgpack::decode(&Bytes::from(bytes(hex)), &Limits::default())
}

fn encode(packet: &Packet) -> String {
    format!("{:02x}", msgpack::encode(packet))
}

/// What the official encoder writes, byte for byte.
const OFFICIAL: [(&str, &str); 12] = [
    ("82a47479706500a36e7370a12f", "CONNECT / - -"),
    ("82a47479706500a36e7370ae2f61646d696e3f746f6b656e3d31", "CONNECT /admin?token=1 - -"),
    ("83a47479706500a46461746181a5746f6b656ea174a36e7370a12f", r#"CONNECT / - {"token":"t"}"#),
    ("82a47479706501a36e7370a62f61646d696e", "DISCONNECT /admin - -"),
    (
        "84a47479706502a46461746192a568656c6c6f01a36e7370a62f61646d696ea26964cd01c8",
        r#"EVENT /admin 456 ["hello",1]"#,
    ),
    (
        "83a47479706502a4646174619da16e007fcc80cd0100ce00010000cf0000000100000000ffd0dfd1ff7fd2ffff7fffd3ffffffff7fffffffcb3fe0000000000000a36e7370a12f",
        r#"EVENT / - ["n",0,127,128,256,65536,4294967296,-1,-33,-129,-32769,-2147483649,0.5]"#,
    ),
    (
        "83a47479706502a46461746193a162c402616281a17891c400a36e7370a12f",
        r#"EVENT / - ["b","<6162>",{"x":["<>"]}]"#,
    ),
    (
        "83a47479706502a46461746199a46563686f01a374776fc0c3ffcb3ff80000000000009180c4030102ffa36e7370a12f",
        r#"EVENT / - ["echo",1,"two",null,true,-1,1.5,[{}],"<0102ff>"]"#,
    ),
    ("84a47479706503a46461746190a36e7370a22f6ea26964cf0000000100000000", "ACK /n 4294967296 []"),
    (
        "84a47479706503a46461746192a9c3a9e282acf09f988082a161c0a16292c3c2a36e7370a12fa2696400",
        r#"ACK / 0 ["é€😀",{"a":null,"b":[true,false]}]"#,
    ),
    (
        "83a47479706504a46461746181a76d657373616765a26e6fa36e7370a22f78",
        r#"CONNECT_ERROR /x - {"message":"no"}"#,
    ),
    ("83a47479706504a464617461a26e6fa36e7370a12f", r#"CONNECT_ERROR / - "no""#),
];

#[test]
fn writes_and_reads_the_official_bytes() {
    for (hex, expected) in OFFICIAL {
        let packet = decode(hex).unwrap();
        assert_eq!(shown(&packet), expected);
        assert_eq!(encode(&packet), hex, "{expected}");
    }
}

#[test]
fn writes_what_the_official_encoder_writes_from_values() {
    let args = Args::new((Bytes::from_static(b"ab"), json!({ "x": [1, null] }))).unwrap();
    let packet = Packet::Event { namespace: "/".into(), id: None, name: "b".into(), args };
    assert_eq!(encode(&packet), "83a47479706502a46461746193a162c402616281a1789201c0a36e7370a12f");
}

/// Sent by socket.io 4.8.4 and its client, with keys we do not write.
#[test]
fn reads_what_the_official_server_and_client_send() {
    for (hex, expected) in [
        (
            "83a47479706500a46461746182a3736964b478734b3656616968417033676543757a41414141a3706964d40000a36e7370a12f",
            r#"CONNECT / - {"sid":"xsK6VaihAp3geCuzAAAA"}"#,
        ),
        ("83a47479706500a464617461d40000a36e7370a32f6e6f", "CONNECT /no - -"),
        ("82a47479706501a36e7370a12f", "DISCONNECT / - -"),
        (
            "84a47479706502a46461746191a3627965a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12f",
            r#"EVENT / - ["bye"]"#,
        ),
        (
            "84a2696400a47479706503a46461746195c7010001d40000d7000000000000000001c70800000000000000000082a161d40000a164cb7ff8000000000000a36e7370a12f",
            r#"ACK / 0 ["<01>",null,"1970-01-01T00:00:00.001Z","<0000000000000000>",{"d":null}]"#,
        ),
    ] {
        assert_eq!(shown(&decode(hex).unwrap()), expected);
    }
}

#[test]
fn what_json_cannot_hold_is_read_as_javascript_would_write_it() {
    for (data, expected) in [
        ("d7000000018bcfe5687b", r#""2023-11-14T22:13:20.123Z""#),
        ("d7007fffffffffffffff", "null"),
        ("91d40000", "[null]"),
        ("82a175d40000a16b01", r#"{"k":1}"#),
        ("82a16b01a16bd40000", "{}"),
        ("cb7ff8000000000000", "null"),
        ("cb7ff0000000000000", "null"),
        ("ca3f000000", "0.5"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d38000000000000000", "-9223372036854775808"),
        ("82010203c0", r#"{"1":2,"3":null}"#),
        (
            "84c0a163c3a164fea165cb3fe0000000000000a166",
            r#"{"-2":"e","0.5":"f","null":"c","true":"d"}"#,
        ),
        ("82a16101a16102", r#"{"a":2}"#),
        ("d7ff0000000000000001", r#"[-1,"<0000000000000001>"]"#),
        ("d50701ff", r#"[7,"<01ff>"]"#),
        ("c7010000", r#""<00>""#),
        ("c8000100ff", r#""<ff>""#),
    ] {
        let packet = decode(&format!("83a47479706502a46461746192a161{data}a36e7370a12f")).unwrap();
        assert_eq!(shown(&packet), format!(r#"EVENT / - ["a",{expected}]"#));
    }
}

#[test]
fn reads_nil_where_python_socketio_writes_it() {
    for (hex, expected) in [
        ("83a47479706500a464617461c0a36e7370a12f", "CONNECT / - -"),
        ("83a47479706501a464617461c0a36e7370a12f", "DISCONNECT / - -"),
    ] {
        assert_eq!(shown(&decode(hex).unwrap()), expected);
    }
}

#[test]
fn refuses_what_the_official_decoder_refuses() {
    for hex in [
        "83a47479706505a46461746190a36e7370a12f",
        "82a474797065ffa36e7370a12f",
        "82a474797065a130a36e7370a12f",
        "81a36e7370a12f",
        "81a47479706500",
        "82a47479706500a36e737001",
        "83a47479706500a46461746190a36e7370a12f",
        "83a47479706500a464617461a178a36e7370a12f",
        "83a47479706501a46461746180a36e7370a12f",
        "82a47479706502a36e7370a12f",
        "83a47479706502a46461746180a36e7370a12f",
        "84a47479706503a464617461a178a36e7370a12fa2696401",
        "84a47479706503a46461746190a36e7370a12fa26964a131",
        "84a47479706503a46461746190a36e7370a12fa26964cb3ff8000000000000",
        "82a47479706504a36e7370a12f",
        "83a47479706504a46461746190a36e7370a12f",
        "84a47479706502a46461746191a161a26964c0a36e7370a12f",
        "920102",
        "01",
        "a178",
        "",
        "c1",
        "83a47479706500",
        "82a47479706500a36e7370a12f00",
        "dfffffffff",
        "83a47479706503a464617461ddffffffffa36e7370a12f",
    ] {
        assert!(decode(hex).is_err(), "{hex}");
    }
}

/// Each of these the official decoder takes; the default parser takes none of them either.
#[test]
fn refuses_what_the_default_parser_refuses() {
    for hex in [
        "83a47479706502a46461746190a36e7370a12f",
        "83a47479706502a46461746191a7636f6e6e656374a36e7370a12f",
        "83a47479706503a46461746190a36e7370a12f",
        "83a47479706502a4646174619180a36e7370a12f",
        "84a47479706502a46461746191a161a26964ffa36e7370a12f",
        // A namespace that is not UTF-8; an array as a key.
        "82a47479706500a36e7370a1ff",
        "83a47479706502a46461746192a161819001a36e7370a12f",
    ] {
        assert!(decode(hex).is_err(), "{hex}");
    }
}

#[test]
fn errors_say_where_and_why() {
    let error = decode("83a47479706502a46461746192a161c1a36e7370a12f").unwrap_err().to_string();
    assert!(
        error.starts_with("invalid MessagePack at byte 15 (0xc1 is no MessagePack): \""),
        "{error}"
    );
    let error = decode("83a47479706505a46461746190a36e7370a12f").unwrap_err().to_string();
    assert_eq!(error, "unknown Socket.IO packet type: expected a digit from 0 to 6, got \"5\"");
}

#[test]
fn limits_hold() {
    let event = |data: Vec<u8>| {
        let mut message = bytes("83a47479706502a36e7370a12fa46461746192a161");
        message.extend(data);
        Bytes::from(message)
    };
    let limits = Limits::default();
    let nested = |depth| event([vec![0x91; depth], vec![0x00]].concat());
    assert!(msgpack::decode(&nested(99), &limits).is_ok());
    assert!(matches!(
        msgpack::decode(&nested(100), &limits),
        Err(Error::LimitExceeded { what: "nesting depth", actual: 101, limit: 100 })
    ));
    let mut unlimited = Limits::default();
    unlimited.max_depth = usize::MAX;
    assert!(msgpack::decode(&nested(100_000), &unlimited).is_err(), "the stack is finite");

    let many = event([vec![0xdc, 0x03, 0xe9], bytes(&"c400".repeat(1_001))].concat());
    assert!(matches!(
        msgpack::decode(&many, &limits),
        Err(Error::LimitExceeded { what: "number of attachments", .. })
    ));
    let mut small = Limits::default();
    small.max_packet = 20;
    assert!(matches!(
        msgpack::decode(&nested(1), &small),
        Err(Error::LimitExceeded { what: "packet size in bytes", .. })
    ));
}

#[test]
fn lengths_beyond_the_message_are_refused_before_anything_is_allocated() {
    for data in ["ddffffffff", "dfffffffff", "c6ffffffff", "dbffffffff", "c9ffffffff00"] {
        // Values follow that would be taken for the first of them.
        let error = decode(&format!("82a47479706502a464617461{data}00000000")).unwrap_err();
        let header = 12 + data.len() / 2;
        assert!(
            matches!(error, Error::NotMessagePack { offset, .. } if offset == header),
            "{data}: {error}"
        );
    }
}
