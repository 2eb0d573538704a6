//! Polling bodies of both protocol versions: whatever decodes is encoded to the same packets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use socketio_proto::Limits;
use socketio_proto::engine::{Packet, Protocol};

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    for protocol in [Protocol::V4, Protocol::V3] {
        let Ok(frames) = protocol.decode_payload(body, &limits) else { continue };
        for frame in &frames {
            // Never panics, whatever it finds.
            let _ = Packet::decode(frame);
        }
        let again = protocol.encode_payload(&frames);
        assert_eq!(protocol.decode_payload(again.as_bytes(), &limits).as_ref(), Ok(&frames));
    }
});
