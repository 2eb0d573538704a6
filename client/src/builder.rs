use std::future::{Future, IntoFuture};
use std::pin::Pin;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use socketio_proto::connection::{ClientConfig, Upgrade};
use socketio_proto::engine::{Protocol, Transport};
use socketio_proto::socket::Parser;

use crate::client::SocketIoClient;
use crate::driver::open::Patience;
use crate::endpoint::{Endpoint, normalize_namespace, normalize_path};
use crate::engine::Engine;
use crate::reconnection::Reconnection;
use crate::shared::Shared;
use crate::target::{IntoTarget, Target};
use crate::timeout::{DEFAULT_TIMEOUT, check_scale, scaled};
#[cfg(feature = "tls")]
use crate::tls::Tls;
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
    name: Option<String>,
    namespace: Option<String>,
    path: Option<String>,
    query: Vec<(String, String)>,
    headers: Result<HeaderMap>,
    auth: Result<Option<Value>>,
    transports: Vec<Transport>,
    timeout: Duration,
    ready: Option<String>,
    engine: Engine,
    reconnection: Option<Reconnection>,
    upgrade: Upgrade,
    protocol: Protocol,
    parser: Parser,
    #[cfg(feature = "tls")]
    roots: Vec<Vec<u8>>,
}

impl ClientBuilder {
    fn new(target: Result<Target>) -> Self {
        Self {
            target,
            name: None,
            namespace: None,
            path: None,
            query: Vec::new(),
            headers: Ok(HeaderMap::new()),
            auth: Ok(None),
            transports: vec![Transport::Websocket],
            timeout: scaled(DEFAULT_TIMEOUT),
            ready: None,
            engine: Engine::Native,
            reconnection: None,
            upgrade: Upgrade::Automatic,
            protocol: Protocol::V4,
            parser: Parser::Default,
            #[cfg(feature = "tls")]
            roots: Vec::new(),
        }
    }

    /// What to call the client in messages and reports. Default: `client 1`, `client 2`, …, in the
    /// order in which the clients of an app were made.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
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
        self.auth = auth_object(auth).map(Some);
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
    /// On a runtime of several threads socketioxide also refuses to emit for a moment after it has
    /// accepted; what its connect handler emits comes after that.
    pub fn ready(mut self, event: impl Into<String>) -> Self {
        self.ready = Some(event.into());
        self
    }

    /// The implementation of Socket.IO to stand on. Default: [`Engine::Native`].
    ///
    /// Options that the engine does not serve are [`Error::Unsupported`], before a connection is
    /// made.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Makes a lost connection again. Off by default: a client left over from one test would turn
    /// up in the next one's server.
    ///
    /// While the connection is down, waits go on, sends are kept and leave with the next
    /// connection, and acks that were awaited fail. What happens is told by
    /// [`connection_events`](SocketIoClient::connection_events). The first connection is not
    /// tried again: its error is the builder's.
    pub fn reconnection(mut self, reconnection: Reconnection) -> Self {
        self.reconnection = Some(reconnection);
        self
    }

    /// Speaks to a server of the generation before: Engine.IO 3 with Socket.IO 4's protocol, as
    /// socket.io 2 does, and socket.io 3 and 4 with `allowEIO3`. Default: [`Protocol::V4`].
    ///
    /// That protocol has no auth payload: credentials go into the query of the connection.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How packets are written; the server must have been given the same parser.
    pub fn parser(mut self, parser: Parser) -> Self {
        self.parser = parser;
        self
    }

    /// When a client that begins on polling moves to websocket, if the transports allow it.
    /// Default: as soon as the server offers it.
    pub fn upgrade(mut self, upgrade: Upgrade) -> Self {
        self.upgrade = upgrade;
        self
    }

    /// Trusts this certificate too (PEM), beside those that browsers trust: for servers with a
    /// certificate of their own making.
    #[cfg(feature = "tls")]
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    async fn connect(self) -> Result<SocketIoClient> {
        check_scale()?;
        #[cfg_attr(not(feature = "tls"), expect(unused_mut, reason = "TLS replaces the connector"))]
        let mut target = self.target?;
        #[cfg(feature = "tls")]
        if target.secure {
            target.connector = Arc::new(Tls::new(target.connector, &self.roots)?);
        }
        let mut query = target.query.clone();
        query.extend(self.query);
        let namespace = self.namespace.or_else(|| target.namespace.clone());
        let namespace = normalize_namespace(namespace.as_deref().unwrap_or("/"))?;
        let path = self.path.or_else(|| target.path.clone());
        let path = normalize_path(path.as_deref().unwrap_or("/socket.io"))?;
        let endpoint = Endpoint::new(target, self.protocol, path, query, self.headers?);
        let config = client_config(&self.transports, self.upgrade)?;
        let config = ClientConfig { protocol: self.protocol, parser: self.parser, ..config };
        self.engine.check(&endpoint, &config)?;
        self.engine.refuse_if(self.reconnection.is_some(), "reconnection")?;

        let patience = Patience::starting_now(self.timeout);
        let reconnects = self.reconnection.is_some();
        let shared = Shared::new(endpoint, self.engine, config, reconnects, self.name);
        let socket = shared.join(&namespace, self.auth?)?;
        // The connection ends with the client, also if this future is dropped.
        let client = SocketIoClient::new(shared, socket, self.timeout);
        let connecting = async {
            self.engine.start(&client, patience, self.reconnection).await?;
            client.accepted(patience).await
        };
        connecting.await.map_err(|error| client.failing(client.explained(error)))?;
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

fn client_config(transports: &[Transport], upgrade: Upgrade) -> Result<ClientConfig> {
    match transports {
        [Transport::Polling, Transport::Websocket] => {
            Ok(ClientConfig { upgrade, ..ClientConfig::new(Transport::Polling) })
        }
        // The official client, too, falls back from websocket to polling only when told to.
        [only] | [only @ Transport::Websocket, Transport::Polling] => {
            Ok(ClientConfig { upgrade: Upgrade::Never, ..ClientConfig::new(*only) })
        }
        other => Err(Error::InvalidOption {
            what: "transports",
            value: format!("{other:?}"),
            reason: "expected Polling, Websocket, or both".into(),
        }),
    }
}

/// Anything that serialises to an object, or an error that says so.
pub(crate) fn auth_object(auth: impl Serialize) -> Result<Value> {
    let invalid =
        |value: String, reason: String| Error::InvalidOption { what: "auth", value, reason };
    match serde_json::to_value(auth) {
        Ok(auth @ Value::Object(_)) => Ok(auth),
        Ok(other) => Err(invalid(other.to_string(), "expected a JSON object".into())),
        Err(error) => Err(invalid(String::new(), error.to_string())),
    }
}
