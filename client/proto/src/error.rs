use std::fmt;

/// What was wrong with a peer's bytes, or with data that should have become bytes.
///
/// Every variant carries the offending input, cut short, so that the message alone tells what came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An Engine.IO packet whose first character is none of the seven packet types.
    #[error("unknown Engine.IO packet type: expected a digit from 0 to 6, got {0}")]
    UnknownEnginePacket(Excerpt),

    /// The data after an Engine.IO packet type that carries none (`1`, `5`, `6`).
    #[error("expected nothing after the type of an Engine.IO {packet} packet, got {data}")]
    UnexpectedData {
        /// Name of the packet type.
        packet: &'static str,
        /// What followed the type.
        data: Excerpt,
    },

    /// The open packet is not the JSON object the handshake requires.
    #[error("invalid Engine.IO handshake ({reason}): {data}")]
    InvalidHandshake {
        /// What the JSON parser or the check said.
        reason: String,
        /// The packet's data.
        data: Excerpt,
    },

    /// A polling body, or a text packet in it, is not UTF-8.
    #[error("expected a polling payload in UTF-8, got {0}")]
    NotUtf8(Excerpt),

    /// A `b…` packet of a polling body is not base64; in protocol v3 it begins with `b4`.
    #[error("expected padded base64 after `b`, got {0}")]
    NotBase64(Excerpt),

    /// A polling body of protocol v3 with a length that is no number, or not that of the packet.
    #[error("expected `<length>:<packet>`, as in `6:4hello`, got {0}")]
    InvalidLength(Excerpt),

    /// A binary frame of protocol v3 that does not begin with the type of a message.
    #[error("expected the packet type 4 as the first byte of a binary frame, got {0}")]
    UntypedBinary(Excerpt),

    /// A Socket.IO packet whose first character is none of the seven packet types.
    #[error("unknown Socket.IO packet type: expected a digit from 0 to 6, got {0}")]
    UnknownPacket(Excerpt),

    /// A binary packet without a valid `<count>-` after its type.
    #[error(
        "expected the number of attachments and `-` after a binary packet's type, as in `51-[…]`, got {0}"
    )]
    InvalidAttachmentCount(Excerpt),

    /// An ack id that does not fit into 64 bits, or is missing where one is required.
    #[error("expected an ack id from 0 to 2^64-1, got {0}")]
    InvalidAckId(Excerpt),

    /// The JSON after the packet header does not parse, or has the wrong shape for the packet type.
    #[error("invalid {packet} payload: expected {expected}, got {data}")]
    InvalidPayload {
        /// Name of the packet type.
        packet: &'static str,
        /// The shape the packet type asks for, with the parser's message where it failed.
        expected: String,
        /// What came.
        data: Excerpt,
    },

    /// A placeholder names an attachment the packet does not have.
    #[error(
        "a placeholder's num is {number}, but the packet has {count} attachments, numbered from 0"
    )]
    IllegalAttachment {
        /// The placeholder's `num`, as it came.
        number: String,
        /// How many attachments the packet announced.
        count: usize,
    },

    /// A text packet came while binary attachments were still owed.
    #[error("expected binary attachment {next} of {count}, got a text packet: {data}")]
    AttachmentsMissing {
        /// Number of the attachment that should have come, from 1.
        next: usize,
        /// How many attachments the packet announced.
        count: usize,
        /// The text that came instead.
        data: Excerpt,
    },

    /// Binary data came although no packet announced it.
    #[error("expected a text packet, got {0} bytes of binary that no packet announced")]
    UnexpectedBinary(usize),

    /// A text message came to a parser whose packets are all binary.
    #[error("expected a packet in MessagePack, which is binary, got text: {0}")]
    UnexpectedText(Excerpt),

    /// A binary message is not `MessagePack`, or not a packet of the `MessagePack` parser.
    #[error("invalid MessagePack at byte {offset} ({reason}): {data}")]
    NotMessagePack {
        /// What is wrong.
        reason: &'static str,
        /// Where, counted from 0.
        offset: usize,
        /// The message.
        data: Excerpt,
    },

    /// Input passed one of the [`Limits`](crate::Limits).
    #[error("{what} of {actual} exceeds the limit of {limit}")]
    LimitExceeded {
        /// Which limit.
        what: &'static str,
        /// The value found, or the smallest one it must have had.
        actual: usize,
        /// The limit in force.
        limit: usize,
    },

    /// A packet that this side must never receive, or not in this state.
    #[error("unexpected {packet} packet: {reason}")]
    UnexpectedPacket {
        /// Name of the packet type.
        packet: &'static str,
        /// Why it may not come here.
        reason: &'static str,
    },

    /// An event name that Socket.IO keeps for itself.
    #[error("\"{0}\" is a reserved event name: Socket.IO keeps it for itself")]
    ReservedEventName(String),

    /// Arguments that serde could not turn into JSON.
    #[error("arguments cannot be serialised as JSON: {0}")]
    NotSerialisable(String),

    /// A send to a namespace that is not connected.
    #[error("not connected to namespace \"{0}\"")]
    NotConnected(String),
}

/// Input that was rejected, cut to what fits a line of a test's output.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt {
    text: String,
    total: usize,
}

impl Excerpt {
    /// Keeps the first characters of `text`.
    pub fn of_text(text: &str) -> Self {
        Self { text: text.chars().take(EXCERPT_CHARS).collect(), total: text.len() }
    }

    /// Keeps the first bytes of `data`, with everything that is not UTF-8 replaced.
    pub fn of_bytes(data: &[u8]) -> Self {
        let head = data.get(..EXCERPT_CHARS * 4).unwrap_or(data);
        let text = String::from_utf8_lossy(head).chars().take(EXCERPT_CHARS).collect();
        Self { text, total: data.len() }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return f.write_str("nothing");
        }
        write!(f, "{:?}", self.text)?;
        if self.text.len() < self.total {
            write!(f, "… ({} bytes)", self.total)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const EXCERPT_CHARS: usize = 120;
