//! When bytes go on: latency, bandwidth, pieces, freezing.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::registry::UnderWay;
use super::rules::{Latency, Rules};

/// Bytes on their way, and how late they are. No bytes are the end of the stream.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) delay: Delay,
    pub(super) data: Bytes,
    /// Until it has arrived, or is lost.
    pub(super) under_way: UnderWay,
}

/// Tells the parcels of one direction how late they are.
#[derive(Debug)]
pub(super) struct Stamp {
    /// Of the connection and the direction, so that each has a jitter of its own.
    lane: u64,
    parcels: u64,
}

impl Stamp {
    pub(super) fn new(lane: u64) -> Self {
        Self { lane, parcels: 0 }
    }

    pub(super) fn delay(&mut self, rules: &Rules) -> Delay {
        self.parcels += 1;
        Delay::new(rules, |latency| time(latency, self.lane, self.parcels))
    }
}

/// What the latencies take that stand when something leaves. Those that heal give back theirs.
#[derive(Debug)]
pub(super) struct Delay {
    /// Absent if there are none: most parcels meet no fault, and to ask for the time costs some.
    since: Option<Instant>,
    /// By the number of the rule.
    times: Vec<(u64, Duration)>,
}

impl Delay {
    fn new(rules: &Rules, time: impl Fn(&Latency) -> Duration) -> Self {
        let times: Vec<_> =
            rules.latency.iter().map(|(id, latency)| (*id, time(latency))).collect();
        Self { since: times.first().map(|_| Instant::now()), times }
    }

    /// Of a connection to be opened, which takes the way there and back.
    pub(super) fn of_opening(rules: &Rules, number: u64) -> Self {
        Self::new(rules, |latency| time(latency, number, 0) * 2)
    }

    /// Resolves when it is over.
    pub(super) async fn over(&self, rules: &mut watch::Receiver<Rules>) {
        let Some(since) = self.since else { return };
        loop {
            let due = since + self.still(&rules.borrow_and_update());
            if due <= Instant::now() {
                return;
            }
            match timeout_at(due, rules.changed()).await {
                Ok(Ok(())) => {}
                // Without a sender there is nobody left to heal it.
                Ok(Err(_)) => return sleep_until(due).await,
                Err(_) => return,
            }
        }
    }

    /// How long it is by the latencies that have not healed.
    fn still(&self, rules: &Rules) -> Duration {
        let stands = |(id, _): &&(u64, _)| rules.latency.contains_key(id);
        self.times.iter().filter(stands).map(|(_, time)| time).sum()
    }
}

/// The time a latency takes of the `nth` parcel in a lane: always the same.
fn time(latency: &Latency, lane: u64, nth: u64) -> Duration {
    // Odd constants spread neighbouring numbers over all seeds.
    let spread = lane.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ nth.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let random = fastrand::Rng::with_seed(latency.seed ^ spread).f64();
    latency.delay + latency.jitter.mul_f64(random)
}

/// Resolves when nothing is frozen.
pub(super) async fn thaw(rules: &mut watch::Receiver<Rules>) {
    // Without a sender there is nobody left to heal it.
    let _ = rules.wait_for(|rules| !rules.frozen).await;
}

/// What a connection has carried, in both directions.
#[derive(Debug, Default)]
pub(super) struct Meter {
    carried: AtomicU64,
    /// The rule that counts now, and what had been carried when it began.
    since: std::sync::Mutex<std::collections::BTreeMap<u64, u64>>,
}

impl Meter {
    /// How many bytes may still go. `None` without a limit.
    fn room(&self, rules: &Rules) -> Option<u64> {
        let carried = self.carried.load(Ordering::Acquire);
        let mut since = self.since.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rules
            .reset_after
            .iter()
            .map(|(id, bytes)| {
                let begun = *since.entry(*id).or_insert(carried);
                begun.saturating_add(*bytes).saturating_sub(carried)
            })
            .min()
    }

    fn add(&self, bytes: usize) {
        self.carried.fetch_add(bytes as u64, Ordering::AcqRel);
    }
}

/// Why a direction has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// The end of the stream has been passed on.
    End,
    /// The connection has carried all it may.
    Limit,
    /// Nobody takes the bytes any more.
    Unwanted,
}

/// Takes parcels to the sink, each in its time, and none before the one that was sent before it.
pub(super) async fn deliver(
    mut parcels: mpsc::Receiver<Parcel>,
    mut sink: impl AsyncWrite + Unpin,
    mut rules: watch::Receiver<Rules>,
    meter: &Meter,
) -> Delivered {
    while let Some(parcel) = parcels.recv().await {
        parcel.delay.over(&mut rules).await;
        thaw(&mut rules).await;
        if parcel.data.is_empty() {
            // The other side may be gone; then it knows.
            let _ = sink.shutdown().await;
            return Delivered::End;
        }
        let written = write(parcel.data, &mut sink, &mut rules, meter).await;
        drop(parcel.under_way);
        match written {
            Ok(true) => {}
            Ok(false) => return Delivered::Limit,
            Err(_) => return Delivered::Unwanted,
        }
    }
    Delivered::Unwanted
}

/// False if the connection may carry no more.
async fn write(
    mut data: Bytes,
    sink: &mut (impl AsyncWrite + Unpin),
    rules: &mut watch::Receiver<Rules>,
    meter: &Meter,
) -> io::Result<bool> {
    while !data.is_empty() {
        thaw(rules).await;
        let (mut size, room, rate, chopped) = {
            let rules = rules.borrow_and_update();
            let slice = rules.bandwidth.map_or(u64::MAX, |rate| (rate.get() / SLICES).max(1));
            let size = slice.min(rules.chop.map_or(u64::MAX, |chop| chop.get() as u64));
            (size, meter.room(&rules), rules.bandwidth, rules.chop.is_some())
        };
        size = size.min(room.unwrap_or(u64::MAX));
        let piece = data.split_to(usize::try_from(size).unwrap_or(usize::MAX).min(data.len()));
        sink.write_all(&piece).await?;
        sink.flush().await?;
        meter.add(piece.len());
        if room.is_some_and(|room| room <= piece.len() as u64) {
            return Ok(false);
        }
        if let Some(rate) = rate {
            let takes = Duration::from_secs(piece.len() as u64).div_f64(to_f64(rate.get()));
            // A slow connection that heals goes on at once.
            let _ = tokio::time::timeout(takes, rules.changed()).await;
        } else if chopped {
            // So that the reader finds this piece alone.
            tokio::task::yield_now().await;
        }
    }
    Ok(true)
}

fn to_f64(rate: u64) -> f64 {
    u32::try_from(rate).map_or(f64::from(u32::MAX), f64::from)
}

/// A second of bandwidth is spent in so many slices.
const SLICES: u64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_latency_may_last_for_ever() {
        let endless = Latency::new(Duration::MAX).jitter(Duration::MAX);
        let rules = Rules { latency: [(1, endless), (2, endless)].into(), ..Rules::default() };
        let delay = Stamp::new(0).delay(&rules).still(&rules);
        assert!(delay > Duration::from_hours(24));
    }

    #[test]
    fn a_limit_that_is_never_reached_is_one() {
        let meter = Meter::default();
        meter.add(5);
        let rules = Rules { reset_after: [(1, u64::MAX)].into(), ..Rules::default() };
        assert_eq!(meter.room(&rules), Some(u64::MAX - 5));
        meter.add(7);
        assert_eq!(meter.room(&rules), Some(u64::MAX - 12));
    }
}
