use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Asks a server for a transport that does not exist. One that speaks Engine.IO refuses it; nothing
/// is opened by the question.
///
/// Fails with what came instead.
pub(crate) async fn answers(authority: &str, path: &str) -> Result<(), String> {
    let asking = async {
        let mut stream = TcpStream::connect(authority).await?;
        let path = path.trim_end_matches('/');
        let question = format!(
            "GET {path}/?EIO=4&transport=none HTTP/1.1\r\nhost: {authority}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        while !answer.contains(&b'\n') {
            if answer.len() > LONGEST_ANSWER || stream.read_buf(&mut answer).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    match timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) => judge(&answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

/// 404 is an HTTP server that does not serve Socket.IO yet; 5xx, one that stands before it. Others
/// may ask for a password first.
fn judge(answer: &str) -> Result<(), String> {
    let line = answer.lines().next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(404) => Err(format!("{line:?}")),
        Some(200..500) => Ok(()),
        _ => Err(format!("{line:?}")),
    }
}

const PATIENCE: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_transport_is_an_answer() {
        assert_eq!(judge("HTTP/1.1 400 Bad Request\r\n"), Ok(()));
        assert_eq!(judge("HTTP/1.0 401 Unauthorized\r\n"), Ok(()));
        for other in ["HTTP/1.1 404 Not Found", "HTTP/1.1 502 Bad Gateway", "SSH-2.0", ""] {
            assert_eq!(judge(other), Err(format!("{other:?}")));
        }
    }
}
