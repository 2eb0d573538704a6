use std::fmt;

use glob::Pattern;
use thiserror::Error;

use crate::Case;

/// Keeps the cases that one of `patterns` names, in their order.
///
/// A pattern is a glob over the whole id (`sio.*`) if it holds one of `*?[`, and otherwise a part
/// of the id that begins with a word (`upgrade`). No pattern keeps all cases.
pub fn select(cases: Vec<Case>, patterns: &[String]) -> Result<Vec<Case>, SelectError> {
    let matchers = patterns
        .iter()
        .map(|pattern| Matcher::new(pattern, &cases))
        .collect::<Result<Vec<_>, _>>()?;
    let wanted = |case: &Case| matchers.iter().any(|matcher| matcher.matches(case.id()));
    Ok(match patterns {
        [] => cases,
        _ => cases.into_iter().filter(wanted).collect(),
    })
}

/// A pattern that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SelectError {
    /// No id matches.
    #[error("no case matches {pattern:?}{}", Near(near))]
    NoMatch {
        /// The pattern as it was given.
        pattern: String,
        /// The ids nearest to it, if any are near.
        near: Vec<&'static str>,
    },
    /// The glob cannot be read.
    #[error("{pattern:?} is not a pattern: {problem}")]
    Malformed {
        /// The pattern as it was given.
        pattern: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

enum Matcher<'a> {
    Glob(Pattern),
    Part(&'a str),
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a str, cases: &[Case]) -> Result<Self, SelectError> {
        let matcher = if pattern.contains(['*', '?', '[']) {
            Self::Glob(Pattern::new(pattern).map_err(|error| SelectError::Malformed {
                pattern: pattern.to_owned(),
                problem: error.msg,
            })?)
        } else {
            Self::Part(pattern)
        };
        if cases.iter().any(|case| matcher.matches(case.id())) {
            return Ok(matcher);
        }
        Err(SelectError::NoMatch { pattern: pattern.to_owned(), near: nearest(pattern, cases) })
    }

    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(id),
            // `sio` is meant to name `sio.…`, and not every `session`.
            Self::Part(part) => id.match_indices(part).any(|(at, _)| {
                id.get(..at).is_none_or(|before| before.is_empty() || before.ends_with(['.', '_']))
            }),
        }
    }
}

/// The ids most like `text`: at most three, and none that is like it only by chance.
pub(crate) fn nearest(text: &str, cases: &[Case]) -> Vec<&'static str> {
    let mut ids: Vec<_> = cases
        .iter()
        .map(|case| (strsim::sorensen_dice(text, case.id()), case.id()))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .collect();
    ids.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ids.into_iter().take(3).map(|(_, id)| id).collect()
}

/// What ends a message about an id that there is not: those it may have meant.
pub(crate) struct Near<'a>(pub(crate) &'a [&'static str]);

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            ids => write!(f, "; near it:\n  {}", ids.join("\n  ")),
        }
    }
}

/// Ids of one section have a third of their pairs of letters in common.
const ALIKE: f64 = 0.4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    fn ids(patterns: &[&str]) -> Result<Vec<&'static str>, SelectError> {
        let patterns: Vec<_> = patterns.iter().map(ToString::to_string).collect();
        Ok(select(cases(), &patterns)?.iter().map(Case::id).collect())
    }

    #[test]
    fn a_word_selects_every_id_that_holds_it() {
        let ids = ids(&["upgrade"]).unwrap();
        assert_eq!(ids.len(), 3, "{ids:?}");
    }

    #[test]
    fn a_part_begins_with_a_word() {
        assert!(ids(&["sio"]).unwrap().iter().all(|id| id.starts_with("sio.")));
        assert!(ids(&["ssion"]).is_err());
    }

    #[test]
    fn a_glob_stands_for_the_whole_id() {
        assert!(ids(&["sio.*"]).unwrap().iter().all(|id| id.starts_with("sio.")));
        assert!(ids(&["*.sio"]).is_err());
    }

    #[test]
    fn patterns_add_up_without_repeating_a_case() {
        let id = "sio.event.echoes_arguments_in_order";
        assert_eq!(ids(&[id, "*echoes*"]).unwrap(), [id]);
    }

    #[test]
    fn a_misspelt_id_is_told_its_neighbours() {
        let error = ids(&["sio.event.echo_arguments"]).unwrap_err();
        let SelectError::NoMatch { near, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(near[0], "sio.event.echoes_arguments_in_order");
        assert!(error.to_string().contains(near[0]));
    }

    #[test]
    fn nonsense_has_no_neighbours() {
        let error = ids(&["nonsense"]).unwrap_err();
        assert_eq!(error.to_string(), r#"no case matches "nonsense""#);
        let Err(SelectError::NoMatch { near, .. }) = ids(&["pings_at_each_intervall"]) else {
            panic!("there is no such case");
        };
        assert!(near.iter().any(|id| id.ends_with("pings_at_each_interval")), "{near:?}");
    }

    #[test]
    fn no_pattern_selects_all() {
        assert_eq!(ids(&[]).unwrap().len(), cases().len());
    }
}
