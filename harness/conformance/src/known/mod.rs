mod update;

use std::collections::HashMap;

use serde::Deserialize;
use thiserror::Error;

use crate::{
    Case, Failure,
    pattern::{Near, nearest},
};

/// The failures that are known and explained, so that a run succeeds in spite of them.
///
/// ```toml
/// [[failure]]
/// case = "eio.close.websocket_closes_on_a_close_packet"
/// reason = "engine.io handles close packets only over polling"
/// came = "it stays open"        # optional: what has to stand in the failure
/// transcript = """
/// > 1
/// > 42["message","still open"]
/// < 42["message-back","still open"]
/// """
/// ```
///
/// A known failure whose case passes is an error: the file is out of date then. One whose case
/// fails without the text of `came` is a new failure, which the known one must not hide.
#[derive(Debug, Clone, Default)]
pub struct KnownFailures {
    by_case: HashMap<String, KnownFailure>,
}

/// One entry of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KnownFailure {
    /// The id of the case.
    pub case: String,
    /// Why the server departs there.
    pub reason: String,
    /// A part of [`Failure::came`] by which the failure is recognised; without it any will do.
    pub came: Option<String>,
    /// The conversation that proves it.
    pub transcript: String,
}

impl KnownFailures {
    /// Reads the TOML text of a file; every id in it has to be one of `cases`.
    pub fn parse(toml: &str, cases: &[Case]) -> Result<Self, KnownFailuresError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            failure: Vec<KnownFailure>,
        }
        let file: File = toml::from_str(toml)?;
        let mut by_case = HashMap::new();
        for entry in file.failure {
            let case = entry.case.clone();
            if !cases.iter().any(|known| known.id() == case) {
                let near = nearest(&case, cases);
                return Err(KnownFailuresError::UnknownCase { case, near });
            }
            for (key, text) in [("reason", &entry.reason), ("transcript", &entry.transcript)] {
                if text.trim().is_empty() {
                    return Err(KnownFailuresError::Empty { case, key });
                }
            }
            if by_case.insert(case.clone(), entry).is_some() {
                return Err(KnownFailuresError::Twice { case });
            }
        }
        Ok(Self { by_case })
    }

    /// The entry for the case `id`.
    pub fn get(&self, id: &str) -> Option<&KnownFailure> {
        self.by_case.get(id)
    }
}

impl KnownFailure {
    /// Whether `failure` is the one that is known.
    pub fn explains(&self, failure: &Failure) -> bool {
        self.came.as_ref().is_none_or(|came| failure.came.contains(came))
    }
}

/// A file of known failures that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KnownFailuresError {
    /// It is not TOML, or has a key that means nothing here.
    #[error(transparent)]
    Syntax(#[from] toml::de::Error),
    /// There is no such case.
    #[error("there is no case {case:?}{}", Near(near))]
    UnknownCase {
        /// The id as it was given.
        case: String,
        /// The ids nearest to it.
        near: Vec<&'static str>,
    },
    /// The case is listed twice.
    #[error("the case {case:?} is listed twice")]
    Twice {
        /// Its id.
        case: String,
    },
    /// A known failure is explained and proved, or it is not known.
    #[error(
        "the {key} of {case:?} is empty: a known failure is explained, and its conversation shown"
    )]
    Empty {
        /// The id of the case.
        case: String,
        /// The key without a text.
        key: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    const PINGS: &str = r#"
        [[failure]]
        case = "eio.heartbeat.websocket_pings_at_each_interval"
        reason = "early"
        came = "the first ping after"
        transcript = "< 2"
    "#;

    fn error(toml: &str) -> String {
        KnownFailures::parse(toml, &cases()).unwrap_err().to_string()
    }

    #[test]
    fn an_entry_explains_only_the_failure_that_it_describes() {
        let known = KnownFailures::parse(PINGS, &cases()).unwrap();
        let entry = known.get("eio.heartbeat.websocket_pings_at_each_interval").unwrap();
        assert!(entry.explains(&Failure::departure("a late ping", "the first ping after 2 ms")));
        assert!(!entry.explains(&Failure::departure("a ping, 2", "nothing")));
    }

    #[test]
    fn an_empty_file_knows_nothing() {
        let known = KnownFailures::parse("", &cases()).unwrap();
        assert!(known.get("eio.heartbeat.websocket_pings_at_each_interval").is_none());
    }

    #[test]
    fn a_case_that_does_not_exist_is_named_with_its_neighbours() {
        let error = error(&PINGS.replace("websocket_pings", "websocket_pongs"));
        assert!(error.contains("eio.heartbeat.websocket_pongs_at_each_interval"), "{error}");
        assert!(error.contains("eio.heartbeat.websocket_pings_at_each_interval"), "{error}");
    }

    #[test]
    fn a_key_that_means_nothing_is_named_with_its_line() {
        let error = error(&PINGS.replace("reason", "why"));
        assert!(error.contains("line 4") && error.contains("`why`"), "{error}");
    }

    #[test]
    fn a_case_is_listed_once() {
        assert!(error(&PINGS.repeat(2)).contains("listed twice"));
    }

    #[test]
    fn a_reason_is_not_optional() {
        assert!(error(&PINGS.replace("early", " ")).contains("the reason of"));
    }
}
