use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use url::{Url, form_urlencoded};

use crate::connector::{ByteStream, Connector, TcpConnector};
use crate::registry::Registry;
use crate::{Error, Result};

/// Where a client connects to: an address, what the URL says beyond it, and how bytes get there.
///
/// Rarely written out: `create_socketio_client` takes anything that is [`IntoTarget`].
#[derive(Clone)]
pub struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Whether the bytes are encrypted: `https`, `wss`.
    pub(crate) secure: bool,
    pub(crate) path: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) connector: Arc<dyn Connector>,
    /// Whether the connector is the default one.
    pub(crate) over_tcp: bool,
    /// Where its clients are listed.
    pub(crate) registry: Option<Registry>,
    /// Who may know why a wait of its clients has failed.
    pub(crate) reasons: Vec<Reasons>,
}

type Reasons = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

impl Target {
    /// Reads a URL as the official client does: its path is the *namespace*, as it is written, and
    /// its query goes into the handshake, where a `+` is a `+`. `http` and `ws` mean the same, and
    /// so do `https` and `wss`, which need the feature `tls`. Credentials are refused: that client
    /// drops them.
    pub fn from_url(url: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::InvalidOption {
            what: "target URL",
            value: url.to_owned(),
            reason: reason.to_owned(),
        };
        // `localhost:3000` would be read as the scheme `localhost`.
        if !url.contains("://") && Url::parse(&format!("http://{url}")).is_ok() {
            return Err(invalid(&format!("it has no scheme, write \"http://{url}\"")));
        }
        let parsed = Url::parse(url).map_err(|error| {
            invalid(&format!("{error}; expected something like \"http://127.0.0.1:3000\""))
        })?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(Error::InvalidOption {
                what: "target URL",
                value: format!("{}://…@{}", parsed.scheme(), parsed.host_str().unwrap_or_default()),
                reason: "its credentials would not be sent: leave them out, and say \
                         .header(\"authorization\", \"Basic …\")"
                    .into(),
            });
        }
        let secure = match parsed.scheme() {
            "http" | "ws" => false,
            "https" | "wss" if cfg!(feature = "tls") => true,
            "https" | "wss" => {
                return Err(invalid(
                    "https and wss need the feature \"tls\": in Cargo.toml, give the dependency \
                     features = [\"tls\"]",
                ));
            }
            _ => return Err(invalid("expected the scheme http, https, ws or wss")),
        };
        let host = parsed.host_str().ok_or_else(|| invalid("it has no host"))?;
        let mut target = Self::new(host, parsed.port_or_known_default().unwrap_or(80));
        target.secure = secure;
        target.namespace = written_path(url).filter(|path| *path != "/").map(str::to_owned);
        let query = parsed.query().unwrap_or_default().replace('+', "%2B");
        target.query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(target)
    }

    /// A host and port, reached over TCP.
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            secure: false,
            path: None,
            namespace: None,
            query: Vec::new(),
            connector: Arc::new(TcpConnector),
            over_tcp: true,
            registry: None,
            reasons: Vec::new(),
        }
    }

    /// The path the server answers Socket.IO requests on, if it is not `/socket.io`.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is one and not a name.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.authority().parse().ok()
    }

    /// The base URL: `http://host:port`.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Whether its connections stay in memory, as those of a simulated app do.
    pub fn is_in_memory(&self) -> bool {
        self.connector.is_in_memory()
    }

    /// Reaches the server through `connector` instead of TCP.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Arc::new(connector);
        self.over_tcp = false;
        self
    }

    /// Lists the clients of this target in `registry`.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Asks `reasons` when a wait of one of its clients has failed: for what is known beside the
    /// conversation, a sentence each, such as that the server has panicked. They are shown as hints.
    #[must_use]
    pub fn explained_by(
        mut self,
        reasons: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.reasons.push(Arc::new(reasons));
        self
    }

    /// See [`explained_by`](Self::explained_by).
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.reasons.iter().flat_map(|reasons| reasons()).collect()
    }

    /// Puts `wrap` around the connector. Engines that open sockets of their own go around it.
    #[must_use]
    pub fn map_connector(
        mut self,
        wrap: impl FnOnce(Arc<dyn Connector>) -> Arc<dyn Connector>,
    ) -> Self {
        self.connector = wrap(self.connector);
        self
    }

    /// The same server, reached at another address over TCP.
    #[must_use]
    pub fn moved_to(mut self, addr: SocketAddr) -> Self {
        self.host = addr.ip().to_string();
        self.port = addr.port();
        self.connector = Arc::new(TcpConnector);
        self.over_tcp = true;
        self
    }

    /// Opens a byte stream to the server, as a client would.
    pub async fn open(&self) -> io::Result<Box<dyn ByteStream>> {
        self.connector.connect(&self.host, self.port).await
    }

    /// `host:port`, as it goes into the `Host` header.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') && !self.host.starts_with('[') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The path of a URL before it is normalised.
fn written_path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("//")?;
    let (rest, _) = rest.split_at_checked(rest.find(['?', '#']).unwrap_or(rest.len()))?;
    rest.get(rest.find('/')?..)
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("namespace", &self.namespace)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

/// What `create_socketio_client` connects to: a port of this machine, an address, a URL, an app.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a client can connect to",
    label = "not an app, a URL, a port or an address",
    note = "take `&app` of `create_app(..).await?`, a URL such as \"http://127.0.0.1:3000\", a port \
            (u16) or a SocketAddr"
)]
pub trait IntoTarget {
    /// Fails on a URL that cannot be one of a Socket.IO server.
    fn into_target(self) -> Result<Target>;
}

impl IntoTarget for Target {
    fn into_target(self) -> Result<Target> {
        Ok(self)
    }
}

impl IntoTarget for u16 {
    fn into_target(self) -> Result<Target> {
        Ok(Target::new("127.0.0.1", self))
    }
}

impl IntoTarget for SocketAddr {
    fn into_target(self) -> Result<Target> {
        Ok(Target::new(&self.ip().to_string(), self.port()))
    }
}

impl IntoTarget for &str {
    fn into_target(self) -> Result<Target> {
        Target::from_url(self)
    }
}

impl IntoTarget for &String {
    fn into_target(self) -> Result<Target> {
        Target::from_url(self)
    }
}

impl IntoTarget for String {
    fn into_target(self) -> Result<Target> {
        Target::from_url(&self)
    }
}

/// A reference too many, as `&app` is where `app` is a reference.
impl<T: ?Sized> IntoTarget for &&T
where
    for<'a> &'a T: IntoTarget,
{
    fn into_target(self) -> Result<Target> {
        (*self).into_target()
    }
}

/// What tests share.
impl<T: ?Sized> IntoTarget for &Arc<T>
where
    for<'a> &'a T: IntoTarget,
{
    fn into_target(self) -> Result<Target> {
        (**self).into_target()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_namespace_and_query() {
        let target = "http://localhost:3000/admin?token=a%20b".into_target().unwrap();
        assert_eq!(target.authority(), "localhost:3000");
        assert_eq!(target.namespace.as_deref(), Some("/admin"));
        assert_eq!(target.query, [("token".to_owned(), "a b".to_owned())]);
        assert_eq!("ws://[::1]:9/".into_target().unwrap().authority(), "[::1]:9");
        assert_eq!("http://localhost".into_target().unwrap().authority(), "localhost:80");
    }

    #[test]
    fn namespace_and_query_are_taken_as_the_official_client_takes_them() {
        let target = "http://localhost:3000/a b/é?t=a+b%2Bc&é=%C3%A9#x/y?z".into_target().unwrap();
        assert_eq!(target.namespace.as_deref(), Some("/a b/é"));
        let pairs = [("t", "a+b+c"), ("é", "é")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(target.query, pairs);
        for (url, namespace) in [
            ("http://localhost", None),
            ("http://localhost?x=/y", None),
            ("http://localhost/#/y", None),
            ("ws://[::1]:9/%41/../b", Some("/%41/../b")),
        ] {
            assert_eq!(url.into_target().unwrap().namespace.as_deref(), namespace, "{url}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused() {
        for url in ["http://harry:secret@localhost:3000", "http://harry@localhost"] {
            let error = url.into_target().unwrap_err().to_string();
            assert!(error.contains(".header(\"authorization\""), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_port_means_this_machine() {
        assert_eq!(3000.into_target().unwrap().authority(), "127.0.0.1:3000");
        let address: SocketAddr = "[::1]:5".parse().unwrap();
        assert_eq!(address.into_target().unwrap().authority(), "[::1]:5");
    }

    #[test]
    fn a_reference_too_many_does_no_harm() {
        let url = "http://localhost:3000";
        assert_eq!((&url).into_target().unwrap().authority(), "localhost:3000");
        let shared: Arc<str> = url.into();
        assert_eq!((&shared).into_target().unwrap().authority(), "localhost:3000");
    }

    #[test]
    fn other_urls_are_refused_by_name() {
        for url in ["127.0.0.1:3000", "localhost:3000", "localhost"] {
            let error = url.into_target().unwrap_err().to_string();
            let expected = format!("{url:?}: it has no scheme, write \"http://{url}\"");
            assert!(error.ends_with(&expected), "{error}");
        }
        let error = "no url".into_target().unwrap_err().to_string();
        assert!(error.contains("expected something like"), "{error}");
        let error = "ftp://host".into_target().unwrap_err().to_string();
        assert!(error.contains("expected the scheme http"), "{error}");
    }
}
