use crate::Error;

/// Bounds on what a peer may make this side hold in memory.
///
/// Each limit is checked before the memory is spent, and passing one is a
/// [`Error::LimitExceeded`] that ends the connection with a parse error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one packet: a text packet, or one binary attachment. Default 64 MiB.
    pub max_packet: usize,
    /// Bytes of one polling body, packets and separators together. Default 128 MiB.
    pub max_payload: usize,
    /// Packets in one polling body. Default 100,000.
    pub max_payload_packets: usize,
    /// Binary attachments of one packet. Default 1,000; Node's server allows 10.
    pub max_attachments: usize,
    /// Nesting of arrays and objects in one packet's JSON or `MessagePack`. Default 100; never more
    /// than 127, where `serde_json` itself stops.
    pub max_depth: usize,
    /// Packets of one namespace that may come before its CONNECT reply, and frames that may wait
    /// when the peer asks for one more (a pong while an upgrade pauses polling). Default 100,000:
    /// Node sends all events that a recovered connection missed before the CONNECT reply.
    pub max_early_packets: usize,
}

impl Limits {
    pub(crate) fn check_packet(&self, len: usize) -> Result<(), Error> {
        check("packet size in bytes", len, self.max_packet)
    }

    pub(crate) fn check_payload(&self, len: usize) -> Result<(), Error> {
        check("payload size in bytes", len, self.max_payload)
    }

    pub(crate) fn check_payload_packets(&self, count: usize) -> Result<(), Error> {
        check("number of packets in a payload", count, self.max_payload_packets)
    }

    pub(crate) fn check_early(&self, count: usize) -> Result<(), Error> {
        check("number of packets before the CONNECT reply", count, self.max_early_packets)
    }

    pub(crate) fn check_held(&self, count: usize) -> Result<(), Error> {
        check("number of frames held back", count, self.max_early_packets)
    }

    pub(crate) fn check_attachments(&self, count: usize) -> Result<(), Error> {
        check("number of attachments", count, self.max_attachments)
    }

    /// For values that are built while they are read, recursively.
    #[cfg(feature = "msgpack")]
    pub(crate) fn check_nesting(&self, depth: usize) -> Result<(), Error> {
        /// Where `serde_json` stops, so that no choice of limit can exhaust the stack.
        const DEEPEST: usize = 127;
        check("nesting depth", depth, self.max_depth.min(DEEPEST))
    }

    /// Scans JSON text for its nesting without building anything.
    pub(crate) fn check_depth(&self, json: &str) -> Result<(), Error> {
        // Every level takes a bracket.
        if json.len() <= self.max_depth {
            return Ok(());
        }
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for byte in json.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                b'[' | b'{' if !in_string => {
                    depth += 1;
                    check("nesting depth", depth, self.max_depth)?;
                }
                b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_packet: 64 << 20,
            max_payload: 128 << 20,
            max_payload_packets: 100_000,
            max_attachments: 1_000,
            max_depth: 100,
            max_early_packets: 100_000,
        }
    }
}

fn check(what: &'static str, actual: usize, limit: usize) -> Result<(), Error> {
    if actual > limit { Err(Error::LimitExceeded { what, actual, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_nest() {
        let limits = Limits { max_depth: 1, ..Limits::default() };
        assert_eq!(limits.check_depth(r#"["[[[[", "\"[[", "\\"]"#), Ok(()));
    }

    #[test]
    fn depth_is_counted_where_it_is_deepest() {
        let limits = Limits { max_depth: 2, ..Limits::default() };
        assert_eq!(limits.check_depth("[[],[],{}]"), Ok(()));
        let error = limits.check_depth("[[],[{}]]").unwrap_err();
        assert_eq!(error.to_string(), "nesting depth of 3 exceeds the limit of 2");
    }
}
