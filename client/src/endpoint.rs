use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use cookie::Cookie;
use cookie::time::{OffsetDateTime, SignedDuration};
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use socketio_proto::engine::{Protocol, Transport};
use url::form_urlencoded;

use crate::engine::Engine;
use crate::target::Target;
use crate::{Error, Result};

/// A target with everything the builder added: what each request of a connection needs.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) target: Target,
    pub(crate) protocol: Protocol,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    /// What the server has set, by name. Load balancers keep a session on one server with it.
    cookies: Mutex<BTreeMap<String, String>>,
}

impl Endpoint {
    pub(crate) fn new(
        target: Target,
        protocol: Protocol,
        path: String,
        query: Vec<(String, String)>,
        headers: HeaderMap,
    ) -> Self {
        Self { target, protocol, path, query, headers, cookies: Mutex::default() }
    }

    /// Fails if the engine cannot make requests as this asks for.
    pub(crate) fn check_engine(&self, engine: Engine) -> Result {
        engine.refuse_if(self.target.secure, "TLS")?;
        engine.refuse_if(!self.target.over_tcp, "another connector than TCP")?;
        engine.refuse_if(self.path == "/", "the path \"/\"")?;
        engine.refuse_if(self.headers.len() > self.headers.keys_len(), "a header given twice")
    }

    /// Adds the user's headers and the server's cookies to a request.
    pub(crate) fn add_headers(&self, request: &mut HeaderMap) {
        for (name, value) in &self.headers {
            // A `Host` of the user replaces the one derived from the target.
            if name == HOST {
                request.insert(HOST, value.clone());
            } else {
                request.append(name, value.clone());
            }
        }
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let own = request.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let kept = cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<_> = own.map(str::to_owned).chain(kept).collect();
        if let Ok(pairs) = HeaderValue::from_str(&pairs.join("; "))
            && !pairs.is_empty()
        {
            // In one header: servers may look at the first only.
            request.insert(COOKIE, pairs);
        }
    }

    /// Keeps the cookies of an answer for the requests that follow.
    pub(crate) fn keep_cookies(&self, answer: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let set = answer.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        for cookie in set.filter_map(|text| Cookie::parse(text).ok()) {
            let (name, value) = cookie.name_value();
            if has_expired(&cookie) {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The request target: `/socket.io/?EIO=4&transport=polling…`.
    pub(crate) fn request_target(&self, transport: Transport, sid: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        query.append_pair("transport", transport.name());
        if let Some(sid) = sid {
            query.append_pair("sid", sid);
        }
        format!("{}?{}&{}", self.path, self.protocol.query(transport), query.finish())
    }

    /// Where requests go, with the user's query.
    #[cfg(feature = "rust-socketio")]
    pub(crate) fn url_with_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        format!("{}?{}", self.url(), query.extend_pairs(&self.query).finish())
    }

    /// Where requests go, for messages.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.target.url(), self.path)
    }
}

/// Whether a cookie is to be removed (RFC 6265, "Storage Model"): its age counts before its date.
fn has_expired(cookie: &Cookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => age <= SignedDuration::ZERO,
        (None, Some(date)) => date <= OffsetDateTime::now_utc(),
        (None, None) => false,
    }
}

/// A path as servers expect it: with a slash at both ends. Fails on what no request can ask for.
pub(crate) fn normalize_path(path: &str) -> Result<String> {
    let normalized = match path.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    };
    // What does not come back as it is would be a query, or is not kept.
    if PathAndQuery::try_from(normalized.as_str()).is_ok_and(|parsed| parsed.path() == normalized) {
        return Ok(normalized);
    }
    Err(Error::InvalidOption {
        what: "path",
        value: path.to_owned(),
        reason: "expected a path such as \"/socket.io\", without a query, other characters \
                 percent-encoded"
            .into(),
    })
}

/// A namespace as the protocol writes it: with a slash in front. Fails on one that it would end
/// too early.
pub(crate) fn normalize_namespace(namespace: &str) -> Result<String> {
    let reason = match namespace.find([',', '?']).and_then(|at| namespace.get(at..=at)) {
        None if namespace.starts_with('/') => return Ok(namespace.to_owned()),
        None => return Ok(format!("/{namespace}")),
        Some(",") => "a comma ends a namespace",
        Some(_) => "a namespace has no query; that of the connection is set by .query(key, value)",
    };
    Err(Error::InvalidOption {
        what: "namespace",
        value: namespace.to_owned(),
        reason: reason.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(path: &str, query: Vec<(String, String)>) -> Endpoint {
        let target = Target::new("127.0.0.1", 3000);
        Endpoint::new(target, Protocol::V4, normalize_path(path).unwrap(), query, HeaderMap::new())
    }

    #[test]
    fn cookies_are_kept_replaced_and_removed() {
        let endpoint = endpoint("/", vec![]);
        let answer = |text: &'static str| {
            HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(text))])
        };
        let sent = || {
            let mut request = HeaderMap::new();
            endpoint.add_headers(&mut request);
            request.get(COOKIE).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(sent(), None);
        endpoint.keep_cookies(&answer("io=abc; Path=/; HttpOnly; SameSite=Strict"));
        endpoint.keep_cookies(&answer("lb=1"));
        assert_eq!(sent().as_deref(), Some("io=abc; lb=1"));
        endpoint.keep_cookies(&answer("lb=2; Secure"));
        endpoint.keep_cookies(&answer("io=gone; Max-Age=0"));
        assert_eq!(sent().as_deref(), Some("lb=2"));
        // As Express writes it.
        endpoint.keep_cookies(&answer("lb=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(sent(), None);
        endpoint.keep_cookies(&answer("lb=3; Expires=Fri, 31 Dec 9999 23:59:59 GMT"));
        endpoint.keep_cookies(&answer("io=4; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(sent().as_deref(), Some("io=4; lb=3"));
    }

    #[test]
    fn cookies_of_the_user_and_the_server_are_one_header() {
        // RFC 6265, "The Cookie Header": there must not be two.
        let mut endpoint = endpoint("/", vec![]);
        endpoint.headers.append(COOKIE, HeaderValue::from_static("user=1"));
        endpoint.headers.append(COOKIE, HeaderValue::from_static("more=2"));
        let set = HeaderValue::from_static("io=abc");
        endpoint.keep_cookies(&HeaderMap::from_iter([(SET_COOKIE, set)]));
        let mut request = HeaderMap::new();
        endpoint.add_headers(&mut request);
        let cookies: Vec<_> = request.get_all(COOKIE).iter().collect();
        assert_eq!(cookies, ["user=1; more=2; io=abc"]);
    }

    #[test]
    fn requests_carry_the_query_and_the_session() {
        let endpoint = endpoint("testPath", vec![("token".into(), "a b&c".into())]);
        assert_eq!(
            endpoint.request_target(Transport::Polling, Some("x+y")),
            "/testPath/?EIO=4&token=a+b%26c&transport=polling&sid=x%2By"
        );
        assert_eq!(endpoint.url(), "http://127.0.0.1:3000/testPath/");
    }

    #[test]
    fn slashes_are_forgiven() {
        for path in ["socket.io", "/socket.io", "/socket.io/"] {
            assert_eq!(normalize_path(path).unwrap(), "/socket.io/");
        }
        assert_eq!(normalize_path("/").unwrap(), "/");
        assert_eq!(normalize_namespace("admin").unwrap(), "/admin");
        assert_eq!(normalize_namespace("/").unwrap(), "/");
    }
}
