/// The header of a websocket frame (RFC 6455, "Base Framing Protocol").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// The last frame of its message.
    pub(crate) is_final: bool,
    /// The reserved bits, where they stand: with permessage-deflate, 0x40 if it is compressed.
    pub(crate) reserved: u8,
    /// 1 text, 2 binary, 0 a continuation of either, 8 close, 9 ping, 10 pong.
    pub(crate) opcode: u8,
    /// With what the payload is masked.
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes behind the header.
    pub(crate) payload: u64,
}

impl FrameHeader {
    /// Bytes of the longest header.
    pub(crate) const LONGEST: usize = 14;

    /// The header at the front, and its length; `None` if there is more of it to come.
    pub(crate) fn of(data: &[u8]) -> Option<(Self, usize)> {
        let (&[first, second], rest) = data.split_first_chunk::<2>()?;
        let (payload, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            payload => (u64::from(payload), rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            (None, rest)
        } else {
            let (mask, rest) = rest.split_first_chunk()?;
            (Some(*mask), rest)
        };
        let header = Self {
            is_final: first & 0x80 != 0,
            reserved: first & 0x70,
            opcode: first & 0x0f,
            mask,
            payload,
        };
        Some((header, data.len() - rest.len()))
    }

    /// Whether it is a whole, uncompressed text message of one byte: a packet of Engine.IO without
    /// data.
    pub(crate) fn is_short_text(&self) -> bool {
        self.is_final && self.reserved == 0 && self.opcode == TEXT && self.payload == 1
    }

    /// Takes the mask off a part of the payload; `before` bytes of it came earlier.
    pub(crate) fn unmask(&self, before: u64, part: &mut [u8]) {
        let Some(mask) = self.mask else { return };
        let skip = usize::try_from(before % 4).unwrap_or_default();
        for (byte, mask) in part.iter_mut().zip(mask.iter().cycle().skip(skip)) {
            *byte ^= mask;
        }
    }
}

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;
