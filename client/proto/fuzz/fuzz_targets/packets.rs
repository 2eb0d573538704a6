//! Socket.IO packets: whatever decodes is encoded to something that decodes to the same.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use socketio_proto::Limits;
use socketio_proto::engine::Frame;
use socketio_proto::socket::{Decoder, Packet, msgpack};

fuzz_target!(|messages: Vec<Result<String, Vec<u8>>>| {
    let mut decoder = Decoder::new(Limits::default());
    for message in messages {
        let decoded = match message {
            Ok(text) => decoder.decode_text(&text),
            Err(data) => {
                if let Ok(packet) = msgpack::decode(&data.clone().into(), &Limits::default()) {
                    let again = msgpack::decode(&msgpack::encode(&packet), &Limits::default());
                    assert_eq!(again.as_ref(), Ok(&packet));
                }
                decoder.decode_binary(Bytes::from(data))
            }
        };
        if let Ok(Some(packet)) = decoded {
            assert_eq!(through_the_wire(&packet), packet);
        }
    }
});

fn through_the_wire(packet: &Packet) -> Packet {
    let mut decoder = Decoder::new(Limits::default());
    let mut decoded = None;
    for frame in packet.encode() {
        decoded = match frame {
            Frame::Text(text) => decoder.decode_text(text.strip_prefix('4').expect("a message")),
            Frame::Binary(data) => decoder.decode_binary(data),
        }
        .expect("what was encoded decodes");
    }
    decoded.expect("with its last attachment a packet is whole")
}
