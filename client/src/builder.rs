use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use socketio_proto::connection::{ClientConfig, CloseReason, Connection, Input, Upgrade};
use socketio_proto::engine::Transport;
use tokio::time::{Instant, timeout_at};

use crate::client::SocketIoClient;
use crate::driver::open::{self, Patience};
use crate::driver::{Driver, Http, PollingLane};
use crate::endpoint::{Endpoint, normalize_namespace, normalize_path};
use crate::shared::{Lifecycle, Shared};
use crate::target::{IntoTarget, Target};
use crate::timeout::{DEFAULT_TIMEOUT, check_scale, scaled};
use crate::{Error, Result};

/// Connects a client to a Socket.IO server: a port of this machine, an address, a URL, or an app
/// of the harness. Await it as it is, or set options first.
///
/// It resolves when the server has accepted the namespace, so events can be sent at once.
///
/// ```no_run
/// use socketio_mock_client::{Result, Transport, create_socketio_client};
/// use serde_json::json;
///
/// # async fn f() -> Result {
/// let client = create_socketio_client(3000).await?;
/// let admin = create_socketio_client("http://localhost:3000")
///     .namespace("/admin")
///     .auth(json!({"token": "123"}))
///     .transports([Transport::Polling, Transport::Websocket])
///     .await?;
/// # Ok(()) }
/// ```
pub fn create_socketio_client(target: impl IntoTarget) -> ClientBuilder {
    ClientBuilder::new(target.into_target())
}

/// The options of a client about to be connected. Awaiting it connects.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is awaited"]
pub struct ClientBuilder {
    target: Result<Target>,
    namespace: Option<String>,
    path: Option<String>,
    query: Vec<(String, String)>,
    headers: Result<HeaderMap>,
    auth: Result<Option<Value>>,
    transports: Vec<Transport>,
    timeout: Duration,
    ready: Option<String>,
}

impl ClientBuilder {
    fn new(target: Result<Target>) -> Self {
        Self {
            target,
            namespace: None,
            path: None,
            query: Vec::new(),
            headers: Ok(HeaderMap::new()),
            auth: Ok(None),
            transports: vec![Transport::Websocket],
            timeout: scaled(DEFAULT_TIMEOUT),
            ready: None,
        }
    }

    /// The namespace to connect to. Default: the path of the target's URL, or `/`.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The HTTP path the server answers on. Default: the app's, or `/socket.io`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Another port than the target's.
    pub fn port(mut self, port: u16) -> Self {
        if let Ok(target) = &mut self.target {
            target.port = port;
        }
        self
    }

    /// Another host than the target's.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        if let Ok(target) = &mut self.target {
            target.host = host.into();
        }
        self
    }

    /// Adds a parameter to the query of every request; servers show it in the handshake.
    pub fn query(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    /// Adds a header to every request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => {
                if let Ok(headers) = &mut self.headers {
                    headers.append(name, value);
                }
            }
            _ => {
                self.headers = Err(Error::InvalidOption {
                    what: "header",
                    value: format!("{name}: {value}"),
                    reason: "expected a header name and a value of visible ASCII characters".into(),
                });
            }
        }
        self
    }

    /// The auth payload of the CONNECT packet: anything that serialises to a JSON object.
    pub fn auth(mut self, auth: impl Serialize) -> Self {
        self.auth = match serde_json::to_value(auth) {
            Ok(auth @ Value::Object(_)) => Ok(Some(auth)),
            Ok(other) => Err(invalid_auth(other.to_string(), "expected a JSON object")),
            Err(error) => Err(invalid_auth(String::new(), &error.to_string())),
        };
        self
    }

    /// The transports to use, the first one to begin with. `[Polling, Websocket]` begins with
    /// polling and upgrades, as the official client does.
    ///
    /// Default: websocket alone. It is what most tests mean: one connection, a fixed order of
    /// frames, and a fifth of the time to connect.
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.transports = transports.into_iter().collect();
        self
    }

    /// How long connecting may take, and each later wait of this client, before it is an error.
    /// Default: [`DEFAULT_TIMEOUT`], scaled by [`TIMEOUT_SCALE_VARIABLE`](crate::TIMEOUT_SCALE_VARIABLE).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects only when the server has emitted `event`, and claims it.
    ///
    /// For servers that accept a namespace before its handlers are in place, as socketioxide does
    /// with handlers registered in an async connect handler: let it emit an event when it is ready.
    pub fn ready(mut self, event: impl Into<String>) -> Self {
        self.ready = Some(event.into());
        self
    }

    async fn connect(self) -> Result<SocketIoClient> {
        check_scale()?;
        let target = self.target?;
        let mut query = target.query.clone();
        query.extend(self.query);
        let namespace = self.namespace.or_else(|| target.namespace.clone());
        let namespace = normalize_namespace(namespace.as_deref().unwrap_or("/"));
        let path = self.path.or_else(|| target.path.clone());
        let path = normalize_path(path.as_deref().unwrap_or("/socket.io"));
        let endpoint = Endpoint { target, path, query, headers: self.headers? };

        let (config, upgrade) = client_config(&self.transports)?;
        let mut core = Connection::client(ClientConfig { upgrade, ..config });
        core.connect(&namespace, self.auth?);
        let now = Instant::now();
        let shared = Arc::new(Shared::new(endpoint, core, now));
        let patience = Patience { until: now + self.timeout, total: self.timeout };

        let driver = open_transport(&shared, config, patience).await?;
        tokio::spawn(driver);
        // From here on the connection ends with the client, also if this future is dropped.
        let client = SocketIoClient::new(Arc::clone(&shared), &namespace, self.timeout);
        accepted(&shared, &namespace, patience).await?;
        if let Some(event) = &self.ready {
            client.once(event).await?;
        }
        Ok(client)
    }
}

impl IntoFuture for ClientBuilder {
    type Output = Result<SocketIoClient>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

fn client_config(transports: &[Transport]) -> Result<(ClientConfig, Upgrade)> {
    match transports {
        [Transport::Polling, Transport::Websocket] => {
            Ok((ClientConfig::new(Transport::Polling), Upgrade::Automatic))
        }
        // The official client, too, falls back from websocket to polling only when told to.
        [only] | [only @ Transport::Websocket, Transport::Polling] => {
            Ok((ClientConfig::new(*only), Upgrade::Never))
        }
        other => Err(Error::InvalidOption {
            what: "transports",
            value: format!("{other:?}"),
            reason: "expected Polling, Websocket, or both".into(),
        }),
    }
}

async fn open_transport(
    shared: &Arc<Shared>,
    config: ClientConfig,
    patience: Patience,
) -> Result<Driver> {
    let limits = config.limits;
    let driver = Driver::new(Arc::clone(shared), limits);
    match config.transport {
        Transport::Websocket => {
            let lane = open::websocket(&shared.endpoint, limits, patience).await?;
            let now = Instant::now().into_std();
            shared.lock().core.handle_input(now, Input::WebsocketOpened);
            Ok(driver.with_websocket(lane))
        }
        Transport::Polling => {
            let (down, body) = open::polling(&shared.endpoint, limits, patience).await?;
            shared.polling_opened(&body);
            let handshake = shared.lock().core.handshake().cloned();
            let handshake = handshake.ok_or_else(|| {
                open::not_socketio(&shared.endpoint, &socketio_proto::Excerpt::of_bytes(&body))
            })?;
            let endpoint = Arc::clone(&shared.endpoint);
            let up = Http::new(Arc::clone(&endpoint), limits.max_payload);
            Ok(driver.with_polling(PollingLane::new(endpoint, &handshake, down, up)))
        }
    }
}

/// Waits for the server's reply to CONNECT.
async fn accepted(shared: &Shared, namespace: &str, patience: Patience) -> Result {
    let mut lifecycle = shared.lock().lifecycle(namespace);
    let settled = lifecycle.wait_for(|now| !matches!(now, Lifecycle::Connecting));
    let Ok(settled) = timeout_at(patience.until, settled).await else {
        return Err(no_reply(shared, namespace, patience));
    };
    let outcome = settled.map(|now| now.clone());
    match outcome {
        Ok(Lifecycle::Connected) => Ok(()),
        Ok(Lifecycle::Refused { payload }) => Err(Error::from_connect_error(namespace, &payload)),
        // Accepted and ended before this task ran again: that is for the client's user to see.
        Ok(Lifecycle::Disconnected { .. }) if shared.lock().was_connected(namespace) => Ok(()),
        Ok(Lifecycle::Disconnected { reason }) => Err(ended_early(shared, namespace, reason)),
        Ok(Lifecycle::Connecting) | Err(_) => {
            Err(ended_early(shared, namespace, CloseReason::Dropped))
        }
    }
}

fn no_reply(shared: &Shared, namespace: &str, patience: Patience) -> Error {
    if !shared.lock().opened {
        return open::silent(&shared.endpoint, "the Engine.IO open packet", patience);
    }
    Error::Timeout {
        waiting_for: waiting_for_reply(namespace),
        after: patience.total,
        hint: "\n  check the server's middleware: one that never calls next holds the reply back"
            .into(),
        transcript: shared.transcript(),
    }
}

fn ended_early(shared: &Shared, namespace: &str, reason: CloseReason) -> Error {
    if !shared.lock().opened {
        return open::not_socketio(
            &shared.endpoint,
            &format_args!("{reason}{}", shared.transcript()),
        );
    }
    let transcript = shared.transcript();
    Error::Disconnected { waiting_for: waiting_for_reply(namespace), reason, transcript }
}

fn waiting_for_reply(namespace: &str) -> String {
    format!("the CONNECT reply of namespace \"{namespace}\"")
}

fn invalid_auth(value: String, reason: &str) -> Error {
    Error::InvalidOption { what: "auth", value, reason: reason.to_owned() }
}
