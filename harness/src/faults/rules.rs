use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::trace::Diary;

/// How much later everything arrives: for [`Faults::latency`](super::Faults::latency).
///
/// ```
/// # use std::time::Duration;
/// use socketio_harness::Latency;
///
/// let mobile = Latency::new(Duration::from_millis(80)).jitter(Duration::from_millis(40)).seed(7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) seed: u64,
}

/// Longer than any test, and short enough for a clock: ten years.
const FOR_EVER: Duration = Duration::from_hours(10 * 365 * 24);

impl Latency {
    /// The time that each byte takes in either direction; a connection takes twice that to open.
    pub fn new(delay: Duration) -> Self {
        Self { delay: delay.min(FOR_EVER), jitter: Duration::ZERO, seed: 0 }
    }

    /// Adds a random time of at most `jitter`. Bytes still arrive in the order they were sent in.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter.min(FOR_EVER);
        self
    }

    /// The seed of the jitter: the same one gives each connection of a run the same times. 0 unless
    /// told otherwise.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl From<Duration> for Latency {
    fn from(delay: Duration) -> Self {
        Self::new(delay)
    }
}

/// A fault that lasts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    Frozen,
    Refused,
    Latency(Latency),
    /// Bytes a second.
    Bandwidth(NonZeroU64),
    Chopped(NonZeroUsize),
    ResetAfter(u64),
    Swallow(Swallow),
    Replay(Replay),
    /// Half-open connections stay so while it stands.
    HalfOpen,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen => f.write_str("freeze"),
            Self::Refused => f.write_str("refusal of new connections"),
            Self::Latency(Latency { delay, jitter, .. }) if jitter.is_zero() => {
                write!(f, "latency of {delay:?}")
            }
            Self::Latency(Latency { delay, jitter, .. }) => {
                write!(f, "latency of {delay:?} to {:?}", *delay + *jitter)
            }
            Self::Bandwidth(bytes) => write!(f, "bandwidth of {bytes} bytes a second"),
            Self::Chopped(bytes) => write!(f, "chopping into pieces of {bytes} bytes"),
            Self::ResetAfter(bytes) => write!(f, "reset after {bytes} bytes"),
            Self::Swallow(Swallow::Pings) => f.write_str("swallowing of pings"),
            Self::Swallow(Swallow::Pongs) => f.write_str("swallowing of pongs"),
            Self::Replay(Replay::Duplicate) => f.write_str("duplication of polls"),
            Self::Replay(Replay::Reorder) => f.write_str("reordering of polls"),
            Self::HalfOpen => f.write_str("half-open connections"),
        }
    }
}

/// Packets of the heartbeat, by their type in Engine.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swallow {
    Pings,
    Pongs,
}

impl Swallow {
    /// The whole packet.
    pub(super) fn packet(self) -> u8 {
        match self {
            Self::Pings => b'2',
            Self::Pongs => b'3',
        }
    }
}

/// What becomes of an answer to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replay {
    /// It comes twice.
    Duplicate,
    /// It comes after the one that follows it.
    Reorder,
}

/// What holds now: all rules that stand, taken together.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) frozen: bool,
    pub(super) refused: bool,
    /// By the rule's number, since what is under way waits for those that it has met.
    pub(super) latency: BTreeMap<u64, Latency>,
    /// Bytes a second.
    pub(super) bandwidth: Option<NonZeroU64>,
    pub(super) chop: Option<NonZeroUsize>,
    /// By the rule's number, since each connection counts from the moment the rule is made.
    pub(super) reset_after: BTreeMap<u64, u64>,
    pub(super) swallow: Vec<Swallow>,
    pub(super) replay: Vec<Replay>,
    pub(super) half_open: Vec<u64>,
    /// How many rules stand.
    pub(super) standing: usize,
}

impl Rules {
    fn of(active: &BTreeMap<u64, Rule>) -> Self {
        let mut rules = Self { standing: active.len(), ..Self::default() };
        for (id, rule) in active {
            match *rule {
                Rule::Frozen => rules.frozen = true,
                Rule::Refused => rules.refused = true,
                Rule::Latency(latency) => {
                    rules.latency.insert(*id, latency);
                }
                Rule::Bandwidth(rate) => {
                    rules.bandwidth =
                        Some(rules.bandwidth.map_or(rate, |slowest| slowest.min(rate)));
                }
                Rule::Chopped(size) => {
                    rules.chop = Some(rules.chop.map_or(size, |smallest| smallest.min(size)));
                }
                Rule::ResetAfter(bytes) => {
                    rules.reset_after.insert(*id, bytes);
                }
                Rule::Swallow(what) => rules.swallow.push(what),
                Rule::Replay(how) => rules.replay.push(how),
                Rule::HalfOpen => rules.half_open.push(*id),
            }
        }
        rules
    }

    /// Whether no rule stands.
    pub(super) fn is_idle(&self) -> bool {
        self.standing == 0
    }

    /// Whether whole HTTP messages must be looked at.
    pub(super) fn reads_polls(&self) -> bool {
        !self.replay.is_empty() || !self.swallow.is_empty()
    }

    pub(super) fn swallows(&self, packet: u8) -> bool {
        self.swallow.iter().any(|what| what.packet() == packet)
    }

    pub(super) fn replays(&self, how: Replay) -> bool {
        self.replay.contains(&how)
    }

    pub(super) fn stands(&self, half_open: u64) -> bool {
        self.half_open.contains(&half_open)
    }
}

/// The rules of one way to an app.
#[derive(Debug, Clone)]
pub(super) struct Book {
    active: Arc<Mutex<Active>>,
    rules: watch::Sender<Rules>,
    diary: Diary,
}

#[derive(Debug, Default)]
struct Active {
    next: u64,
    rules: BTreeMap<u64, Rule>,
}

impl Book {
    pub(super) fn new(diary: Diary) -> Self {
        Self { active: Arc::default(), rules: watch::Sender::new(Rules::default()), diary }
    }

    pub(super) fn diary(&self) -> &Diary {
        &self.diary
    }

    pub(super) fn add(&self, rule: Rule) -> Fault {
        self.diary.fault(&format!("{rule} begins"));
        let id = self.change(|active| {
            active.next += 1;
            active.rules.insert(active.next, rule);
            active.next
        });
        Fault { book: self.clone(), id }
    }

    /// The rules that stand, as a report names them.
    pub(super) fn standing(&self) -> Vec<String> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.rules.values().map(Rule::to_string).collect()
    }

    pub(super) fn clear(&self) {
        self.change(|active| active.rules.clear());
    }

    pub(super) fn watch(&self) -> watch::Receiver<Rules> {
        self.rules.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Active) -> T) -> T {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = change(&mut active);
        // Under the lock, so that the last change is also the last one told.
        self.rules.send_replace(Rules::of(&active.rules));
        outcome
    }
}

/// A fault that lasts until this is dropped: then the network is as before, for what is under way,
/// too.
///
/// Several hold together: the latencies add up, the narrowest bandwidth counts.
#[derive(Debug)]
#[must_use = "the fault heals when this is dropped: give it a name, such as `_frozen`"]
pub struct Fault {
    book: Book,
    id: u64,
}

impl Fault {
    /// Ends the fault; the same as dropping it.
    pub fn heal(self) {}

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let healed = self.book.change(|active| active.rules.remove(&self.id));
        if let Some(rule) = healed {
            self.book.diary.fault(&format!("{rule} ends"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(bytes: u64) -> Rule {
        Rule::Bandwidth(NonZeroU64::new(bytes).unwrap())
    }

    #[test]
    fn rules_hold_together_and_heal_one_by_one() {
        let book = Book::new(Diary::default());
        let rules = book.watch();
        let narrow = book.add(rate(10));
        let wide = book.add(rate(20));
        let frozen = book.add(Rule::Frozen);
        assert_eq!(rules.borrow().bandwidth, NonZeroU64::new(10));
        assert!(rules.borrow().frozen);
        narrow.heal();
        assert_eq!(rules.borrow().bandwidth, NonZeroU64::new(20));
        drop((wide, frozen));
        assert_eq!(rules.borrow().bandwidth, None);
        assert!(!rules.borrow().frozen);
    }

    #[test]
    fn a_guard_of_rules_that_were_cleared_ends_nothing_else() {
        let book = Book::new(Diary::default());
        let old = book.add(Rule::Frozen);
        book.clear();
        let _new = book.add(Rule::Frozen);
        drop(old);
        assert!(book.watch().borrow().frozen);
    }
}
