use std::fmt;

use thiserror::Error;
use url::Url;

use crate::tls::{CertificateError, Tls};

/// The server under test: where it listens and under which path it answers.
///
/// ```
/// use socketio_conformance::Subject;
///
/// let subject = Subject::parse("http://127.0.0.1:3000")?.with_path("/testPath");
/// assert_eq!(subject.to_string(), "http://127.0.0.1:3000/testPath/");
/// # Ok::<_, socketio_conformance::SubjectError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Subject {
    authority: String,
    path: String,
    tls: Option<Tls>,
}

impl Subject {
    /// The server at `url`, such as `http://127.0.0.1:3000`, under the path `/socket.io/`. The
    /// scheme may be left out, and `ws` means the same as `http`. One that begins with `https` or
    /// `wss` is asked over TLS, if its certificate is one that browsers trust;
    /// [`root_certificate`](Self::root_certificate) adds others.
    pub fn parse(url: &str) -> Result<Self, SubjectError> {
        let error = |problem| SubjectError { url: url.to_owned(), problem };
        let with_scheme =
            if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed = Url::parse(&with_scheme).map_err(|source| error(source.to_string()))?;
        let is_encrypted = match parsed.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => {
                return Err(error(format!("the scheme is {other:?}, not \"http\" or \"https\"")));
            }
        };
        if parsed.path() != "/" || parsed.query().is_some() {
            return Err(error(
                "it has a path: give scheme, host and port here and the path as --path".to_owned(),
            ));
        }
        let host = parsed.host_str().ok_or_else(|| error("the host is missing".to_owned()))?;
        let port = parsed.port_or_known_default().unwrap_or(80);
        let tls = is_encrypted.then(|| Tls::to(host)).transpose().map_err(error)?;
        Ok(Self { authority: format!("{host}:{port}"), path: "/socket.io/".to_owned(), tls })
    }

    /// Trusts a certificate of your own making, in PEM, or whatever such an authority has signed,
    /// beside those that browsers trust.
    ///
    /// Fails if there is no certificate in `pem`, and for a server that is asked without TLS.
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Result<Self, CertificateError> {
        let Some(tls) = &mut self.tls else { return Err(CertificateError::without_tls()) };
        tls.trust(pem.as_ref())?;
        Ok(self)
    }

    /// The same server under another path; slashes around it may be left out.
    #[must_use]
    pub fn with_path(self, path: &str) -> Self {
        let path = match path.trim_matches('/') {
            "" => "/".to_owned(),
            trimmed => format!("/{trimmed}/"),
        };
        Self { path, ..self }
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The path of every request, with a slash at both ends.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// A URL that names no server to test.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url:?} is not the address of a server, such as http://127.0.0.1:3000: {problem}")]
#[non_exhaustive]
pub struct SubjectError {
    /// The URL as it was given.
    pub url: String,
    /// What is wrong with it.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_path_is_the_one_every_client_uses() {
        let subject = Subject::parse("http://localhost:3000").unwrap();
        assert_eq!(subject.to_string(), "http://localhost:3000/socket.io/");
    }

    #[test]
    fn a_url_with_a_path_names_the_option_for_it() {
        let error = Subject::parse("http://localhost:3000/chat").unwrap_err();
        assert!(error.to_string().contains("--path"), "{error}");
    }

    #[test]
    fn other_schemes_are_refused() {
        for (url, problem) in [("ftp://localhost", "the scheme is \"ftp\""), ("no url", "invalid")]
        {
            let error = Subject::parse(url).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_scheme_may_be_left_out() {
        for url in ["localhost:3000", "ws://localhost:3000", "http://localhost:3000/"] {
            assert_eq!(Subject::parse(url).unwrap().authority(), "localhost:3000", "{url}");
        }
        assert_eq!(Subject::parse("[::1]:9").unwrap().authority(), "[::1]:9");
    }

    #[test]
    fn what_is_encrypted_has_a_port_of_its_own() {
        for (url, shown) in [
            ("https://example.org", "https://example.org:443/socket.io/"),
            ("wss://example.org:8443", "https://example.org:8443/socket.io/"),
            ("https://[::1]", "https://[::1]:443/socket.io/"),
        ] {
            assert_eq!(Subject::parse(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_trusted_has_to_be_a_certificate_and_of_use() {
        let refusal = |url: &str, pem: &str| {
            Subject::parse(url).unwrap().root_certificate(pem).unwrap_err().to_string()
        };
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no certificate", broken] {
            let refusal = refusal("https://localhost", pem);
            assert!(refusal.starts_with("no certificate to trust: "), "{refusal}");
        }
        let refusal = refusal("http://localhost", "");
        assert!(refusal.ends_with("begins with https"), "{refusal}");
    }
}
