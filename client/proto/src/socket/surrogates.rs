//! Halves of surrogate pairs in JSON, which JavaScript's strings may hold and UTF-8 cannot.

/// The text with an escape of U+FFFD in place of each escaped half of a pair that stands alone, as
/// a `TextEncoder` would replace it. `None` if there is none.
pub(super) fn replaced(json: &str) -> Option<String> {
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        at += match (unit(json, at), unit(json, at + ESCAPE)) {
            (Some(HIGH_FIRST..=HIGH_LAST), Some(LOW_FIRST..=LOW_LAST)) => 2 * ESCAPE,
            (Some(HIGH_FIRST..=LOW_LAST), _) => {
                lone.push(at);
                ESCAPE
            }
            // Another escape, a backslash's own among them.
            _ => json.get(at..).map_or(1, |rest| rest.chars().take(2).map(char::len_utf8).sum()),
        };
    }
    if lone.is_empty() {
        return None;
    }
    let mut text = json.to_owned();
    for at in lone {
        text.replace_range(at..at + ESCAPE, REPLACEMENT);
    }
    Some(text)
}

/// The UTF-16 code unit of the escape that begins there, if it is one of `\u` and four digits.
fn unit(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| all_digits)
}

/// Bytes of `\ud800`.
const ESCAPE: usize = 6;
const REPLACEMENT: &str = "\\ufffd";
const HIGH_FIRST: u16 = 0xd800;
const HIGH_LAST: u16 = 0xdbff;
const LOW_FIRST: u16 = 0xdc00;
const LOW_LAST: u16 = 0xdfff;
