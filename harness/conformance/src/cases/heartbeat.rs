use std::time::Duration;

use tokio::time::Instant;

use crate::{
    Case, Context, Failure, Section,
    raw::{EARLY, Polling, Session, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let heartbeat = Section::Heartbeat;
    vec![
        heartbeat.must(
            "eio.heartbeat.polling_pings_at_each_interval",
            "The server sends a ping packet at the pingInterval of the handshake, the first one \
             interval after it.",
            polling_pings_at_each_interval,
        ),
        heartbeat.should(
            "eio.heartbeat.polling_ends_without_a_pong",
            "If the server receives no pong packet within pingTimeout, it SHOULD consider the \
             session closed.",
            polling_ends_without_a_pong,
        ),
        heartbeat.must(
            "eio.heartbeat.websocket_pings_at_each_interval",
            "The server sends a ping packet at the pingInterval of the handshake, the first one \
             interval after it.",
            websocket_pings_at_each_interval,
        ),
        heartbeat.should(
            "eio.heartbeat.websocket_closes_without_a_pong",
            "If the server receives no pong packet within pingTimeout, it SHOULD close the \
             connection.",
            websocket_closes_without_a_pong,
        ),
    ]
}

async fn polling_pings_at_each_interval(ctx: Context) -> Result<(), Failure> {
    expect_three_pings(&ctx, Polling::open(&ctx).await?).await
}

async fn websocket_pings_at_each_interval(ctx: Context) -> Result<(), Failure> {
    expect_three_pings(&ctx, WebSocket::open(&ctx).await?).await
}

async fn expect_three_pings(ctx: &Context, mut session: impl Session) -> Result<(), Failure> {
    let beat = Beat::of(ctx, &session)?;
    session.connect("/").await?;
    let mut previous = session.asked_at();
    for (round, name) in [(1, "the first ping"), (2, "the second ping"), (3, "the third ping")] {
        let ping = session.next_ping().await?;
        beat.expect_not_early(name, beat.interval * round, ping)?;
        beat.expect_not_late(name, previous, ping)?;
        previous = ping;
    }
    session.send(r#"42["message","still open"]"#).await?;
    session.expect(r#"42["message-back","still open"]"#).await
}

async fn polling_ends_without_a_pong(ctx: Context) -> Result<(), Failure> {
    let mut session = Polling::open(&ctx).await?;
    let beat = Beat::of(&ctx, &session)?;
    session.connect("/").await?;
    let last_pong = session.next_ping().await?;
    session.stop_pongs();
    let ended = session.ended_by(Instant::now() + beat.life() + LATE).await?;
    beat.expect_not_early("the end of the session", beat.earliest_end(last_pong), ended)
}

async fn websocket_closes_without_a_pong(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    let beat = Beat::of(&ctx, &socket)?;
    socket.connect("/").await?;
    let last_pong = socket.next_ping().await?;
    socket.stop_pongs();
    let closed = socket.closed_by(Instant::now() + beat.life() + LATE).await?;
    beat.expect_not_early("the close", beat.earliest_end(last_pong), closed)
}

/// The intervals that the handshake announced.
struct Beat {
    interval: Duration,
    timeout: Duration,
    asked_at: Instant,
}

impl Beat {
    /// Fails if three rounds do not fit into the time of the case.
    fn of(ctx: &Context, session: &impl Session) -> Result<Self, Failure> {
        let beat = Self {
            interval: session.open().ping_interval()?,
            timeout: session.open().ping_timeout()?,
            asked_at: session.asked_at(),
        };
        if beat.interval * 3 + beat.timeout + LATE <= ctx.timeout() {
            return Ok(beat);
        }
        let expected = format!(
            "intervals short enough for three rounds in {:?} (the contract says 300 ms and 200 ms)",
            ctx.timeout(),
        );
        let (interval, timeout) = (beat.interval.as_millis(), beat.timeout.as_millis());
        let came = format!("pingInterval is {interval} and pingTimeout {timeout}");
        Err(Failure::departure(expected, came))
    }

    /// How long a session lives after its last pong.
    fn life(&self) -> Duration {
        self.interval + self.timeout
    }

    /// When the session may end, counted from the handshake, if only the first ping is answered.
    /// A subject may have sent that one at once, which is for another case to judge.
    fn earliest_end(&self, first_ping: Instant) -> Duration {
        if self.is_early(self.interval, first_ping) {
            self.life()
        } else {
            self.interval + self.life()
        }
    }

    fn is_early(&self, after: Duration, came: Instant) -> bool {
        came + EARLY < self.asked_at + after
    }

    /// `after` counts from the moment the session was asked for. No timer of the subject began
    /// earlier, so that load can only add to what is measured.
    fn expect_not_early(&self, what: &str, after: Duration, came: Instant) -> Result<(), Failure> {
        if !self.is_early(after, came) {
            return Ok(());
        }
        let elapsed = came - self.asked_at;
        let after = after.as_millis();
        let expected = format!("{what} {after} ms after the handshake or later");
        Err(Failure::departure(expected, format!("{what} after {} ms", elapsed.as_millis())))
    }

    fn expect_not_late(&self, what: &str, previous: Instant, came: Instant) -> Result<(), Failure> {
        let elapsed = came - previous;
        if elapsed <= self.interval + LATE {
            return Ok(());
        }
        let expected = format!("{what} {} ms after the one before", self.interval.as_millis());
        Err(Failure::departure(expected, format!("{what} after {} ms", elapsed.as_millis())))
    }
}

/// Generous, so that no load changes a verdict.
const LATE: Duration = Duration::from_secs(2);
