use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use futures::try_join;
use http::Method;
use tokio::time::{Instant, timeout_at};

use super::{Line, Open, Packet, Reply, Session, Transport, WebSocket, http::exchange};
use crate::{Context, Failure};

/// A session over HTTP long-polling, every request on a connection of its own.
#[derive(Debug)]
pub struct Polling {
    ctx: Context,
    line: Line,
    pongs: bool,
    open: Open,
    asked_at: Instant,
    inbox: Mutex<Inbox>,
    /// A client has at most one POST in flight; a pong must not overtake the case's own.
    posting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Inbox {
    packets: VecDeque<String>,
    pings: VecDeque<Instant>,
}

impl Polling {
    /// Opens a session: Engine.IO protocol v4, "Handshake".
    pub async fn open(ctx: &Context) -> Result<Self, Failure> {
        let line = ctx.line(Transport::Polling);
        let reply = exchange(ctx, &line, Method::GET, HANDSHAKE, "").await?;
        let asked_at = reply.asked_at;
        let mut packets = reply.expect_status(200)?.packets().map(str::to_owned);
        let open = Open::parse(&packets.next().unwrap_or_default())?;
        ctx.recorder().opened(&open);
        let session = Self {
            ctx: ctx.clone(),
            line,
            pongs: true,
            open,
            asked_at,
            inbox: Mutex::default(),
            posting: tokio::sync::Mutex::default(),
        };
        session.take_in(packets).await;
        Ok(session)
    }

    /// One GET, as it was answered. Its packets are not kept for [`Session::receive`]; the pings
    /// among them are answered.
    pub async fn poll(&self) -> Result<Reply, Failure> {
        let reply = self.exchange(Method::GET, "").await?;
        let pings = reply.packets().filter(|packet| *packet == PING);
        self.take_in(pings.map(str::to_owned)).await;
        Ok(reply)
    }

    /// One POST, as it was answered.
    pub async fn post(&self, payload: &str) -> Result<Reply, Failure> {
        let _alone = self.posting.lock().await;
        self.exchange(Method::POST, payload).await
    }

    /// Asks after a session that there never was. When that is answered, the subject has most likely
    /// met what was sent before.
    pub async fn round_trip(&self) -> Result<(), Failure> {
        let query = format!("{HANDSHAKE}&sid=none");
        exchange(&self.ctx, &self.line, Method::GET, &query, "").await.map(drop)
    }

    /// Fails unless the session has ended, so that its id is unknown: Engine.IO protocol v4,
    /// "Sending and receiving data".
    pub async fn expect_gone(&self) -> Result<(), Failure> {
        // What the subject sent before it forgot the session may still be delivered.
        for _ in 0..3 {
            let reply = self.poll().await?;
            // A ping may have been queued before a farewell; alone it is the life of the session.
            let closes = reply.packets().any(|packet| packet == CLOSE);
            let farewell = reply
                .packets()
                .all(|packet| packet == NOOP || packet == CLOSE || (closes && packet == PING));
            match reply.status {
                400 => return Ok(()),
                200 if farewell => {}
                _ => return Err(Failure::departure(GONE, reply.shown())),
            }
        }
        Err(Failure::departure(GONE, "polls are still answered with HTTP 200"))
    }

    /// A WebSocket connection with the id of this session.
    pub async fn websocket(&self) -> Result<WebSocket, Failure> {
        WebSocket::join(&self.ctx, &self.open).await
    }

    /// When a poll was first answered with `400`, whatever polls were answered before; fails at
    /// `deadline`.
    pub async fn ended_by(&self, deadline: Instant) -> Result<Instant, Failure> {
        let ended = async {
            while self.poll().await?.status != 400 {}
            Ok(Instant::now())
        };
        timeout_at(self.ctx.not_after(deadline), ended).await.unwrap_or_else(|_| {
            let after = self.asked_at.elapsed().as_millis();
            let came = format!("it is still there {after} ms after the handshake");
            Err(Failure::departure("the session ended", came))
        })
    }

    async fn exchange(&self, method: Method, body: &str) -> Result<Reply, Failure> {
        let query = format!("{HANDSHAKE}&{}", self.open.sid_parameter());
        exchange(&self.ctx, &self.line, method, &query, body).await
    }

    /// Sorts packets into the inbox and answers pings.
    async fn take_in(&self, packets: impl Iterator<Item = String>) {
        let came_at = Instant::now();
        let mut pings = 0;
        self.with_inbox(|inbox| {
            for packet in packets.filter(|packet| packet != NOOP) {
                if packet == PING {
                    pings += 1;
                    inbox.pings.push_back(came_at);
                } else {
                    inbox.packets.push_back(packet);
                }
            }
        });
        if self.pongs {
            for _ in 0..pings {
                // The session may have ended meanwhile; the case finds out by itself.
                self.post(PONG).await.ok();
            }
        }
    }

    fn with_inbox<T>(&self, access: impl FnOnce(&mut Inbox) -> T) -> T {
        access(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Polls until `take` finds something in the inbox.
    async fn poll_until<T>(
        &self,
        expected: &str,
        take: impl Fn(&mut Inbox) -> Option<T>,
    ) -> Result<T, Failure> {
        loop {
            if let Some(found) = self.with_inbox(&take) {
                return Ok(found);
            }
            let reply = self
                .exchange(Method::GET, "")
                .await
                .map_err(|failure| Failure { expected: expected.to_owned(), ..failure })?;
            if reply.status != 200 {
                return Err(Failure::departure(expected, reply.shown()));
            }
            self.take_in(reply.packets().map(str::to_owned)).await;
        }
    }
}

impl Session for Polling {
    fn open(&self) -> &Open {
        &self.open
    }

    fn asked_at(&self) -> Instant {
        self.asked_at
    }

    /// Sends one payload, which may hold several packets, and fails unless it is taken.
    async fn send(&mut self, payload: &str) -> Result<(), Failure> {
        self.post(payload).await?.expect_status(200).map(|_| ())
    }

    async fn ask(&mut self, payload: &str) -> Result<(), Failure> {
        let send = async { self.post(payload).await?.expect_status(200).map(|_| ()) };
        let poll = async {
            let reply = self.exchange(Method::GET, "").await?;
            reply.expect_status(200).cloned()
        };
        let ((), reply) = try_join!(send, poll)?;
        self.take_in(reply.packets().map(str::to_owned)).await;
        Ok(())
    }

    async fn receive(&mut self, expected: &str) -> Result<Packet, Failure> {
        self.poll_until(expected, |inbox| inbox.packets.pop_front()).await.map(Packet::Text)
    }

    fn stop_pongs(&mut self) {
        self.pongs = false;
    }

    async fn next_ping(&mut self) -> Result<Instant, Failure> {
        self.poll_until("a ping, 2", |inbox| inbox.pings.pop_front()).await
    }
}

const HANDSHAKE: &str = "EIO=4&transport=polling";
const GONE: &str = "HTTP 400, because the session has ended";
const CLOSE: &str = "1";
const PING: &str = "2";
const PONG: &str = "3";
const NOOP: &str = "6";
