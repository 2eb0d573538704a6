use std::fmt;

use serde_json::Value;

/// What the beginning of a Socket.IO packet tells, its Engine.IO type included.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    kind: &'static str,
    namespace: &'a str,
    id: &'a str,
    /// The name of an event.
    pub(super) event: Option<String>,
    /// What there is of the arguments, or of the payload.
    rest: &'a str,
}

impl<'a> Head<'a> {
    /// `None` if it is no Socket.IO packet, or cut before its arguments begin.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let packet = text.strip_prefix('4')?;
        let kind = match packet.chars().next()? {
            '0' => "CONNECT",
            '2' | '5' => "EVENT",
            '3' | '6' => "ACK",
            '4' => "CONNECT_ERROR",
            _ => return None,
        };
        let rest = packet.get(1..)?;
        let rest = match (packet.starts_with(['5', '6']), rest.split_once('-')) {
            (true, Some((_, rest))) => rest,
            (true, None) => return None,
            (false, _) => rest,
        };
        let (namespace, rest) =
            if rest.starts_with('/') { rest.split_once(',')? } else { ("/", rest) };
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (id, rest) = rest.split_at_checked(digits)?;
        if kind != "EVENT" {
            return Some(Self { kind, namespace, id, event: None, rest });
        }
        let list = rest.strip_prefix('[')?;
        let mut items = serde_json::Deserializer::from_str(list).into_iter::<String>();
        let event = items.next()?.ok()?;
        let rest = list.get(items.byte_offset()..)?.trim_start_matches(',');
        Some(Self { kind, namespace, id, event: Some(event), rest })
    }
}

impl fmt::Display for Head<'_> {
    /// As a whole packet is written: `EVENT /chat "message" "hello`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)?;
        if self.namespace != "/" {
            write!(f, " {}", self.namespace)?;
        }
        if let Some(event) = &self.event {
            write!(f, " {}", Value::from(event.as_str()))?;
        } else if !self.id.is_empty() {
            write!(f, " {}", self.id)?;
        }
        let rest = if self.kind == "ACK" { self.rest.trim_start_matches('[') } else { self.rest };
        write!(f, " {rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Head::read(text).map(|head| head.to_string())
    }

    #[test]
    fn reads_as_the_whole_would() {
        for (text, expected) in [
            (r#"42["a b",{"c":"ddd"#, r#"EVENT "a b" {"c":"ddd"#),
            (r#"42/chat,7["e",1,[2"#, r#"EVENT /chat "e" 1,[2"#),
            (r#"452-/chat,["e","x"#, r#"EVENT /chat "e" "x"#),
            (r#"4312["yes","#, r#"ACK 12 "yes","#),
            (r#"40/chat,{"sid":"#, r#"CONNECT /chat {"sid":"#),
            (r#"44{"message":"no"#, r#"CONNECT_ERROR {"message":"no"#),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected));
        }
        assert_eq!(Head::read(r#"42/a,["e","#).and_then(|head| head.event).as_deref(), Some("e"));
    }

    #[test]
    fn what_tells_nothing_is_left_as_it_is() {
        for text in
            ["", "2probe", "4", "42", "42[", r#"42["unfinished"#, "45", "42/chat", "42{}", "4é"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
