//! A WebSocket connection before it means anything: frames in, frames out, pings answered.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use super::{
    Line, Packet, Transport,
    session::Hex,
    stream::{self, Stream},
};
use crate::{Context, Failure, FailureKind, stalls::noticing};

/// The connection, read by a task from the first frame on, so that a frame carries the time at
/// which it came and not the time at which the case looked.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) frames: mpsc::UnboundedReceiver<Frame>,
    pub(super) pings: mpsc::UnboundedReceiver<Instant>,
    pub(super) asked_at: Instant,
    line: Line,
    sink: Arc<Mutex<Sink>>,
    answering: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

#[derive(Debug)]
pub(super) enum Frame {
    Packet(Packet),
    /// The last frame.
    Closed {
        at: Instant,
        how: String,
    },
}

type Sink = SplitSink<WebSocketStream<Stream>, Message>;

impl Socket {
    /// Asks for a connection; the inner error is what the subject answered instead of `101`.
    pub(super) async fn connect(
        ctx: &Context,
        query: &str,
    ) -> Result<Result<Self, String>, Failure> {
        let line = ctx.line(Transport::WebSocket);
        let subject = ctx.subject();
        let url = format!("ws://{}{}?{query}", subject.authority(), subject.path());
        let handshake = ctx.wait("an answer to the WebSocket request", async {
            let begun = Instant::now();
            let stream = stream::connect(subject).await?;
            line.sent(format!("GET ?{query} (upgrade)"));
            let asked_at = Instant::now();
            let config = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE));
            let answer = client_async_with_config(url, stream, Some(config)).await;
            line.took(begun.elapsed());
            Ok((answer, asked_at))
        });
        let (answer, asked_at) = handshake.await??;
        match answer {
            Ok((stream, _)) => {
                line.received("101");
                Ok(Ok(Self::start(line, stream, asked_at)))
            }
            Err(error) => {
                let answer = match error {
                    tungstenite::Error::Http(response) => format!("HTTP {}", response.status()),
                    other => other.to_string(),
                };
                line.received(&answer);
                Ok(Err(answer))
            }
        }
    }

    pub(super) async fn send(&self, packet: &str) -> Result<(), Failure> {
        self.line.sent(packet);
        self.write(Message::text(packet)).await
    }

    pub(super) async fn send_binary(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.line.sent(Hex(bytes).to_string());
        self.write(Message::binary(bytes.to_vec())).await
    }

    async fn write(&self, message: Message) -> Result<(), Failure> {
        self.sink.lock().await.send(message).await.map_err(|error| {
            let came = format!("a closed one ({error})");
            Failure::new(FailureKind::Disconnected, "an open connection", came)
        })
    }

    /// Answers no ping from now on.
    pub(super) fn stop_pongs(&self) {
        self.answering.store(false, Ordering::Relaxed);
    }

    fn start(line: Line, stream: WebSocketStream<Stream>, asked_at: Instant) -> Self {
        let (sink, stream) = stream.split();
        let sink = Arc::new(Mutex::new(sink));
        let (to_frames, frames) = mpsc::unbounded_channel();
        let (to_pings, pings) = mpsc::unbounded_channel();
        let answering = Arc::new(AtomicBool::new(true));
        let reader = Reader {
            stream,
            line: line.clone(),
            frames: to_frames,
            pings: to_pings,
            sink: Arc::clone(&sink),
            answering: Arc::clone(&answering),
        };
        let watched = line.clone();
        let reader = noticing(reader.run(), move |late| watched.stood_still(late));
        Self { frames, pings, asked_at, line, sink, answering, reader: tokio::spawn(reader) }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

struct Reader {
    stream: SplitStream<WebSocketStream<Stream>>,
    line: Line,
    frames: mpsc::UnboundedSender<Frame>,
    pings: mpsc::UnboundedSender<Instant>,
    sink: Arc<Mutex<Sink>>,
    answering: Arc<AtomicBool>,
}

impl Reader {
    async fn run(mut self) {
        let how = loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => self.text(text.as_str()).await,
                Some(Ok(Message::Binary(bytes))) => {
                    self.line.received(Hex(&bytes).to_string());
                    self.deliver(Packet::Binary(bytes));
                }
                Some(Ok(Message::Close(Some(frame)))) => break format!("closed: {frame}"),
                Some(Ok(Message::Close(None))) | None => break "closed".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => break format!("closed: {error}"),
            }
        };
        self.line.received(format!("({how})"));
        let at = Instant::now();
        self.frames.send(Frame::Closed { at, how }).ok();
    }

    async fn text(&self, text: &str) {
        self.line.received(text);
        match text {
            "2" => {
                let came_at = Instant::now();
                if self.answering.load(Ordering::Relaxed) {
                    self.line.sent("3");
                    self.sink.lock().await.send(Message::text("3")).await.ok();
                }
                // Told last: whoever knows of a ping may rely on its pong.
                self.pings.send(came_at).ok();
            }
            "6" => {}
            _ => self.deliver(Packet::Text(text.to_owned())),
        }
    }

    fn deliver(&self, packet: Packet) {
        // The case may be over and gone.
        self.frames.send(Frame::Packet(packet)).ok();
    }
}

const LARGEST_MESSAGE: usize = 4 << 20;
