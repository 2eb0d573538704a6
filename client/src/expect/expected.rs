use assert_json_diff::{CompareMode, Config, assert_json_matches_no_panic};
use serde::Serialize;
use serde_json::{Map, Value};
use socketio_proto::Args;

use super::difference::{self, Difference};
use super::matcher::{KEY, LITERAL, Matcher, binary_text};
use super::matchers;

/// The arguments an event should have.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    nodes: Vec<Node>,
    extent: Extent,
}

/// How much of the arguments must be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Nothing but what is expected.
    Whole,
    /// Further arguments, elements and fields may be there.
    Part,
}

/// Expected JSON, its matchers read.
#[derive(Debug, Clone)]
enum Node {
    Matcher(Matcher),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    Scalar(Value),
}

impl Expected {
    /// Takes a list of arguments: a tuple or an array has one element an argument, `()` none,
    /// anything else is the only argument.
    pub(crate) fn new(args: impl Serialize, extent: Extent) -> Result<Self, String> {
        // serde tells `()` from `null` by its size alone.
        let nothing = size_of_val(&args) == 0;
        let args = Args::new((args,)).map_err(|error| error.to_string())?;
        let list = match args.values() {
            [Value::Array(list)] => list.clone(),
            [Value::Null] if nothing => Vec::new(),
            values => values.to_vec(),
        };
        let nodes = list.iter().map(|value| Node::parse(value, &args)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, extent })
    }

    /// One value instead of a list.
    pub(crate) fn value(value: &Value) -> Result<Self, String> {
        let nodes = vec![Node::parse(value, &Args::default())?];
        Ok(Self { nodes, extent: Extent::Whole })
    }

    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    pub(crate) fn matches(&self, args: &Args) -> bool {
        self.matches_list(args.values(), args)
    }

    /// Whether these would have been the arguments, had they been sent in another way.
    pub(crate) fn matches_list(&self, values: &[Value], args: &Args) -> bool {
        all_match(&self.nodes, values, args, self.extent)
    }

    /// Where the arguments differ, in the order of their paths. Empty if they match.
    pub(crate) fn differences(&self, args: &Args) -> Vec<Difference> {
        let mut actual = readable(args);
        let expected: Vec<Value> = (self.nodes.iter().enumerate())
            .map(|(index, node)| {
                node.resolve(args.values().get(index), actual.get_mut(index), args)
            })
            .collect();
        let (expected, actual) = (Value::from(expected), Value::from(actual));
        let text = match self.extent {
            Extent::Whole => {
                let config = Config::new(CompareMode::Strict);
                assert_json_matches_no_panic(&expected, &actual, config)
            }
            Extent::Part => {
                let config = Config::new(CompareMode::Inclusive);
                assert_json_matches_no_panic(&actual, &expected, config)
            }
        };
        text.map_or_else(|text| difference::read(&text, &expected, &actual), |()| Vec::new())
    }

    /// The arguments as JSON, matchers as a few words.
    pub(crate) fn to_json(&self) -> Value {
        self.nodes.iter().map(|node| node.resolve(None, None, &Args::default())).collect()
    }
}

impl Node {
    fn parse(value: &Value, args: &Args) -> Result<Self, String> {
        if let Some(data) = attachment(value, args) {
            let matcher = matchers::binary(data);
            return Self::parse(&matcher, &Args::default());
        }
        match value {
            Value::Object(object) => match object.get(KEY) {
                None => Self::object(object, args),
                Some(Value::String(name)) if name == LITERAL => match object.get("value") {
                    Some(value) if object.len() == 2 => Ok(Self::literal(value)),
                    _ => Err(format!(r#"{{"{KEY}": "{LITERAL}"}} needs "value", and only that"#)),
                },
                Some(Value::String(name)) => Matcher::parse(name, object).map(Self::Matcher),
                Some(other) => Err(format!("\"{KEY}\" must name a matcher, not {other}")),
            },
            Value::Array(list) => list
                .iter()
                .map(|value| Self::parse(value, args))
                .collect::<Result<_, _>>()
                .map(Self::Array),
            scalar => Ok(Self::Scalar(scalar.clone())),
        }
    }

    fn object(object: &Map<String, Value>, args: &Args) -> Result<Self, String> {
        let field = |(key, value): (&String, &Value)| {
            Self::parse(value, args).map(|node| (key.clone(), node))
        };
        object.iter().map(field).collect::<Result<_, _>>().map(Self::Object)
    }

    fn literal(value: &Value) -> Self {
        match value {
            Value::Array(list) => Self::Array(list.iter().map(Self::literal).collect()),
            Value::Object(object) => {
                let field = |(key, value): (&String, &Value)| (key.clone(), Self::literal(value));
                Self::Object(object.iter().map(field).collect())
            }
            scalar => Self::Scalar(scalar.clone()),
        }
    }

    fn matches(&self, actual: &Value, args: &Args, extent: Extent) -> bool {
        let binary = attachment(actual, args);
        match (self, actual) {
            (Self::Matcher(matcher), actual) => matcher.matches(actual, binary),
            _ if binary.is_some() => false,
            (Self::Array(nodes), Value::Array(values)) => all_match(nodes, values, args, extent),
            (Self::Object(fields), Value::Object(object)) => {
                (extent == Extent::Part || fields.len() == object.len())
                    && fields.iter().all(|(key, node)| {
                        object.get(key).is_some_and(|value| node.matches(value, args, extent))
                    })
            }
            (Self::Scalar(expected), actual) => equal(expected, actual),
            _ => false,
        }
    }

    /// The expected value with what matches replaced by what came, so that a comparison of plain
    /// JSON finds the differences only. `shown` is `actual` as the comparison will see it.
    fn resolve(&self, actual: Option<&Value>, mut shown: Option<&mut Value>, args: &Args) -> Value {
        match self {
            Self::Matcher(matcher) => match (actual, shown) {
                (Some(actual), Some(shown)) => {
                    matcher.resolve(attachment(actual, args), actual, shown)
                }
                _ => matcher.describe().into(),
            },
            Self::Scalar(expected) => match actual {
                Some(actual) if equal(expected, actual) => actual.clone(),
                _ => expected.clone(),
            },
            Self::Array(nodes) => (nodes.iter().enumerate())
                .map(|(index, node)| {
                    let actual = actual.and_then(|value| value.get(index));
                    let shown = shown.as_deref_mut().and_then(|value| value.get_mut(index));
                    node.resolve(actual, shown, args)
                })
                .collect(),
            Self::Object(fields) => (fields.iter())
                .map(|(key, node)| {
                    let actual = actual.and_then(|value| value.get(key));
                    let shown = shown.as_deref_mut().and_then(|value| value.get_mut(key));
                    (key.clone(), node.resolve(actual, shown, args))
                })
                .collect::<Map<_, _>>()
                .into(),
        }
    }
}

fn all_match(nodes: &[Node], values: &[Value], args: &Args, extent: Extent) -> bool {
    let lengths_fit = match extent {
        Extent::Whole => nodes.len() == values.len(),
        Extent::Part => nodes.len() <= values.len(),
    };
    lengths_fit && nodes.iter().zip(values).all(|(node, value)| node.matches(value, args, extent))
}

/// Servers differ in whether a whole number is written `6` or `6.0`: both are the same number.
fn equal(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() != b.is_f64() => {
            a.as_f64() == b.as_f64()
        }
        _ => expected == actual,
    }
}

/// The arguments with binary written out, for people.
pub(crate) fn readable(args: &Args) -> Vec<Value> {
    if args.attachments().is_empty() {
        return args.values().to_vec();
    }
    args.values().iter().map(|value| write_out(value, args)).collect()
}

fn write_out(value: &Value, args: &Args) -> Value {
    if let Some(data) = attachment(value, args) {
        return binary_text(data).into();
    }
    match value {
        Value::Array(list) => list.iter().map(|value| write_out(value, args)).collect(),
        Value::Object(object) => {
            let field = |(key, value): (&String, &Value)| (key.clone(), write_out(value, args));
            Value::Object(object.iter().map(field).collect())
        }
        scalar => scalar.clone(),
    }
}

/// What stands behind a placeholder.
fn attachment<'a>(value: &Value, args: &'a Args) -> Option<&'a [u8]> {
    if args.attachments().is_empty() || value.get("_placeholder") != Some(&Value::Bool(true)) {
        return None;
    }
    let number = usize::try_from(value.get("num")?.as_u64()?).ok()?;
    args.attachments().get(number).map(AsRef::as_ref)
}
