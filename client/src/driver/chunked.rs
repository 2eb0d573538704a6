//! Bodies in chunks (RFC 9112, section 7.1), of answers that refuse a websocket.

use http::HeaderMap;
use http::header::TRANSFER_ENCODING;

/// Whether the body that follows this head comes in chunks.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    let text = last.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.rsplit(',').next().is_some_and(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
}

/// The body in these chunks as far as it has come, and whether that is all of it. What is no chunk
/// ends it.
pub(crate) fn join(mut chunks: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(chunks) {
            Ok(httparse::Status::Complete((_, 0))) | Err(_) => return (body, true),
            Ok(httparse::Status::Complete((start, size))) => (start, size),
            Ok(httparse::Status::Partial) => return (body, false),
        };
        let rest = chunks.get(start..).unwrap_or_default();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some((data, rest)) = rest.split_at_checked(size) else {
            body.extend_from_slice(rest);
            return (body, false);
        };
        body.extend_from_slice(data);
        match rest.strip_prefix(b"\r\n") {
            Some(rest) => chunks = rest,
            None => return (body, !matches!(rest, b"" | b"\r")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKS: &[u8] = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";

    #[test]
    fn chunks_are_joined_and_their_end_is_seen() {
        assert_eq!(join(CHUNKS), (b"abc0123456789".to_vec(), true));
        // Up to the line of the last chunk, nothing tells that it is the last.
        let end = CHUNKS.len() - 4;
        for cut in 0..end {
            let (body, ended) = join(&CHUNKS[..cut]);
            assert!(!ended && b"abc0123456789".starts_with(&body), "{cut}: {body:?}");
        }
    }

    #[test]
    fn what_is_no_chunk_ends_the_body() {
        for rubbish in ["rubbish", "3\r\nabcrubbish", "ffffffffffffffffff\r\n"] {
            let (body, ended) = join(rubbish.as_bytes());
            assert!(ended && b"abc".starts_with(&body), "{rubbish}: {body:?}");
        }
        assert_eq!(join(b"ffffffffffffffff\r\nabc"), (b"abc".to_vec(), false));
    }

    #[test]
    fn the_last_coding_counts() {
        let headers = |text: &'static str| {
            HeaderMap::from_iter([(TRANSFER_ENCODING, text.parse().expect("a value"))])
        };
        assert!(is_chunked(&headers("gzip, Chunked")));
        assert!(!is_chunked(&headers("chunked, gzip")));
        assert!(!is_chunked(&HeaderMap::new()));
    }
}
