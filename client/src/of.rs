use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use socketio_proto::connection::CloseReason;
use socketio_proto::engine::Protocol;

use crate::builder::auth_object;
use crate::client::SocketIoClient;
use crate::driver::open::{self, Patience};
use crate::endpoint::normalize_namespace;
use crate::shared::Shared;
use crate::socket::Lifecycle;
use crate::{Error, Result};

/// A namespace about to be connected over an existing connection; see
/// [`SocketIoClient::of`]. Awaiting it connects.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is awaited"]
pub struct NamespaceBuilder {
    shared: Arc<Shared>,
    namespace: Result<String>,
    auth: Result<Option<Value>>,
    timeout: Duration,
}

impl NamespaceBuilder {
    pub(crate) fn new(shared: Arc<Shared>, namespace: &str, timeout: Duration) -> Self {
        Self { shared, namespace: normalize_namespace(namespace), auth: Ok(None), timeout }
    }

    /// The auth payload of the CONNECT packet: anything that serialises to a JSON object.
    pub fn auth(mut self, auth: impl Serialize) -> Self {
        self.auth = auth_object(auth).map(Some);
        self
    }

    async fn connect(self) -> Result<SocketIoClient> {
        self.shared.engine.refuse("a second namespace on one connection")?;
        let socket = self.shared.join(&self.namespace?, self.auth?)?;
        let client = SocketIoClient::new(self.shared, socket, self.timeout);
        let accepted = client.accepted(Patience::starting_now(self.timeout)).await;
        accepted.map_err(|error| client.failing(error))?;
        Ok(client)
    }
}

impl IntoFuture for NamespaceBuilder {
    type Output = Result<SocketIoClient>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

impl SocketIoClient {
    /// Waits for the server's reply to CONNECT.
    pub(crate) async fn accepted(&self, patience: Patience) -> Result {
        let (shared, socket) = (self.shared(), self.socket());
        let mut lifecycle = socket.lifecycle();
        let settled = lifecycle.wait_for(|now| !matches!(now, Lifecycle::Connecting));
        let Some(settled) = patience.wait_for(settled).await else {
            return Err(no_reply(shared, &socket.namespace, patience));
        };
        let outcome = settled.map(|now| now.clone());
        match outcome {
            Ok(Lifecycle::Connected) => Ok(()),
            Ok(Lifecycle::Refused { payload }) => {
                Err(Error::from_connect_error(&socket.namespace, &payload))
            }
            // Accepted and ended before this task ran again: that is for the client's user to see.
            Ok(Lifecycle::Disconnected { .. }) if socket.was_connected() => Ok(()),
            Ok(Lifecycle::Disconnected { reason }) => {
                Err(ended_early(shared, &socket.namespace, reason))
            }
            Ok(Lifecycle::Connecting) | Err(_) => {
                Err(ended_early(shared, &socket.namespace, CloseReason::Dropped))
            }
        }
    }
}

fn no_reply(shared: &Shared, namespace: &str, patience: Patience) -> Error {
    let (is_first, is_up) = {
        let state = shared.lock();
        (state.generation == 0, state.opened && !state.core.is_closed())
    };
    let hint = match (is_first, is_up) {
        (true, false) => {
            return open::silent(&shared.endpoint, "the Engine.IO open packet", patience);
        }
        (false, false) => "\n  the connection is down, and is being made again",
        (_, true) => {
            "\n  check the server's middleware: one that never calls next holds the reply back"
        }
    };
    Error::Timeout {
        waiting_for: waiting_for_reply(namespace),
        after: patience.total,
        hint: hint.into(),
        transcript: shared.transcript(),
    }
}

fn ended_early(shared: &Shared, namespace: &str, reason: CloseReason) -> Error {
    let never_opened = {
        let state = shared.lock();
        state.generation == 0 && !state.opened
    };
    if never_opened {
        let transcript = shared.transcript();
        let hint = match shared.endpoint.protocol {
            // socket.io says so in HTTP, in the middle of the websocket.
            Protocol::V3 => "\n  hint: socket.io 3 and 4 serve Engine.IO 3 with allowEIO3 alone",
            Protocol::V4 => "",
        };
        return open::not_socketio(&shared.endpoint, &format_args!("{reason}{hint}{transcript}"));
    }
    shared.disconnected(waiting_for_reply(namespace), reason)
}

fn waiting_for_reply(namespace: &str) -> String {
    format!("the CONNECT reply of namespace \"{namespace}\"")
}
