use std::fmt;

/// What became of a client; see [`RegisteredClient::fate`](super::RegisteredClient::fate).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It lives, and nobody has asked for its end.
    Open,
    /// It was closed.
    Closed,
    /// It was dropped, which closes it in the background.
    Dropped,
    /// The server or the network ended it, and the test was told so.
    Ended,
}

/// What a client has not dealt with, as far as it knows; see
/// [`RegisteredClient::leftovers`](super::RegisteredClient::leftovers).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftovers {
    /// Events that came and that nobody has read, by name, with their number.
    pub unread: Vec<(String, usize)>,
    /// Events of the server that asked for an ack and got none, by name, with their number.
    pub unacked: Vec<(String, usize)>,
    /// Events sent with an ack that had not come when the test stopped waiting for it, by name.
    pub unanswered: Vec<String>,
}

impl Leftovers {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.unacked.is_empty() && self.unanswered.is_empty()
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Dropped => "dropped",
            Self::Ended => "ended",
        })
    }
}
