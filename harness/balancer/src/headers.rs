//! Headers between a client and a server (RFC 9110, "Message Forwarding").

use std::net::IpAddr;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The protocol that a message asks to change to, or agrees to.
pub(crate) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case("upgrade"));
    if asked { headers.get(UPGRADE).cloned() } else { None }
}

/// Takes out what belongs to one connection; an upgrade is put back, for it is passed on.
pub(crate) fn make_end_to_end(headers: &mut HeaderMap) {
    let upgrade = upgrade(headers);
    if headers.contains_key(TRANSFER_ENCODING) {
        // It says nothing then, but might to a server that reads it first.
        headers.remove(CONTENT_LENGTH);
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|option| option.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Tells the server who is asking. A chain of balancers appends, the first one names the client.
pub(crate) fn add_forwarded(headers: &mut HeaderMap, client: IpAddr) {
    let earlier = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<_> = earlier.map(str::to_owned).chain([client.to_string()]).collect();
    if let Ok(chain) = HeaderValue::from_str(&chain.join(", ")) {
        headers.insert(FORWARDED_FOR, chain);
    }
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Transfer codings are hyper's: it writes its own for the next connection.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(pair).collect()
    }

    #[test]
    fn what_belongs_to_one_connection_is_taken_out() {
        let mut sent = headers(&[
            ("connection", "keep-alive, x-once"),
            ("keep-alive", "timeout=5"),
            ("x-once", "1"),
            ("x-token", "2"),
        ]);
        make_end_to_end(&mut sent);
        assert_eq!(sent, headers(&[("x-token", "2")]));
    }

    #[test]
    fn an_upgrade_is_passed_on() {
        let mut sent = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        make_end_to_end(&mut sent);
        assert_eq!(sent, headers(&[("connection", "upgrade"), ("upgrade", "websocket")]));
    }

    #[test]
    fn a_length_beside_a_transfer_coding_is_none() {
        // RFC 9112, "Message Body Length": an attempt at smuggling, most likely.
        let mut sent = headers(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        make_end_to_end(&mut sent);
        assert_eq!(sent, headers(&[]));
        let mut sent = headers(&[("content-length", "5")]);
        make_end_to_end(&mut sent);
        assert_eq!(sent, headers(&[("content-length", "5")]));
    }

    #[test]
    fn a_chain_in_several_lines_is_kept_whole() {
        let mut sent = headers(&[("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "10.0.0.2")]);
        add_forwarded(&mut sent, [127, 0, 0, 1].into());
        assert_eq!(sent["x-forwarded-for"], "10.0.0.1, 10.0.0.2, 127.0.0.1");
    }

    #[test]
    fn a_chain_of_balancers_names_the_client_first() {
        let mut sent = headers(&[("host", "example"), ("x-forwarded-for", "10.0.0.1")]);
        add_forwarded(&mut sent, [127, 0, 0, 1].into());
        let expected = headers(&[
            ("host", "example"),
            ("x-forwarded-for", "10.0.0.1, 127.0.0.1"),
            ("x-forwarded-host", "example"),
            ("x-forwarded-proto", "http"),
        ]);
        assert_eq!(sent, expected);
    }
}
