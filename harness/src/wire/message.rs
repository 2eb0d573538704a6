use bytes::{Bytes, BytesMut};

use super::frame::{BINARY, CLOSE, CONTINUATION, FrameHeader, PING, PONG, TEXT};

/// Joins the frames of one direction of a websocket into messages.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    /// The frame that is being read, and its payload so far.
    frame: Option<(FrameHeader, BytesMut)>,
    /// The frames so far of a message in several: its opcode, its payload.
    message: Option<(u8, BytesMut)>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(Bytes),
    Binary(Bytes),
    /// A close frame, with its code.
    Close(Option<u16>),
}

/// Why the rest of a websocket cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is compressed (permessage-deflate)")]
    Compressed,
    #[error("it has frames that are not of RFC 6455")]
    NotWebsocket,
    #[error("it has a message above {} MiB", MAX_MESSAGE >> 20)]
    TooLarge,
}

impl Joiner {
    /// A frame begins.
    pub(crate) fn begin(&mut self, header: FrameHeader) -> Result<(), Unreadable> {
        match header.reserved {
            0 => {}
            0x40 => return Err(Unreadable::Compressed),
            _ => return Err(Unreadable::NotWebsocket),
        }
        let fits = match header.opcode {
            CONTINUATION => self.message.is_some(),
            TEXT | BINARY => self.message.is_none(),
            CLOSE | PING | PONG => header.is_final && header.payload <= MAX_CONTROL,
            _ => false,
        };
        if !fits {
            return Err(Unreadable::NotWebsocket);
        }
        let before = self.message.as_ref().map_or(0, |(_, begun)| begun.len());
        let length = usize::try_from(header.payload).ok();
        let length = length.filter(|length| length.saturating_add(before) <= MAX_MESSAGE);
        let length = length.ok_or(Unreadable::TooLarge)?;
        // A header promises what need not come.
        self.frame = Some((header, BytesMut::with_capacity(length.min(MAX_PROMISED))));
        Ok(())
    }

    /// A part of its payload.
    pub(crate) fn payload(&mut self, bytes: &[u8]) {
        let Some((header, payload)) = &mut self.frame else { return };
        let before = payload.len();
        payload.extend_from_slice(bytes);
        header.unmask(before as u64, payload.get_mut(before..).unwrap_or_default());
    }

    /// The frame is complete; the message, if it is its last. Pings and pongs of the websocket itself
    /// are passed over.
    pub(crate) fn end(&mut self) -> Option<Message> {
        let (header, payload) = self.frame.take()?;
        let (opcode, whole) = match (header.opcode, self.message.take()) {
            (CLOSE, begun) => {
                self.message = begun;
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                return Some(Message::Close(code));
            }
            (PING | PONG, begun) => {
                self.message = begun;
                return None;
            }
            (_, Some((opcode, mut begun))) => {
                begun.extend_from_slice(&payload);
                (opcode, begun)
            }
            (opcode, None) => (opcode, payload),
        };
        if !header.is_final {
            self.message = Some((opcode, whole));
            return None;
        }
        let whole = whole.freeze();
        Some(if opcode == TEXT { Message::Text(whole) } else { Message::Binary(whole) })
    }
}

/// As much as the protocol core accepts.
const MAX_MESSAGE: usize = 64 << 20;
const MAX_PROMISED: usize = 64 << 10;
/// RFC 6455, "Control Frames".
const MAX_CONTROL: u64 = 125;
