use std::time::Duration;

use socketio_mock_client::{Direction, Error as ClientError, FrameData, Transport};

use super::decode::Decoder;
use super::format::{Frame, Note, SERVER, What};

/// One entry, undecoded while the test runs.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) at: Duration,
    pub(super) lane: usize,
    pub(super) what: Recorded,
}

#[derive(Debug)]
pub(super) enum Recorded {
    Frame { direction: Direction, transport: Transport, data: Data, bytes: usize },
    Note(Note),
}

/// The beginning of a frame.
#[derive(Debug)]
pub(super) enum Data {
    Text(String),
    Binary(Vec<u8>),
}

impl Record {
    /// About the memory it takes.
    pub(super) fn size(&self) -> usize {
        match &self.what {
            Recorded::Frame { data: Data::Text(text), .. } => text.len(),
            Recorded::Frame { data: Data::Binary(data), .. } => data.len(),
            Recorded::Note(note) => note.title.len() + note.text.len(),
        }
    }
}

impl Recorded {
    /// Keeps at most `kept` bytes of a frame.
    pub(super) fn frame(
        direction: Direction,
        transport: Transport,
        data: FrameData<'_>,
        kept: usize,
    ) -> Self {
        let (data, bytes) = match data {
            FrameData::Text(text) => {
                let end = text.floor_char_boundary(kept);
                (Data::Text(text.get(..end).unwrap_or_default().to_owned()), text.len())
            }
            FrameData::Binary(data) => {
                let end = data.len().min(kept);
                (Data::Binary(data.get(..end).unwrap_or_default().to_vec()), data.len())
            }
        };
        Self::Frame { direction, transport, data, bytes }
    }

    /// Decodes it; to be called in order, with the decoders of what the lane sent and received.
    pub(super) fn show(&self, lane: usize, decoders: &mut [Decoder; 2]) -> What {
        let (direction, transport, data, bytes) = match self {
            Self::Note(note) => return What::Note(note.clone()),
            Self::Frame { direction, transport, data, bytes } => {
                (*direction, *transport, data, *bytes)
            }
        };
        let [sent, received] = decoders;
        let (from, to, decoder) = match direction {
            Direction::Sent => (lane, SERVER, sent),
            Direction::Received => (SERVER, lane, received),
        };
        let transport = transport.name();
        let mut frame = Frame { from, to, transport, bytes: Some(bytes), ..Frame::default() };
        match data {
            Data::Text(text) => {
                frame.cut = text.len() < bytes;
                frame.packet = decoder.text(text, !frame.cut);
                frame.raw = Some(text.clone());
            }
            Data::Binary(data) => {
                let whole = data.len() == bytes;
                frame.packet = decoder.binary(data, whole);
                let shown = data.get(..data.len().min(SHOWN_BINARY)).unwrap_or_default();
                frame.cut = shown.len() < bytes;
                frame.raw_hex = Some(hex(shown));
            }
        }
        What::Frame(Box::new(frame))
    }
}

/// The message without the conversation, which the trace shows itself.
pub(crate) fn message_of(error: &ClientError) -> String {
    let message = error.to_string();
    match error {
        ClientError::Timeout { transcript, .. } | ClientError::Disconnected { transcript, .. } => {
            let conversation = transcript.to_string();
            message.strip_suffix(&conversation).map(str::to_owned).unwrap_or(message)
        }
        ClientError::Unmet(unmet) => {
            let mut short = (**unmet).clone();
            short.situations.clear();
            short.to_string()
        }
        _ => message,
    }
}

fn hex(data: &[u8]) -> String {
    data.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Binary is not decoded further: its beginning tells what it is.
const SHOWN_BINARY: usize = 1 << 10;
