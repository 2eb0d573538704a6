//! What assert-json-diff found, in the order of the paths and with the values beside each other.

use serde_json::Value;

/// A place where the arguments that came are not the expected ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: `[0].user.name` is the field `name` of the object in the field `user` of the first
    /// argument.
    pub path: String,
    /// What was expected there, as JSON; `None` if nothing was.
    pub expected: Option<String>,
    /// What came there, as JSON; `None` if nothing did.
    pub actual: Option<String>,
}

/// Reads the library's report: blocks with a path in quotes each, in no order.
pub(super) fn read(text: &str, expected: &Value, actual: &Value) -> Vec<Difference> {
    let mut paths: Vec<&str> = text.split("\n\n").filter_map(path).collect();
    paths.sort_unstable_by(|a, b| natural(a).cmp(&natural(b)));
    let shown = |value: &Value, path: &str| at(value, path).map(ToString::to_string);
    let difference = |path: &str| Difference {
        path: path.to_owned(),
        expected: shown(expected, path),
        actual: shown(actual, path),
    };
    paths.into_iter().map(difference).collect()
}

fn path(block: &str) -> Option<&str> {
    let header = block.lines().next()?;
    let (_, rest) = header.split_once("at path \"")?;
    let (path, _) = rest.rsplit_once('"')?;
    Some(path)
}

/// Numbers sort by value: `[2]` before `[10]`.
fn natural(path: &str) -> Vec<(usize, &str)> {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_or((usize::MAX, part), |number| (number, ""))).collect()
}

/// Follows a path. A key may hold dots and brackets: the longest that is there is taken.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() || path == "(root)" {
        return Some(value);
    }
    match value {
        Value::Array(list) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            at(list.get(index.parse::<usize>().ok()?)?, rest)
        }
        Value::Object(object) => {
            let path = path.strip_prefix('.')?;
            object.iter().rev().find_map(|(key, value)| at(value, path.strip_prefix(key.as_str())?))
        }
        _ => None,
    }
}
