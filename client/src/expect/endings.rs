use std::panic::Location;

use serde_json::{Value, json};
use socketio_proto::Args;
use socketio_proto::connection::CloseReason;

use super::expected::Expected;
use super::manner::{Expecting, Manner, Panics, Tries};
use super::situation::Situation;
use super::unmet::{Candidate, Unmet};
use crate::builder::ClientBuilder;
use crate::client::SocketIoClient;
use crate::of::NamespaceBuilder;
use crate::{Error, Result};

/// The name of a reason for the end of a connection: a [`CloseReason`], whose details do not
/// count, or its name in the official client, such as `"io server disconnect"`.
#[derive(Debug, Clone)]
pub struct ReasonName(String);

impl From<CloseReason> for ReasonName {
    fn from(reason: CloseReason) -> Self {
        Self(reason.name().to_owned())
    }
}

impl From<&str> for ReasonName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// # Expectations about the end
impl SocketIoClient {
    /// Waits until the namespace is disconnected, and panics unless that is for this reason, or if
    /// it takes longer than the client's timeout.
    ///
    /// ```no_run
    /// # use socketio_mock_client::{CloseReason, SocketIoClient};
    /// # async fn f(client: &SocketIoClient) -> socketio_mock_client::Result {
    /// client.send("leave", ())?;
    /// client.expect_disconnect(CloseReason::ServerDisconnect).await;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn expect_disconnect(
        &self,
        reason: impl Into<ReasonName>,
    ) -> Expecting<CloseReason, Panics> {
        self.disconnect_for(reason.into())
    }

    /// [`expect_disconnect`](Self::expect_disconnect) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_disconnect(
        &self,
        reason: impl Into<ReasonName>,
    ) -> Expecting<CloseReason, Tries> {
        self.disconnect_for(reason.into())
    }

    #[track_caller]
    fn disconnect_for<M: Manner>(&self, wanted: ReasonName) -> Expecting<CloseReason, M> {
        let written_at = Location::caller();
        let (shared, socket) = (self.shared().clone(), self.socket().clone());
        let ended = self.ended();
        let patience = self.timeout();
        Expecting::new(async move {
            let (outcome, hints) = match ended.await {
                Ok(reason) if reason.name() == wanted.0 => {
                    let expectation = format_args!("to be disconnected: {reason}");
                    shared.met(&socket.namespace, None, &expectation);
                    return Ok(reason);
                }
                Ok(reason) => (format!("it was disconnected: {reason}"), hints(&wanted.0)),
                Err(Error::Timeout { .. }) => {
                    (format!("it was still connected after {patience:?}"), hints(&wanted.0))
                }
                Err(error) => return Err(error),
            };
            let unmet = Unmet {
                expected: format!("{} to be disconnected: {}", shared.name, wanted.0),
                outcome,
                candidates: Vec::new(),
                hints,
                situations: vec![Situation::of(&shared, &socket)],
                written_at,
            };
            Err(shared.failing(&socket.namespace, None, unmet.into()))
        })
    }
}

fn hints(name: &str) -> Vec<String> {
    let known = KNOWN_REASONS.map(|reason| reason.name());
    if known.contains(&name) || REASONS_WITH_DETAILS.contains(&name) {
        return Vec::new();
    }
    let known: Vec<_> = known.iter().chain(&REASONS_WITH_DETAILS).copied().collect();
    vec![format!("no reason is called \"{name}\"; there are: {}", known.join(", "))]
}

const KNOWN_REASONS: [CloseReason; 6] = [
    CloseReason::ClientDisconnect,
    CloseReason::ServerDisconnect,
    CloseReason::PingTimeout,
    CloseReason::TransportClose,
    CloseReason::ConnectTimeout,
    CloseReason::Dropped,
];
const REASONS_WITH_DETAILS: [&str; 2] = ["transport error", "parse error"];

impl ClientBuilder {
    /// Connects, and panics unless the server refuses it with this `connect_error`: its message as
    /// a string, or `{"message": …, "data": …}`. Gives what the server sent.
    ///
    /// ```no_run
    /// # use serde_json::json;
    /// # use socketio_mock_client::create_socketio_client;
    /// # async fn f() {
    /// create_socketio_client(3000)
    ///     .auth(json!({"token": "wrong"}))
    ///     .expect_connect_error(json!({"message": "not authorized", "data": {"code": 401}}))
    ///     .await;
    /// # }
    /// ```
    #[track_caller]
    pub fn expect_connect_error(self, error: impl Into<Value>) -> Expecting<Value, Panics> {
        refusal(self, error.into())
    }

    /// [`expect_connect_error`](Self::expect_connect_error) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_connect_error(self, error: impl Into<Value>) -> Expecting<Value, Tries> {
        refusal(self, error.into())
    }
}

impl NamespaceBuilder {
    /// Asks for the namespace, and panics unless the server refuses it with this `connect_error`:
    /// its message as a string, or `{"message": …, "data": …}`. Gives what the server sent.
    #[track_caller]
    pub fn expect_connect_error(self, error: impl Into<Value>) -> Expecting<Value, Panics> {
        refusal(self, error.into())
    }

    /// [`expect_connect_error`](Self::expect_connect_error) with an error instead of a panic.
    #[track_caller]
    pub fn try_expect_connect_error(self, error: impl Into<Value>) -> Expecting<Value, Tries> {
        refusal(self, error.into())
    }
}

#[track_caller]
fn refusal<B, M: Manner>(builder: B, wanted: Value) -> Expecting<Value, M>
where
    B: IntoFuture<Output = Result<SocketIoClient>> + Send + 'static,
    B::IntoFuture: Send,
{
    let written_at = Location::caller();
    Expecting::new(async move {
        let invalid = |reason| Error::InvalidOption {
            what: "connect_error",
            value: wanted.to_string(),
            reason,
        };
        // A bare message is compared with the message only.
        let part = wanted.is_string();
        let expected = Expected::value(&wanted).map_err(invalid)?;
        let unmet = |outcome: String, candidates, situations| {
            let expected = format!(
                "the server to refuse the connection: {}",
                expected.to_json().get(0).cloned().unwrap_or_default()
            );
            let hints = Vec::new();
            Unmet { expected, outcome, candidates, hints, situations, written_at }.into()
        };
        let (message, data) = match builder.await {
            Err(Error::ConnectError { message, data, .. }) => (message, data),
            Err(Error::InvalidNamespace { .. }) => ("Invalid namespace".to_owned(), None),
            Err(error) => return Err(error),
            Ok(client) => {
                let situation = Situation::of(client.shared(), client.socket());
                client.close().await?;
                return Err(unmet("it accepted it".into(), Vec::new(), vec![situation]));
            }
        };
        let mut payload = json!({"message": message});
        if let (Some(data), Some(object)) = (data, payload.as_object_mut()) {
            object.insert("data".into(), data);
        }
        let compared = if part { Value::from(message) } else { payload.clone() };
        let args = Args::new((&compared,))?;
        if expected.matches(&args) {
            return Ok(payload);
        }
        let candidate = Candidate {
            event: payload.to_string(),
            label: "it said:".into(),
            differences: expected.differences(&args),
            conditions: Vec::new(),
        };
        Err(unmet("it refused it with another error".into(), vec![candidate], Vec::new()))
    })
}
