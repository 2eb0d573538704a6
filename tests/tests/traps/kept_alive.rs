//! HTTP connections that a server has closed between two requests.

use serde_json::json;
use socketio_harness::{
    Connecting, Connector, Result, Target, Transport, connecting, create_socketio_client,
};
use socketio_tests::scripted::{CONNECTED, OPEN};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// Hands the server's end of each connection to the test: what it drops, the client has heard of
/// before anything else happens.
struct Pipes(mpsc::UnboundedSender<Kept>);

impl Connector for Pipes {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        connecting(async {
            let (client, server) = tokio::io::duplex(4096);
            self.0.send(Kept(server)).map_err(|_| std::io::ErrorKind::ConnectionRefused)?;
            Ok(client)
        })
    }
}

/// The server's end of an HTTP connection that is kept alive.
struct Kept(DuplexStream);

impl Kept {
    /// Takes a request, which names its session and is short; returns it.
    async fn request(&mut self) -> String {
        let mut request = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase();
                let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_none_or(|length| length.parse() == Ok(body.len())) {
                    return text;
                }
            }
            assert_ne!(self.0.read_buf(&mut request).await.expect("a pipe"), 0, "a whole request");
        }
    }

    async fn answer(&mut self, body: &str) -> String {
        let request = self.request().await;
        self.reply(body).await;
        request
    }

    async fn reply(&mut self, body: &str) {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(answer.as_bytes()).await.expect("a client that reads");
    }
}

#[tokio::test]
async fn a_post_takes_another_connection_when_the_server_has_closed_the_idle_one() -> Result {
    let (opens, mut opened) = mpsc::unbounded_channel();
    let target = Target::new("memory", 80).connector(Pipes(opens));
    let server = async {
        let mut polls = opened.recv().await.expect("a connection for the polls");
        polls.answer(OPEN).await;
        let mut posts = opened.recv().await.expect("a connection for the posts");
        posts.answer("ok").await;
        polls.answer(CONNECTED).await;
        posts.answer("ok").await;
        polls.answer(r#"430["first"]"#).await;
        // By then the client has its answers. uvicorn waits five seconds longer.
        polls.request().await;
        drop(posts);
        let mut posts = opened.recv().await.expect("another connection for the posts");
        let posted = posts.answer("ok").await;
        assert!(posted.ends_with(r#"421["question"]"#), "{posted}");
        polls.reply(r#"431["second"]"#).await;
        // Whatever comes then stays unanswered.
        std::future::pending::<()>().await;
    };
    let conversation = async {
        let client = create_socketio_client(target).transports([Transport::Polling]).await?;
        for answer in ["first", "second"] {
            let answered = client.send_with_ack("question", ()).await?;
            assert_eq!(answered.values(), [json!(answer)]);
        }
        client.drop_connection();
        client.close().await
    };
    tokio::select! {
        outcome = conversation => Ok(outcome?),
        () = server => unreachable!("the server waits until the test is over"),
    }
}
