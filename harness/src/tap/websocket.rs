//! One direction of a websocket, read from bytes that arrive in pieces of any size.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Joins frames into messages.
#[derive(Debug, Default)]
pub(super) struct Reader {
    buffer: BytesMut,
    /// A header has been read, its payload has not.
    frame: Option<(FrameHeader, usize)>,
    /// The frames so far of a message in several.
    message: Option<(Data, BytesMut)>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Text(Bytes),
    Binary(Bytes),
    /// A close frame, with its code.
    Close(Option<u16>),
}

/// Why the rest of a websocket cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it is compressed (permessage-deflate)")]
    Compressed,
    #[error("it has frames that are not of RFC 6455")]
    NotWebsocket,
    #[error("it has a message above {} MiB", MAX_MESSAGE >> 20)]
    TooLarge,
}

impl Reader {
    /// A reader of what follows `rest`.
    pub(super) fn new(rest: BytesMut) -> Self {
        Self { buffer: rest, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, once all of it has come. Pings and pongs of the websocket itself are
    /// passed over.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Unreadable> {
        loop {
            let Some((header, payload)) = self.next_frame()? else { return Ok(None) };
            let (kind, whole) = match (header.opcode, &mut self.message) {
                (OpCode::Control(Control::Close), _) => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Ok(Some(Message::Close(code)));
                }
                (OpCode::Control(_), _) => continue,
                (OpCode::Data(Data::Continue), Some((_, begun))) => {
                    if begun.len() + payload.len() > MAX_MESSAGE {
                        return Err(Unreadable::TooLarge);
                    }
                    begun.extend_from_slice(&payload);
                    if !header.is_final {
                        continue;
                    }
                    self.message.take().ok_or(Unreadable::NotWebsocket)?
                }
                (OpCode::Data(Data::Continue), None) | (OpCode::Data(_), Some(_)) => {
                    return Err(Unreadable::NotWebsocket);
                }
                (OpCode::Data(kind), None) if !header.is_final => {
                    self.message = Some((kind, payload));
                    continue;
                }
                (OpCode::Data(kind), None) => (kind, payload),
            };
            let whole = whole.freeze();
            return Ok(Some(match kind {
                Data::Text => Message::Text(whole),
                _ => Message::Binary(whole),
            }));
        }
    }

    /// A frame, unmasked.
    fn next_frame(&mut self) -> Result<Option<(FrameHeader, BytesMut)>, Unreadable> {
        let (header, len) = match self.frame.take() {
            Some(frame) => frame,
            None => match self.next_header()? {
                Some(frame) => frame,
                None => return Ok(None),
            },
        };
        if self.buffer.len() < len {
            self.frame = Some((header, len));
            return Ok(None);
        }
        let mut payload = self.buffer.split_to(len);
        if let Some(mask) = header.mask {
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        Ok(Some((header, payload)))
    }

    fn next_header(&mut self) -> Result<Option<(FrameHeader, usize)>, Unreadable> {
        let mut cursor = Cursor::new(&self.buffer[..]);
        let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Unreadable::NotWebsocket)?;
        let Some((header, len)) = parsed else { return Ok(None) };
        if header.rsv1 {
            return Err(Unreadable::Compressed);
        }
        let len = usize::try_from(len).ok().filter(|len| *len <= MAX_MESSAGE);
        let len = len.ok_or(Unreadable::TooLarge)?;
        let read = cursor.position();
        self.buffer.advance(usize::try_from(read).map_err(|_| Unreadable::NotWebsocket)?);
        Ok(Some((header, len)))
    }
}

/// As much as the protocol core accepts.
const MAX_MESSAGE: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455, "Examples".
    const HELLO: [u8; 7] = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    const MASKED: [u8; 11] = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    const FRAGMENTED: [u8; 10] = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f, 0x89];
    const PING: [u8; 7] = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];

    fn read(bytes: &[u8], size: usize) -> Result<Vec<Message>, Unreadable> {
        let mut reader = Reader::default();
        let mut messages = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece);
            while let Some(message) = reader.next()? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    #[test]
    fn reads_the_examples_of_the_specification_whatever_the_pieces() {
        let close = [0x88, 0x02, 0x03, 0xe8];
        // The ping stands between the two parts of a message.
        let parted = [&FRAGMENTED[..5], &PING, &FRAGMENTED[5..9]].concat();
        let bytes = [&HELLO[..], &MASKED, &parted, &close].concat();
        let hello = || Message::Text(Bytes::from_static(b"Hello"));
        let expected = Ok(vec![hello(), hello(), hello(), Message::Close(Some(1000))]);
        for size in 1..=bytes.len() {
            assert_eq!(read(&bytes, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn long_messages_have_long_lengths() {
        for (len, header) in
            [(256, &[0x82, 0x7e, 0x01, 0x00][..]), (65_536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0])]
        {
            let bytes = [header, &vec![7; len]].concat();
            assert_eq!(read(&bytes, 1000), Ok(vec![Message::Binary(vec![7; len].into())]));
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!(read(&[0xc1, 0x00], 2), Err(Unreadable::Compressed));
        assert_eq!(read(&[0x83, 0x00], 2), Err(Unreadable::NotWebsocket));
        assert_eq!(read(&[0x80, 0x00], 2), Err(Unreadable::NotWebsocket));
        let endless = [0x82, 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&endless, 10), Err(Unreadable::TooLarge));
    }
}
