//! Comparing frames: the prefix literally, the JSON as JSON.

use serde_json::Value;

/// Whether `came` is the frame `expected`: the same prefix, and JSON of the same meaning
/// whatever its whitespace, the order of its keys and the spelling of its numbers.
pub(crate) fn same(expected: &str, came: &str) -> bool {
    if expected == came {
        return true;
    }
    let (expected_prefix, expected_json) = split(expected);
    let (prefix, json) = split(came);
    match (parse(expected_json), parse(json)) {
        (Some(expected), Some(came)) => prefix == expected_prefix && same_json(&expected, &came),
        _ => false,
    }
}

/// The packet type, attachment count, namespace and ack id, and the JSON after them.
pub(crate) fn split(frame: &str) -> (&str, &str) {
    frame.split_at(frame.find(['[', '{', '"']).unwrap_or(frame.len()))
}

/// The JSON of `frame` if everything before it is `prefix`.
pub(crate) fn json_after(prefix: &str, frame: &str) -> Option<Value> {
    let (came, json) = split(frame);
    (came == prefix).then(|| parse(json)).flatten()
}

/// `value` with every placeholder replaced by a text that shows the attachment it points to;
/// placeholders that point nowhere stay.
pub(crate) fn fill(value: Value, attachments: &[impl AsRef<[u8]>]) -> Value {
    match value {
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| fill(item, attachments)).collect())
        }
        Value::Object(object) => {
            let attachment = (object.get("_placeholder") == Some(&Value::Bool(true)))
                .then(|| object.get("num")?.as_u64())
                .flatten()
                .and_then(|num| attachments.get(usize::try_from(num).ok()?));
            match attachment {
                Some(bytes) => Value::String(format!("binary {:?}", bytes.as_ref())),
                None => {
                    object.into_iter().map(|(key, item)| (key, fill(item, attachments))).collect()
                }
            }
        }
        other => other,
    }
}

pub(crate) fn same_json(expected: &Value, came: &Value) -> bool {
    match (expected, came) {
        (Value::Array(expected), Value::Array(came)) => {
            expected.len() == came.len()
                && expected.iter().zip(came).all(|(expected, came)| same_json(expected, came))
        }
        (Value::Object(expected), Value::Object(came)) => {
            expected.len() == came.len()
                && expected.iter().all(|(key, expected)| {
                    came.get(key).is_some_and(|came| same_json(expected, came))
                })
        }
        // JSON has one kind of number: 1 and 1.0 mean the same.
        (Value::Number(expected), Value::Number(came)) => expected.as_f64() == came.as_f64(),
        _ => expected == came,
    }
}

fn parse(json: &str) -> Option<Value> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn spelling_of_the_json_is_free() {
        assert!(same(r#"42["m",1,{"a":1,"b":[]}]"#, r#"42[ "m", 1.0, {"b":[],"a":1} ]"#));
        assert!(same("3probe", "3probe"));
    }

    #[test]
    fn the_prefix_is_literal() {
        let expected = "43456[1]";
        for came in ["43457[1]", "430456[1]", "43/custom,456[1]", "42456[1]", "43456", "43456[1]z"]
        {
            assert!(!same(expected, came), "{came}");
        }
    }

    #[test]
    fn order_of_arguments_counts() {
        assert!(!same(r#"42["m",1,2]"#, r#"42["m",2,1]"#));
        assert!(!same(r#"42["m",1]"#, r#"42["m",1,null]"#));
    }

    #[test]
    fn placeholders_point_by_number() {
        let swapped = json!([{"_placeholder": true, "num": 1}, {"_placeholder": true, "num": 0}]);
        assert_eq!(fill(swapped, &[[1], [2]]), json!(["binary [2]", "binary [1]"]));

        let nowhere = json!({"_placeholder": true, "num": 7});
        assert_eq!(fill(nowhere.clone(), &[[1]]), nowhere);
    }
}
