use std::time::Duration;

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::Failure;

/// The open packet of a session: Engine.IO protocol v4, "Handshake".
///
/// Only the session id has to be there for a session to be used; each value is judged by the
/// case that asks for it.
#[derive(Debug, Clone)]
pub struct Open {
    sid: String,
    fields: Map<String, Value>,
}

impl Open {
    /// Reads `0{"sid":…}`.
    pub fn parse(packet: &str) -> Result<Self, Failure> {
        let fields = packet
            .strip_prefix('0')
            .and_then(|json| serde_json::from_str::<Map<String, Value>>(json).ok());
        let sid = fields
            .as_ref()
            .and_then(|fields| fields.get("sid"))
            .and_then(Value::as_str)
            .filter(|sid| !sid.is_empty())
            .map(str::to_owned);
        match (fields, sid) {
            (Some(fields), Some(sid)) => Ok(Self { sid, fields }),
            _ => Err(Failure::departure(r#"an open packet, 0{"sid":"…",…}"#, super::cut(packet))),
        }
    }

    /// The session id.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The parameter of a query that names the session, whatever characters its id is made of.
    pub(crate) fn sid_parameter(&self) -> String {
        let sid: String = form_urlencoded::byte_serialize(self.sid.as_bytes()).collect();
        format!("sid={sid}")
    }

    /// `pingInterval`, in milliseconds on the wire; zero and what is not a number are failures.
    pub fn ping_interval(&self) -> Result<Duration, Failure> {
        self.milliseconds("pingInterval")
    }

    /// `pingTimeout`, likewise.
    pub fn ping_timeout(&self) -> Result<Duration, Failure> {
        self.milliseconds("pingTimeout")
    }

    /// Fails unless the packet has the five keys of the specification, with values of their
    /// types and exactly these `upgrades`, and no other key.
    pub fn expect_complete(&self, upgrades: &[&str]) -> Result<(), Failure> {
        let known = ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"];
        if let Some(unknown) = self.fields.keys().find(|key| !known.contains(&key.as_str())) {
            let expected = format!("an open packet with the keys {}", known.join(", "));
            return Err(Failure::departure(expected, format!("the key {unknown}")));
        }
        if self.fields.get("upgrades") != Some(&json!(upgrades)) {
            return Err(self.wrong("upgrades", json!(upgrades)));
        }
        self.ping_interval()?;
        self.ping_timeout()?;
        self.positive("maxPayload", "bytes")?;
        Ok(())
    }

    fn milliseconds(&self, key: &str) -> Result<Duration, Failure> {
        self.positive(key, "milliseconds").map(Duration::from_millis)
    }

    fn positive(&self, key: &str, unit: &str) -> Result<u64, Failure> {
        let value = self.fields.get(key);
        // 300.0 is the same number in JSON.
        let whole = value.and_then(|value| match value.as_u64() {
            Some(whole) => Some(whole),
            None => value.to_string().strip_suffix(".0")?.parse().ok(),
        });
        whole
            .filter(|value| *value > 0)
            .ok_or_else(|| self.wrong(key, format!("a positive number of {unit}")))
    }

    fn wrong(&self, key: &str, expected: impl std::fmt::Display) -> Failure {
        let came = match self.fields.get(key) {
            Some(value) => format!("{key} is {value}"),
            None => format!("no {key}"),
        };
        let expected = format!("{key} in the open packet to be {expected}");
        Failure::departure(expected, super::cut(&came))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str =
        r#"0{"sid":"a","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}"#;

    #[test]
    fn intervals_are_milliseconds() {
        let open = Open::parse(COMPLETE).unwrap();
        assert_eq!(open.ping_interval().unwrap(), Duration::from_millis(300));
        assert_eq!(open.ping_timeout().unwrap(), Duration::from_millis(200));
        open.expect_complete(&[]).unwrap();
    }

    #[test]
    fn a_whole_number_may_be_spelled_as_a_fraction() {
        let open = Open::parse(&COMPLETE.replace("300", "300.0")).unwrap();
        assert_eq!(open.ping_interval().unwrap(), Duration::from_millis(300));
    }

    #[test]
    fn each_departure_is_named() {
        let came = |from: &str, to: &str| {
            let open = Open::parse(&COMPLETE.replace(from, to)).unwrap();
            open.expect_complete(&[]).unwrap_err().came
        };
        assert_eq!(came("300", "0"), "pingInterval is 0");
        assert_eq!(came("300", "0.3"), "pingInterval is 0.3");
        assert_eq!(came("300", "-1.0"), "pingInterval is -1.0");
        assert_eq!(came("200", "null"), "pingTimeout is null");
        assert_eq!(came("maxPayload", "max"), "the key max");
        assert_eq!(came("[]", r#"["websocket"]"#), r#"upgrades is ["websocket"]"#);
    }

    #[test]
    fn what_is_no_open_packet_is_shown() {
        for packet in ["", "1", "0", "0[]", r#"0{"sid":""}"#, "<html>"] {
            assert_eq!(Open::parse(packet).unwrap_err().came, packet);
        }
    }
}
