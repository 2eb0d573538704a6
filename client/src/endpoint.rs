use http::HeaderMap;
use socketio_proto::engine::Transport;
use url::form_urlencoded;

use crate::target::Target;

/// A target with everything the builder added: what each request of a connection needs.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) target: Target,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
}

impl Endpoint {
    /// The request target: `/socket.io/?EIO=4&transport=polling…`. The user's parameters come
    /// first, as with the official client.
    pub(crate) fn request_target(&self, transport: Transport, sid: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        query.append_pair("EIO", "4").append_pair("transport", transport.name());
        if let Some(sid) = sid {
            query.append_pair("sid", sid);
        }
        format!("{}?{}", self.path, query.finish())
    }

    /// Where requests go, for messages.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.target.authority(), self.path)
    }
}

/// A path as servers expect it: with a slash at both ends.
pub(crate) fn normalize_path(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

/// A namespace as the protocol writes it: with a slash in front.
pub(crate) fn normalize_namespace(namespace: &str) -> String {
    if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_carry_the_query_and_the_session() {
        let endpoint = Endpoint {
            target: Target::new("127.0.0.1", 3000),
            path: normalize_path("testPath"),
            query: vec![("token".into(), "a b&c".into())],
            headers: HeaderMap::new(),
        };
        assert_eq!(
            endpoint.request_target(Transport::Polling, Some("x+y")),
            "/testPath/?token=a+b%26c&EIO=4&transport=polling&sid=x%2By"
        );
        assert_eq!(endpoint.url(), "http://127.0.0.1:3000/testPath/");
    }

    #[test]
    fn slashes_are_forgiven() {
        for path in ["socket.io", "/socket.io", "/socket.io/"] {
            assert_eq!(normalize_path(path), "/socket.io/");
        }
        assert_eq!(normalize_path("/"), "/");
        assert_eq!(normalize_namespace("admin"), "/admin");
        assert_eq!(normalize_namespace("/"), "/");
    }
}
