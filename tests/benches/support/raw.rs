use std::collections::VecDeque;

use futures::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Outcome;

/// What a programmer who knows the protocol would write by hand for one benchmark: a websocket
/// without Nagle's delay, with small buffers, and literal frames. It knows no deadlines, keeps no
/// record, parses no JSON and understands nothing but the answers it expects.
pub(crate) struct RawClient<S = TcpStream> {
    socket: WebSocketStream<S>,
    next_ack: u64,
    reads_json: bool,
}

impl RawClient {
    /// Opens the session and connects to the main namespace.
    pub(crate) async fn connect(port: u16) -> Outcome<Self> {
        Self::connect_with_buffers(port, SMALL_BUFFERS).await
    }

    pub(crate) async fn connect_with_buffers(port: u16, bytes: usize) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Self::over(stream, &format!("127.0.0.1:{port}"), bytes).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    /// The same over a stream that is open.
    pub(crate) async fn over(stream: S, host: &str, bytes: usize) -> Outcome<Self> {
        let url = format!("ws://{host}/socket.io/?EIO=4&transport=websocket");
        let config = WebSocketConfig::default().read_buffer_size(bytes).write_buffer_size(bytes);
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        let mut client = Self { socket, next_ack: 0, reads_json: false };
        client.expect("0{").await?;
        client.socket.send(Message::text("40")).await?;
        client.expect("40{").await?;
        Ok(client)
    }

    /// Makes JSON values of the acks it waits for, as a client must that gives them to somebody.
    pub(crate) fn reading_json(mut self) -> Self {
        self.reads_json = true;
        self
    }

    /// Emits an event with three arguments and waits for them to come back.
    pub(crate) async fn ack(&mut self) -> Outcome {
        let (event, answer) = self.event_with_ack();
        self.socket.send(event).await?;
        self.expect(&answer).await
    }

    /// Has `window` acks under way until `count` have come.
    pub(crate) async fn acks(&mut self, count: u32, window: usize) -> Outcome {
        let mut answers = VecDeque::with_capacity(window);
        for _ in 0..count {
            if answers.len() == window
                && let Some(answer) = answers.pop_front()
            {
                self.expect_after_flush(answer).await?;
            }
            let (event, answer) = self.event_with_ack();
            self.socket.feed(event).await?;
            answers.push_back(answer);
        }
        for answer in answers {
            self.expect_after_flush(answer).await?;
        }
        Ok(())
    }

    /// Emits `count` events, flushed in batches, and waits until the server has them all.
    pub(crate) async fn send(&mut self, count: u32, batch: u32) -> Outcome {
        for number in 0..count {
            let event = Message::text(format!(r#"42["event",{number},"text"]"#));
            self.socket.feed(event).await?;
            if number % batch == batch - 1 {
                self.socket.flush().await?;
            }
        }
        let id = self.next_ack_id();
        self.socket.send(Message::text(format!(r#"42{id}["count"]"#))).await?;
        self.expect(&format!("43{id}[{count}]")).await
    }

    /// Asks for `count` events and waits until they have come.
    pub(crate) async fn receive(&mut self, count: u32) -> Outcome {
        self.socket.send(Message::text(format!(r#"42["burst",{count}]"#))).await?;
        for number in 0..count {
            self.expect(&format!(r#"42["tick",{number}]"#)).await?;
        }
        Ok(())
    }

    /// Leaves the namespace, then closes the websocket and waits for the server's side of it.
    pub(crate) async fn close(mut self) -> Outcome {
        self.socket.feed(Message::text("41")).await?;
        self.socket.send(Message::Close(None)).await?;
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(())
    }

    /// Answers heartbeats for ever.
    pub(crate) async fn idle(mut self) -> Outcome {
        loop {
            self.text().await?;
        }
    }

    fn event_with_ack(&mut self) -> (Message, String) {
        let id = self.next_ack_id();
        let event = Message::text(format!(r#"42{id}["message-with-ack",1,2,3]"#));
        (event, format!("43{id}[1,2,3]"))
    }

    fn next_ack_id(&mut self) -> u64 {
        self.next_ack += 1;
        self.next_ack
    }

    /// Flushes only if it would have to wait.
    async fn expect_after_flush(&mut self, start: String) -> Outcome {
        if let Some(outcome) = self.expect(&start).now_or_never() {
            return outcome;
        }
        self.socket.flush().await?;
        self.expect(&start).await
    }

    /// Skips the events a server sends unasked.
    async fn expect(&mut self, start: &str) -> Outcome {
        loop {
            let text = self.text().await?;
            if text.starts_with(start) {
                if self.reads_json
                    && let Some(array) = text.find('[')
                {
                    let args: Vec<Value> = serde_json::from_str(text.split_at(array).1)?;
                    std::hint::black_box(args);
                }
                return Ok(());
            }
            if !text.starts_with("42") {
                return Err(format!("expected {start}, got {text}").into());
            }
        }
    }

    async fn text(&mut self) -> Outcome<Utf8Bytes> {
        while let Some(message) = self.socket.next().await.transpose()? {
            match message {
                Message::Text(text) if text == "2" => self.socket.send(Message::text("3")).await?,
                Message::Text(text) => return Ok(text),
                _ => {}
            }
        }
        Err("the server has closed".into())
    }
}

/// Enough for small events, where the library's own 128 KiB are for bulk.
pub(crate) const SMALL_BUFFERS: usize = 4 << 10;
