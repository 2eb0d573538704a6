//! Texts as short as a reader of a failure needs them, unless the environment asks for all of them.

use std::sync::OnceLock;

use serde_json::Value;

use crate::packets::{Content, PacketEntry};

/// Cut between characters, with the length of the whole.
pub(super) fn shortened(text: &str) -> String {
    cut(text, SHOWN_CHARACTERS)
}

/// What was expected, which may be a list of lines.
pub(super) fn shortened_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| cut(line, SHOWN_OF_EXPECTED)).collect();
    lines.join("\n")
}

/// A packet in a line. What a server says of itself in its first packet is left out.
pub(crate) fn line(packet: &PacketEntry) -> String {
    let content = match &packet.content {
        _ if is_full() => return packet.to_string(),
        Content::Engine { name: "open", data } => {
            let open: Value = serde_json::from_str(data).unwrap_or_default();
            let Some(sid) = open.get("sid") else { return shortened(&packet.to_string()) };
            Content::Engine { name: "open", data: format!("{{\"sid\":{sid},…}}") }
        }
        // Says by itself how long the whole is.
        Content::Cut { text, bytes } => {
            let text = text.chars().take(SHOWN_OF_CUT).collect();
            return PacketEntry { content: Content::Cut { text, bytes: *bytes }, ..packet.clone() }
                .to_string();
        }
        _ => return shortened(&packet.to_string()),
    };
    PacketEntry { content, ..packet.clone() }.to_string()
}

/// Two values where they differ: long ones that begin alike from shortly before that place.
pub(super) fn apart(expected: &str, actual: &str) -> (String, String) {
    let longest = expected.chars().count().max(actual.chars().count());
    let alike = expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b).count();
    if is_full() || longest <= SHOWN_CHARACTERS || alike <= SHOWN_CHARACTERS / 2 {
        return (shortened(expected), shortened(actual));
    }
    let begin = alike - KEPT_BEFORE;
    let rest = |text: &str| {
        let rest: String = text.chars().skip(begin).collect();
        format!("…{} (from character {})", shortened(&rest), begin + 1)
    };
    (rest(expected), rest(actual))
}

/// A sentence, indented as the rest of a failure, its further lines below its first.
pub(crate) fn wrapped(sentence: &str) -> String {
    let options = textwrap::Options::new(WIDTH - HINT.len())
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(sentence, options).join(&format!("\n{:1$}", "", HINT.len()))
}

fn cut(text: &str, shown: usize) -> String {
    if is_full() || text.chars().count() <= shown {
        return text.to_owned();
    }
    let cut: String = text.chars().take(shown).collect();
    format!("{cut}… ({} bytes)", text.len())
}

/// Whether the environment asks for the whole of every conversation.
pub(crate) fn is_full() -> bool {
    static FULL: OnceLock<bool> = OnceLock::new();
    *FULL.get_or_init(|| std::env::var_os(VARIABLE).is_some_and(|value| value == "full"))
}

const VARIABLE: &str = "SOCKETIO_TEST_TRANSCRIPT";
const SHOWN_CHARACTERS: usize = 160;
/// Without the time before it.
const SHOWN_OF_CUT: usize = 140;
const SHOWN_OF_EXPECTED: usize = 200;
const KEPT_BEFORE: usize = 24;
const WIDTH: usize = 100;
/// What stands before a hint.
const HINT: &str = "  hint: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shown_where_they_differ() {
        let text = |tail: &str| format!("\"{}{tail}\"", "x".repeat(400));
        let (expected, actual) = apart(&text("yes"), &text("no"));
        assert_eq!(expected, format!("…{}yes\" (from character 378)", "x".repeat(24)));
        assert_eq!(actual, format!("…{}no\" (from character 378)", "x".repeat(24)));
        // One that differs at once, and one that just ends.
        let (expected, actual) = apart("null", &text(""));
        assert_eq!(expected, "null");
        assert_eq!(actual, format!("\"{}… (402 bytes)", "x".repeat(159)));
        let (expected, _) = apart(&text(""), &format!("\"{}", "x".repeat(300)));
        assert_eq!(expected, format!("…{}\" (from character 278)", "x".repeat(124)));
    }

    #[test]
    fn sentences_are_wrapped_between_words() {
        let sentence = format!("{}{}", "word ".repeat(30), "a".repeat(150));
        let lines: Vec<_> = sentence.split_whitespace().collect();
        let wrapped = wrapped(&sentence);
        assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), lines);
        assert!(wrapped.lines().skip(1).all(|line| line.starts_with("        ")), "{wrapped}");
        assert!(wrapped.lines().take(2).all(|line| line.chars().count() <= 100), "{wrapped}");
    }
}
