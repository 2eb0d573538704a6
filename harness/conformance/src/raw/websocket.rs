use std::{iter, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    Open, Packet, Session, frame,
    session::Hex,
    socket::{Frame, Socket},
};
use crate::{Context, Failure, FailureKind};

/// A session over a WebSocket connection.
#[derive(Debug)]
pub struct WebSocket {
    ctx: Context,
    socket: Socket,
    open: Open,
}

impl WebSocket {
    /// Opens a session: Engine.IO protocol v4, "Handshake".
    pub async fn open(ctx: &Context) -> Result<Self, Failure> {
        let attempt = Socket::connect(ctx, "EIO=4&transport=websocket").await?;
        let mut socket = accepted(attempt)?;
        let open = match next(ctx, &mut socket, "an open packet").await? {
            Packet::Text(text) => Open::parse(&text)?,
            other @ Packet::Binary(_) => return Err(Failure::departure("an open packet", other)),
        };
        ctx.recorder().opened(&open);
        let ctx = ctx.clone();
        Ok(Self { ctx, socket, open })
    }

    /// A connection on the way to take over the session that `open` began.
    pub(super) async fn join(ctx: &Context, open: &Open) -> Result<Self, Failure> {
        let query = format!("EIO=4&transport=websocket&{}", open.sid_parameter());
        Ok(Self {
            ctx: ctx.clone(),
            socket: accepted(Socket::connect(ctx, &query).await?)?,
            open: open.clone(),
        })
    }

    /// Sends one binary frame.
    pub async fn send_binary(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.socket.send_binary(bytes).await
    }

    /// Fails unless the next packet is this binary frame.
    pub async fn expect_binary(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let expected = Hex(bytes).to_string();
        match self.receive(&expected).await? {
            Packet::Binary(came) if came == bytes => Ok(()),
            other => Err(Failure::departure(expected, other)),
        }
    }

    /// Fails unless `packet` comes with these attachments behind its placeholders.
    ///
    /// Which attachment a placeholder points to is its number's matter: a server may number them
    /// in any order.
    pub async fn expect_attached(
        &mut self,
        packet: &str,
        attachments: &[&[u8]],
    ) -> Result<(), Failure> {
        let came = self.receive(packet).await?;
        let (prefix, _) = frame::split(packet);
        let json = match &came {
            Packet::Text(text) => frame::json_after(prefix, text),
            Packet::Binary(_) => None,
        };
        let Some(json) = json else {
            return Err(Failure::departure(packet, came));
        };
        let mut arrived = Vec::new();
        for attachment in attachments {
            let expected = format!("{packet} with the attachment {}", Hex(attachment));
            match self.receive(&expected).await? {
                Packet::Binary(bytes) => arrived.push(bytes),
                other @ Packet::Text(_) => return Err(Failure::departure(expected, other)),
            }
        }
        let expected = frame::json_after(prefix, packet).unwrap_or_default();
        let expected = frame::fill(expected, attachments);
        let came = frame::fill(json, &arrived);
        if frame::same_json(&expected, &came) {
            Ok(())
        } else {
            Err(Failure::departure(format!("{prefix}{expected}"), format!("{prefix}{came}")))
        }
    }

    /// Sends `packet` and fails unless the subject closes the connection because of it.
    ///
    /// `fence` is sent after it. A subject that answers the fence has not closed, which is better
    /// evidence than silence; it is given one more second, since a close may be under way while
    /// the fence is answered. Pongs go on all the while, and a close that comes when the heartbeat
    /// of a subject would end that no longer reads them does not count.
    pub async fn expect_close_after(&mut self, packet: &str, fence: &str) -> Result<(), Failure> {
        self.send(packet).await?;
        let sent_at = Instant::now();
        // Writing to a connection that has been closed already is no failure.
        self.send(fence).await.ok();
        let expected = format!("the connection closed after {packet}");
        let mut deadline = self.ctx.not_after(sent_at + CLOSES_WITHIN);
        let mut answers = Vec::new();
        loop {
            match timeout_at(deadline, self.socket.frames.recv()).await {
                Ok(Some(Frame::Closed { at, .. })) => {
                    return self.expect_own_close(&expected, sent_at, at);
                }
                Ok(Some(Frame::Packet(answer))) => {
                    deadline = deadline.min(Instant::now() + CLOSES_AFTER_AN_ANSWER);
                    answers.push(answer.to_string());
                }
                Ok(None) => return Ok(()),
                Err(_) if answers.is_empty() => {
                    let came = format!("it stays open after {packet}, and silent");
                    return Err(Failure::new(FailureKind::Silence, expected, came));
                }
                Err(_) => {
                    let answers = answers.join(", ");
                    let came = format!("it stays open after {packet} and carries {answers}");
                    return Err(Failure::departure(expected, came));
                }
            }
        }
    }

    /// Fails if the heartbeat may have closed the connection: no pong was read since `sent_at`.
    fn expect_own_close(
        &mut self,
        expected: &str,
        sent_at: Instant,
        closed_at: Instant,
    ) -> Result<(), Failure> {
        let interval = self.open.ping_interval().unwrap_or_default();
        let next_ping =
            iter::from_fn(|| self.socket.pings.try_recv().ok()).find(|ping| *ping > sent_at);
        // As if the interval had begun just then that ended with the next ping.
        let since = next_ping.and_then(|ping| ping.checked_sub(interval)).unwrap_or(sent_at);
        self.expect_before_heartbeat(expected, since.min(sent_at), closed_at)
    }

    /// When the subject closed the connection, whatever it sent before; fails at `deadline`.
    pub async fn closed_by(&mut self, deadline: Instant) -> Result<Instant, Failure> {
        let closed = async {
            loop {
                match self.socket.frames.recv().await {
                    Some(Frame::Closed { at, .. }) => return at,
                    Some(Frame::Packet(_)) => {}
                    None => return Instant::now(),
                }
            }
        };
        timeout_at(self.ctx.not_after(deadline), closed).await.map_err(|_| {
            let after = self.socket.asked_at.elapsed().as_millis();
            Failure::departure(
                "the connection closed",
                format!("it is still open {after} ms after the handshake"),
            )
        })
    }
}

impl Session for WebSocket {
    fn open(&self) -> &Open {
        &self.open
    }

    fn asked_at(&self) -> Instant {
        self.socket.asked_at
    }

    async fn send(&mut self, packet: &str) -> Result<(), Failure> {
        self.socket.send(packet).await
    }

    async fn receive(&mut self, expected: &str) -> Result<Packet, Failure> {
        next(&self.ctx, &mut self.socket, expected).await
    }

    fn stop_pongs(&mut self) {
        self.socket.stop_pongs();
    }

    async fn next_ping(&mut self) -> Result<Instant, Failure> {
        let expected = "a ping, 2";
        let ping = self.ctx.wait(expected, self.socket.pings.recv()).await?;
        ping.ok_or_else(|| Failure::new(FailureKind::Disconnected, expected, "a close"))
    }
}

/// A WebSocket request that must not lead to a session.
///
/// Fails unless the subject refuses it, or accepts it and closes before it sends a packet: a
/// server may complete the WebSocket handshake before it looks at the query.
pub async fn expect_websocket_refused(ctx: &Context, query: &str) -> Result<(), Failure> {
    let Ok(mut socket) = Socket::connect(ctx, query).await? else {
        return Ok(());
    };
    let expected = format!("the WebSocket request ?{query} to be refused, or closed at once");
    let deadline = ctx.not_after(Instant::now() + CLOSES_WITHIN);
    loop {
        match timeout_at(deadline, socket.frames.recv()).await {
            Ok(Some(Frame::Closed { .. }) | None) => return Ok(()),
            // It announces the close, and is none by itself.
            Ok(Some(Frame::Packet(Packet::Text(text)))) if text == "1" => {}
            Ok(Some(Frame::Packet(packet))) => return Err(Failure::departure(expected, packet)),
            Err(_) => {
                let came = format!("a connection that is open after {CLOSES_WITHIN:?}");
                return Err(Failure::departure(expected, came));
            }
        }
    }
}

async fn next(ctx: &Context, socket: &mut Socket, expected: &str) -> Result<Packet, Failure> {
    let how = match ctx.wait(expected, socket.frames.recv()).await? {
        Some(Frame::Packet(Packet::Text(text))) if text == "1" => {
            "ended with a close packet".to_owned()
        }
        Some(Frame::Packet(packet)) => return Ok(packet),
        Some(Frame::Closed { how, .. }) => how,
        None => "closed".to_owned(),
    };
    let came = format!("the connection was {how}");
    Err(Failure::new(FailureKind::Disconnected, expected, came))
}

fn accepted(attempt: Result<Socket, String>) -> Result<Socket, Failure> {
    attempt.map_err(|answer| Failure::departure("HTTP 101, a WebSocket connection", answer))
}

/// Generous, for a loaded machine: nothing else closes the connection meanwhile, because pongs
/// are answered and a case that has not connected uses CONNECT itself as the fence.
const CLOSES_WITHIN: Duration = Duration::from_secs(3);
const CLOSES_AFTER_AN_ANSWER: Duration = Duration::from_secs(1);
