use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use serde::Serialize;
use socketio_proto::Args;

use super::expected::{Expected, Extent};
use super::source::Observed;
use crate::event::Event;
use crate::{Error, Result};

/// A description of events: a name, and what else must hold.
///
/// Made by [`event`]; a plain name converts into one that asks nothing more. What arguments may
/// hold in place of a value, see [`matchers`](crate::matchers).
#[must_use = "a pattern is for an expectation"]
pub struct EventPattern<E = Event> {
    name: String,
    args: Option<Expected>,
    conditions: Vec<Condition<E>>,
    problem: Option<String>,
}

struct Condition<E> {
    holds: Arc<dyn Fn(&E) -> bool + Send + Sync>,
    written_at: &'static Location<'static>,
}

/// Events of this name, for expectations about several.
///
/// ```
/// use serde_json::json;
/// use socketio_mock_client::{EventPattern, event};
///
/// let pattern: EventPattern = event("myEventResult").args_include(json!([{"result": 6}]));
/// assert_eq!(
///     pattern.to_string(),
///     r#"event "myEventResult" with arguments that include [{"result":6}]"#
/// );
/// ```
pub fn event<E>(name: impl Into<String>) -> EventPattern<E> {
    EventPattern { name: name.into(), args: None, conditions: Vec::new(), problem: None }
}

impl<E> EventPattern<E> {
    /// With exactly these arguments: a tuple or an array has one element an argument, `()` none,
    /// anything else is the only argument. Whole numbers are equal whether written `6` or `6.0`.
    pub fn args(self, args: impl Serialize) -> Self {
        self.with(Expected::new(args, Extent::Whole))
    }

    /// With arguments that include these: further arguments, elements at the end of an array, and
    /// fields may be there.
    pub fn args_include(self, args: impl Serialize) -> Self {
        self.with(Expected::new(args, Extent::Part))
    }

    /// For which `condition` holds.
    #[track_caller]
    pub fn matching(mut self, condition: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        let written_at = Location::caller();
        self.conditions.push(Condition { holds: Arc::new(condition), written_at });
        self
    }

    fn with(mut self, expected: Result<Expected, String>) -> Self {
        match expected {
            Ok(expected) => self.args = Some(expected),
            Err(problem) => self.problem = Some(problem),
        }
        self
    }

    /// The name asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn expected(&self) -> Option<&Expected> {
        self.args.as_ref()
    }

    /// Fails if the expected value is none.
    pub(crate) fn check(&self) -> Result {
        match &self.problem {
            None => Ok(()),
            Some(problem) => Err(Error::InvalidOption {
                what: "arguments expected of event",
                value: self.name.clone(),
                reason: problem.clone(),
            }),
        }
    }

    pub(crate) fn fits_args(&self, args: &Args) -> bool {
        self.args.as_ref().is_none_or(|expected| expected.matches(args))
    }
}

impl<E: Observed> EventPattern<E> {
    pub(crate) fn fits(&self, event: &E) -> bool {
        event.name() == self.name
            && self.fits_args(event.raw_args())
            && self.conditions.iter().all(|condition| (condition.holds)(event))
    }

    /// The conditions that do not hold, by where they are written.
    pub(crate) fn failing_conditions(&self, event: &E) -> Vec<String> {
        let failing = self.conditions.iter().filter(|condition| !(condition.holds)(event));
        failing.map(|condition| format!("the condition at {}", condition.written_at)).collect()
    }
}

impl<E> Clone for EventPattern<E> {
    fn clone(&self) -> Self {
        let condition = |condition: &Condition<E>| Condition {
            holds: Arc::clone(&condition.holds),
            written_at: condition.written_at,
        };
        Self {
            name: self.name.clone(),
            args: self.args.clone(),
            conditions: self.conditions.iter().map(condition).collect(),
            problem: self.problem.clone(),
        }
    }
}

impl<E, S: Into<String>> From<S> for EventPattern<E> {
    fn from(name: S) -> Self {
        event(name)
    }
}

impl<E> fmt::Display for EventPattern<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event \"{}\"", self.name)?;
        if let Some(expected) = &self.args {
            let json = expected.to_json();
            match expected.extent() {
                Extent::Part => write!(f, " with arguments that include {json}")?,
                Extent::Whole if json.as_array().is_some_and(Vec::is_empty) => {
                    f.write_str(" without arguments")?;
                }
                Extent::Whole => write!(f, " with arguments {json}")?,
            }
        }
        for condition in &self.conditions {
            write!(f, ", for which the condition at {} holds", condition.written_at)?;
        }
        Ok(())
    }
}

impl<E> fmt::Debug for EventPattern<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
