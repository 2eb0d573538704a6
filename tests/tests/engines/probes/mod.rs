//! For each capability, a function that tries it.

pub(crate) mod connecting;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod expectations;

use socketio_harness::{App, ClientBuilder, ClientError, Engine, Error};

use crate::client;

/// What a probe has at hand.
pub(crate) struct Bench<'a> {
    /// The peer.
    pub(crate) app: &'a App,
    pub(crate) engine: Engine,
}

impl Bench<'_> {
    /// A client of the peer on the engine.
    pub(crate) fn client(&self) -> ClientBuilder {
        client(self.app, self.engine)
    }
}

/// What a probe has found.
pub(crate) type Outcome = Result<(), Shortcoming>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shortcoming {
    /// Refused by name.
    Unsupported,
    /// Neither refused nor right.
    Broken(String),
}

impl From<ClientError> for Shortcoming {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unsupported { .. } => Self::Unsupported,
            ClientError::Timeout { .. } => Self::Broken(TIMED_OUT.into()),
            ClientError::Disconnected { .. } => Self::Broken("the connection is lost".into()),
            error => Self::Broken(error.to_string()),
        }
    }
}

impl From<Error> for Shortcoming {
    fn from(error: Error) -> Self {
        match error {
            Error::Client(error) => error.into(),
            error => Self::Broken(error.to_string()),
        }
    }
}

/// What a probe has found that has waited in vain.
pub(crate) const TIMED_OUT: &str = "it does not come";

fn ensure(right: bool, otherwise: &str) -> Outcome {
    if right { Ok(()) } else { Err(Shortcoming::Broken(otherwise.to_owned())) }
}
