//! The OPEN packet that answers a handshake (Engine.IO protocol, "Handshake").

use std::time::Duration;

use serde::Deserialize;

/// What a server tells of a session it has just opened.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Open {
    pub(crate) sid: String,
    #[serde(default)]
    ping_interval: u64,
    #[serde(default)]
    ping_timeout: u64,
}

impl Open {
    /// Finds it in the body of a polling answer. It comes first: bare, or with its length before it
    /// in the framing of Engine.IO 3.
    pub(crate) fn find(body: &[u8]) -> Option<Self> {
        let brace = body.iter().take(FARTHEST).position(|byte| *byte == b'{')?;
        let (before, rest) = body.split_at_checked(brace)?;
        if before.last() != Some(&b'0') {
            return None;
        }
        // Other packets may follow.
        serde_json::Deserializer::from_slice(rest).into_iter().next()?.ok()
    }

    /// How long the server keeps a session that says nothing.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout)).min(LONGEST)
    }
}

/// `0{` with a length of some digits before it.
const FARTHEST: usize = 16;
/// No server waits longer, whatever it says.
const LONGEST: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &[u8]) -> Option<(String, Duration)> {
        Open::find(body).map(|open| (open.sid.clone(), open.patience()))
    }

    #[test]
    fn the_id_is_taken_as_the_server_wrote_it() {
        let body = br#"0{"sid":"f47ac10b-58cc/4372=","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#;
        let expected = ("f47ac10b-58cc/4372=".to_owned(), Duration::from_secs(45));
        assert_eq!(found(body), Some(expected));
    }

    #[test]
    fn packets_that_follow_do_not_hide_it() {
        assert_eq!(found(b"0{\"sid\":\"a\"}\x1e40\x1e2"), Some(("a".into(), Duration::ZERO)));
    }

    #[test]
    fn the_older_framing_is_understood() {
        assert_eq!(found(br#"11:0{"sid":"a"}2:40"#), Some(("a".into(), Duration::ZERO)));
        assert_eq!(found(b"\x00\x01\x01\xff0{\"sid\":\"a\"}"), Some(("a".into(), Duration::ZERO)));
    }

    #[test]
    fn anything_else_is_no_session() {
        for body in [
            &b""[..],
            b"0",
            b"0{",
            b"4{\"sid\":\"a\"}",
            b"0{\"sid\":1}",
            b"<html>",
            b"{\"code\":1}",
        ] {
            assert_eq!(found(body), None, "{body:?}");
        }
    }
}
