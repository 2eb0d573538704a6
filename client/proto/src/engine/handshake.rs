use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Excerpt};

/// The data of the open packet (Engine.IO protocol v4, "Handshake").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake {
    /// Session id: the value of `sid` in every later HTTP request. Any non-empty string.
    pub sid: String,
    /// Transports the client may upgrade to.
    #[serde(default)]
    pub upgrades: Vec<String>,
    /// Milliseconds between two pings of the server. `0` has been seen and means nothing useful.
    pub ping_interval: u64,
    /// Milliseconds the client has for its pong.
    pub ping_timeout: u64,
    /// Bytes of the largest polling body the server accepts; servers before Engine.IO 6.1 do not
    /// tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_payload: Option<usize>,
}

impl Handshake {
    /// Reads the open packet's data.
    pub fn parse(data: &str) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidHandshake { reason, data: Excerpt::of_text(data) };
        let handshake: Self =
            serde_json::from_str(data).map_err(|error| invalid(error.to_string()))?;
        if handshake.sid.is_empty() {
            return Err(invalid("the sid is empty".into()));
        }
        Ok(handshake)
    }

    /// How long a client waits for the next ping before it gives the server up
    /// (`pingInterval + pingTimeout`; "Heartbeat").
    pub fn silence_limit(&self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout))
    }

    /// Whether the server offers the upgrade to websocket.
    pub fn offers_websocket(&self) -> bool {
        self.upgrades.iter().any(|name| name == "websocket")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_official_open_packet() {
        let text = r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let handshake = Handshake::parse(text).unwrap();
        assert_eq!(handshake.sid, "lv_VI97HAXpY6yYWAAAC");
        assert!(handshake.offers_websocket());
        assert_eq!(handshake.silence_limit(), Duration::from_secs(45));
        assert_eq!(handshake.max_payload, Some(1_000_000));
        assert_eq!(serde_json::to_string(&handshake).unwrap(), text);
    }

    #[test]
    fn survives_absurd_intervals() {
        let text = r#"{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":1}"#;
        assert_eq!(
            Handshake::parse(text).unwrap().silence_limit(),
            Duration::from_millis(u64::MAX)
        );
    }

    #[test]
    fn says_what_is_missing() {
        let error = Handshake::parse(r#"{"pingInterval":1}"#).unwrap_err().to_string();
        assert!(error.contains("missing field `sid`"), "{error}");
        assert!(Handshake::parse("<html>").is_err());
    }
}
