//! The lossless log of a namespace, and who gets which event.
//!
//! The rule: every event is handed to exactly one consumer, the one that registered first among
//! those that want it; an event nobody wants yet is kept. So the n-th `once("tick")` gets the n-th
//! "tick", whether it came before or after the call, and no test depends on who was faster.

mod consumer;
mod marks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustc_hash::FxHashMap;
use socketio_proto::Args;
use socketio_proto::connection::CloseReason;

use consumer::Consumer;

use crate::log::{Log, ObserverId};
pub(crate) use consumer::Wants;
pub(crate) use marks::Marks;

/// Everything received on a namespace since its first byte, and its consumers.
#[derive(Default)]
pub(crate) struct Inbox {
    log: Log<Received>,
    /// By name, the events that no consumer has been given.
    unclaimed: FxHashMap<String, BTreeSet<usize>>,
    /// By name, the consumers that wait for more, in the order they registered.
    waiting: FxHashMap<String, VecDeque<ConsumerId>>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    next_id: ConsumerId,
    ended: Option<CloseReason>,
}

/// Identifies a consumer of one inbox.
pub(crate) type ConsumerId = u64;

/// An event as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) name: String,
    pub(crate) args: Args,
    /// Present if the server wants an ack.
    pub(crate) ack_id: Option<u64>,
    /// When it came, by the clock of the transcript.
    pub(crate) at: Duration,
    /// Its place among the events of all clients of this process.
    pub(crate) order: u64,
    /// The number of the connection it came on.
    pub(crate) connection: u32,
    acked: AtomicBool,
    pub(crate) marks: Marks,
}

impl Received {
    pub(crate) fn new(name: String, args: Args, ack_id: Option<u64>, at: Duration) -> Self {
        let order = NEXT_ORDER.fetch_add(1, Ordering::Relaxed);
        let (acked, marks) = (AtomicBool::new(false), Marks::default());
        Self { name, args, ack_id, at, order, connection: 0, acked, marks }
    }

    /// The same, on a later connection than the first.
    pub(crate) fn on_connection(self, connection: u32) -> Self {
        Self { connection, ..self }
    }

    /// An event whose arguments the client's engine has not delivered.
    #[cfg_attr(
        not(feature = "rust-socketio"),
        expect(dead_code, reason = "the native engine delivers all")
    )]
    pub(crate) fn withheld(name: String, at: Duration) -> Self {
        Self { marks: Marks::withheld(), ..Self::new(name, Args::default(), None, at) }
    }

    /// True for the first who asks: an event is acked once.
    pub(crate) fn claim_ack(&self) -> bool {
        !self.acked.swap(true, Ordering::AcqRel)
    }
}

impl Inbox {
    /// Appends an event and gives it to whom it belongs.
    pub(crate) fn deliver(&mut self, event: Received) {
        let index = self.log.push(event);
        self.hand_out(index);
    }

    /// The namespace is disconnected: whoever still waits is told.
    pub(crate) fn end(&mut self, reason: &CloseReason) {
        self.ended.get_or_insert_with(|| reason.clone());
        for consumer in self.consumers.values_mut() {
            consumer.wake();
        }
        self.log.wake_all();
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// A new consumer of events named `name`, at the end of the line. It is given what is
    /// unclaimed at once.
    pub(crate) fn register(&mut self, name: &str, wants: Wants) -> ConsumerId {
        self.next_id += 1;
        let id = self.next_id;
        let mut consumer = Consumer::new(name, wants);
        if let Some(unclaimed) = self.unclaimed.get_mut(name) {
            while !consumer.is_satisfied()
                && let Some(index) = unclaimed.pop_first()
            {
                consumer.give(index);
                if let Some(event) = self.log.get(index) {
                    event.marks.given_to(wants);
                }
            }
        }
        if !consumer.is_satisfied() {
            self.waiting.entry(name.to_owned()).or_default().push_back(id);
        }
        self.consumers.insert(id, consumer);
        id
    }

    /// The next event for the consumer; the reason if none can come any more.
    pub(crate) fn poll_take(
        &mut self,
        id: ConsumerId,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Arc<Received>, CloseReason>> {
        let consumer = self.consumers.get_mut(&id);
        let taken = consumer.and_then(Consumer::take).and_then(|index| self.log.get(index));
        if let Some(event) = taken {
            event.marks.taken();
            return Poll::Ready(Ok(Arc::clone(event)));
        }
        if let Some(reason) = &self.ended {
            return Poll::Ready(Err(reason.clone()));
        }
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.wait(cx.waker());
        }
        Poll::Pending
    }

    /// The consumer is gone: what it was given but has not taken goes to the next in line.
    pub(crate) fn release(&mut self, id: ConsumerId) {
        let Some(consumer) = self.consumers.remove(&id) else { return };
        if let Some(waiting) = self.waiting.get_mut(consumer.name()) {
            waiting.retain(|other| *other != id);
        }
        for index in consumer.into_untaken() {
            if let Some(event) = self.log.get(index) {
                event.marks.given_back();
            }
            self.hand_out(index);
        }
    }

    /// A number for somebody who looks on at every event without claiming any.
    pub(crate) fn new_observer(&mut self) -> ObserverId {
        self.log.new_observer()
    }

    /// The event at `position` of the log, for an observer.
    pub(crate) fn poll_observe(
        &mut self,
        id: ObserverId,
        position: usize,
        cx: &Context<'_>,
    ) -> Poll<Result<Arc<Received>, CloseReason>> {
        if let Poll::Ready(event) = self.log.poll_get(id, position, cx) {
            event.marks.observed();
            return Poll::Ready(Ok(event));
        }
        self.ended.clone().map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)))
    }

    /// Everything that has come from `position` on, and the reason if nothing will any more. The
    /// waker is kept for what comes later.
    pub(crate) fn look_on(
        &mut self,
        id: ObserverId,
        position: usize,
        waker: &Waker,
    ) -> (Vec<Arc<Received>>, Option<CloseReason>) {
        self.log.wait(id, waker);
        (self.log.since(position).to_vec(), self.ended.clone())
    }

    /// Everything that has come, in order.
    pub(crate) fn entries(&self) -> &[Arc<Received>] {
        self.log.since(0)
    }

    pub(crate) fn forget_observer(&mut self, id: ObserverId) {
        self.log.forget_observer(id);
    }

    /// Names and counts of the events that nobody has read.
    pub(crate) fn unread(&self) -> Vec<(String, usize)> {
        self.count_by_name(|event| !event.marks.is_read())
    }

    /// Names and counts of the events that asked for an ack and got none.
    pub(crate) fn unacked(&self) -> Vec<(String, usize)> {
        self.count_by_name(|event| event.ack_id.is_some() && !event.acked.load(Ordering::Acquire))
    }

    fn count_by_name(&self, wanted: impl Fn(&Received) -> bool) -> Vec<(String, usize)> {
        let mut counts = BTreeMap::<&str, usize>::new();
        for event in self.entries().iter().filter(|event| wanted(event)) {
            *counts.entry(&event.name).or_default() += 1;
        }
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    /// Names and counts of events nobody has been given, for the message of a wait that failed.
    pub(crate) fn unclaimed_names(&self) -> Vec<(&str, usize)> {
        let mut names: Vec<_> = self
            .unclaimed
            .iter()
            .filter(|(_, indexes)| !indexes.is_empty())
            .map(|(name, indexes)| (name.as_str(), indexes.len()))
            .collect();
        names.sort_unstable();
        names
    }

    fn hand_out(&mut self, index: usize) {
        let Some(event) = self.log.get(index) else { return };
        let name = event.name.as_str();
        let first = self.waiting.get_mut(name).and_then(|waiting| {
            let id = *waiting.front()?;
            Some((id, waiting))
        });
        let Some((id, waiting)) = first else {
            match self.unclaimed.get_mut(name) {
                Some(indexes) => indexes.insert(index),
                None => self.unclaimed.entry(name.to_owned()).or_default().insert(index),
            };
            return;
        };
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.give(index);
            event.marks.given_to(consumer.wants());
            if consumer.is_satisfied() {
                waiting.pop_front();
            }
        }
    }
}

static NEXT_ORDER: AtomicU64 = AtomicU64::new(0);

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(names: &[&str]) -> Inbox {
        let mut inbox = Inbox::default();
        for (number, name) in names.iter().enumerate() {
            deliver(&mut inbox, name, number);
        }
        inbox
    }

    fn deliver(inbox: &mut Inbox, name: &str, number: usize) {
        inbox.deliver(Received::new(
            name.to_owned(),
            Args::new(number).unwrap(),
            None,
            Duration::ZERO,
        ));
    }

    fn take(inbox: &mut Inbox, id: ConsumerId) -> Option<usize> {
        match inbox.poll_take(id, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(event)) => Some(event.args.parse().unwrap()),
            _ => None,
        }
    }

    #[test]
    fn the_nth_once_gets_the_nth_event_whenever_it_came() {
        let mut inbox = inbox(&["tick", "other", "tick"]);
        let ids: Vec<_> = (0..3).map(|_| inbox.register("tick", Wants::One)).collect();
        deliver(&mut inbox, "tick", 3);
        // Asked in any order.
        assert_eq!(take(&mut inbox, ids[2]), Some(3));
        assert_eq!(take(&mut inbox, ids[0]), Some(0));
        assert_eq!(take(&mut inbox, ids[1]), Some(2));
        assert_eq!(inbox.unclaimed_names(), [("other", 1)]);
    }

    #[test]
    fn a_stream_takes_everything_from_its_place_in_line() {
        let mut inbox = inbox(&["tick"]);
        let once = inbox.register("tick", Wants::One);
        let stream = inbox.register("tick", Wants::All);
        let late = inbox.register("tick", Wants::One);
        deliver(&mut inbox, "tick", 1);
        deliver(&mut inbox, "tick", 2);
        assert_eq!(take(&mut inbox, once), Some(0));
        assert_eq!(take(&mut inbox, late), None);
        assert_eq!(take(&mut inbox, stream), Some(1));
        // What the stream has not read passes on when it is dropped.
        inbox.release(stream);
        assert_eq!(take(&mut inbox, late), Some(2));
    }

    #[test]
    fn an_abandoned_once_gives_its_event_back_in_order() {
        let mut inbox = inbox(&["tick", "tick"]);
        let first = inbox.register("tick", Wants::One);
        inbox.release(first);
        let again = inbox.register("tick", Wants::One);
        assert_eq!(take(&mut inbox, again), Some(0));
        let waiting = inbox.register("tick", Wants::One);
        let next = inbox.register("tick", Wants::One);
        inbox.release(waiting);
        assert_eq!(take(&mut inbox, next), Some(1));
    }

    #[test]
    fn the_end_is_told_after_what_had_come() {
        let mut inbox = inbox(&["tick"]);
        let once = inbox.register("tick", Wants::One);
        let never = inbox.register("tick", Wants::One);
        inbox.end(&CloseReason::PingTimeout);
        assert_eq!(take(&mut inbox, once), Some(0));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(matches!(inbox.poll_take(never, cx), Poll::Ready(Err(CloseReason::PingTimeout))));
    }

    #[test]
    fn observers_see_all_and_claim_nothing() {
        let mut inbox = inbox(&["a", "b"]);
        let id = inbox.new_observer();
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(event)) = inbox.poll_observe(id, 1, cx) else { panic!() };
        assert_eq!(event.name, "b");
        assert!(inbox.poll_observe(id, 2, cx).is_pending());
        assert_eq!(inbox.unclaimed_names(), [("a", 1), ("b", 1)]);
    }
}
