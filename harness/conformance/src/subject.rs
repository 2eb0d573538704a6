use std::fmt;

use thiserror::Error;
use url::Url;

/// The server under test: where it listens and under which path it answers.
///
/// ```
/// use socketio_conformance::Subject;
///
/// let subject = Subject::parse("http://127.0.0.1:3000")?.with_path("/testPath");
/// assert_eq!(subject.to_string(), "http://127.0.0.1:3000/testPath/");
/// # Ok::<_, socketio_conformance::SubjectError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    authority: String,
    path: String,
}

impl Subject {
    /// The server at `url`, such as `http://127.0.0.1:3000`, under the path `/socket.io/`. The
    /// scheme may be left out, and `ws` means the same as `http`.
    pub fn parse(url: &str) -> Result<Self, SubjectError> {
        let error = |problem| SubjectError { url: url.to_owned(), problem };
        let with_scheme =
            if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let parsed = Url::parse(&with_scheme).map_err(|source| error(source.to_string()))?;
        match parsed.scheme() {
            "http" | "ws" => {}
            "https" | "wss" => {
                let problem = "it is judged over plain HTTP: let it listen without TLS, too, and \
                               give that address";
                return Err(error(problem.to_owned()));
            }
            other => return Err(error(format!("the scheme is {other:?}, not \"http\""))),
        }
        if parsed.path() != "/" || parsed.query().is_some() {
            return Err(error(
                "it has a path: give scheme, host and port here and the path as --path".to_owned(),
            ));
        }
        let host = parsed.host_str().ok_or_else(|| error("the host is missing".to_owned()))?;
        let port = parsed.port_or_known_default().unwrap_or(80);
        Ok(Self { authority: format!("{host}:{port}"), path: "/socket.io/".to_owned() })
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

    /// The path of every request, with a slash at both ends.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
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
        for (url, problem) in [
            ("https://localhost", "without TLS"),
            ("wss://localhost", "without TLS"),
            ("ftp://localhost", "the scheme is \"ftp\""),
            ("no url", "invalid"),
        ] {
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
}
