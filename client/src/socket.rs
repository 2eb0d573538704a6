use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use serde_json::Value;
use socketio_proto::connection::CloseReason;
use socketio_proto::socket::Recovery;
use socketio_proto::{Args, EncodedArgs};
use tokio::sync::{oneshot, watch};

use crate::inbox::{Inbox, Received};
use crate::registry::{Fate, Leftovers, Membership};

/// The client's side of one namespace: what came, who waits, and where it stands.
///
/// It outlives the connection it was made on: a reconnection carries it over to the next one.
pub(crate) struct Socket {
    pub(crate) namespace: Arc<str>,
    /// The number of the connection it first belongs to.
    pub(crate) since: u32,
    auth: Option<Value>,
    inner: Mutex<Inner>,
    lifecycle: watch::Sender<Lifecycle>,
    /// Its place among the clients of its target, if they are listed.
    membership: OnceLock<Membership>,
}

#[derive(Default)]
struct Inner {
    inbox: Inbox,
    acks: FxHashMap<u64, AckSender>,
    /// Present once the server has accepted it; empty if the engine does not tell.
    sid: Option<String>,
    /// The ids it had on earlier connections.
    former_sids: Vec<String>,
    recovery: Recovery,
    recovered: bool,
    /// Sends that wait for a reconnection.
    buffer: Vec<Unsent>,
    /// Events whose ack had not come when the test stopped waiting.
    unanswered: Vec<String>,
}

/// Hands an ack to the one who waits for it.
pub(crate) type AckSender = oneshot::Sender<Result<Args, Unanswered>>;

/// Why an ack will not come.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Ended(CloseReason),
    /// The client's engine does not do this.
    Unsupported(&'static str),
}

/// An event that was emitted while the connection was down.
pub(crate) struct Unsent {
    pub(crate) event: String,
    pub(crate) args: EncodedArgs,
    pub(crate) ack: Option<AckSender>,
    /// The wait for the ack was dropped before it was over: the event is sent all the same.
    pub(crate) dropped: bool,
}

impl Unsent {
    fn is_given_up(&self) -> bool {
        self.ack.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

/// Where a namespace stands.
#[derive(Debug, Clone)]
pub(crate) enum Lifecycle {
    Connecting,
    Connected,
    Refused { payload: Value },
    Disconnected { reason: CloseReason },
}

impl Lifecycle {
    /// Whether nothing can be sent until, perhaps, a reconnection.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Disconnected { .. } | Self::Refused { .. })
    }
}

impl Socket {
    pub(crate) fn new(namespace: &str, auth: Option<Value>, since: u32) -> Arc<Self> {
        Arc::new(Self {
            namespace: namespace.into(),
            since,
            auth,
            inner: Mutex::default(),
            lifecycle: watch::Sender::new(Lifecycle::Connecting),
            membership: OnceLock::new(),
        })
    }

    /// Never held across an await, and never while user code runs.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn with_inbox<T>(&self, action: impl FnOnce(&mut Inbox) -> T) -> T {
        action(&mut self.lock().inbox)
    }

    pub(crate) fn lifecycle(&self) -> watch::Receiver<Lifecycle> {
        self.lifecycle.subscribe()
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.lifecycle.borrow(), Lifecycle::Connected)
    }

    /// Whether nothing can come any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().inbox.is_ended()
    }

    /// Whether the server has ever accepted it.
    pub(crate) fn was_connected(&self) -> bool {
        self.lock().sid.is_some()
    }

    /// The socket's id; empty if it never was connected.
    pub(crate) fn id(&self) -> String {
        self.lock().sid.clone().unwrap_or_default()
    }

    /// The ids of all connections so far, oldest first; none if the engine does not tell.
    pub(crate) fn ids(&self) -> Vec<String> {
        let inner = self.lock();
        let ids = inner.former_sids.iter().chain(&inner.sid);
        ids.filter(|id| !id.is_empty()).cloned().collect()
    }

    /// Whether the last reconnection resumed the session of before.
    pub(crate) fn recovered(&self) -> bool {
        self.lock().recovered
    }

    /// Why nothing can be sent.
    pub(crate) fn why_disconnected(&self) -> CloseReason {
        match &*self.lifecycle.borrow() {
            Lifecycle::Disconnected { reason } => reason.clone(),
            Lifecycle::Refused { .. } => CloseReason::ServerDisconnect,
            _ => CloseReason::Dropped,
        }
    }

    /// What the CONNECT packet carries.
    pub(crate) fn connect_payload(&self) -> Option<Value> {
        self.lock().recovery.auth(self.auth.clone())
    }

    /// The server has accepted the namespace. Returns what waited for it.
    pub(crate) fn accepted(&self, sid: String, payload: &Value) -> Vec<Unsent> {
        let mut inner = self.lock();
        inner.recovered = inner.recovery.connected(payload);
        let former = inner.sid.replace(sid).filter(|former| inner.sid.as_ref() != Some(former));
        inner.former_sids.extend(former);
        let unsent = std::mem::take(&mut inner.buffer);
        drop(inner);
        self.lifecycle.send_replace(Lifecycle::Connected);
        unsent
    }

    pub(crate) fn refused(&self, payload: Value) {
        self.lifecycle.send_replace(Lifecycle::Refused { payload });
        self.end(&CloseReason::ServerDisconnect);
    }

    pub(crate) fn received(&self, event: Received) {
        let mut inner = self.lock();
        inner.recovery.received(event.ack_id, &event.args);
        inner.inbox.deliver(event);
    }

    pub(crate) fn await_ack(&self, id: u64, sender: AckSender) {
        self.lock().acks.insert(id, sender);
    }

    /// Whether somebody still waits for the ack.
    pub(crate) fn awaits_ack(&self, id: u64) -> bool {
        self.lock().acks.contains_key(&id)
    }

    /// False if nobody waited for it any more.
    pub(crate) fn forget_ack(&self, id: u64) -> bool {
        self.lock().acks.remove(&id).is_some()
    }

    /// The client's engine cannot hand over this ack.
    pub(crate) fn refuse_ack(&self, id: u64, feature: &'static str) {
        if let Some(sender) = self.lock().acks.remove(&id) {
            let _ = sender.send(Err(Unanswered::Unsupported(feature)));
        }
    }

    /// The acks that are awaited, and were asked for after this one.
    pub(crate) fn acks_after(&self, id: u64) -> Vec<u64> {
        self.lock().acks.keys().copied().filter(|other| *other > id).collect()
    }

    /// The test has dropped a wait for an ack of this event that was not over.
    pub(crate) fn left_unanswered(&self, event: &str) {
        self.lock().unanswered.push(event.to_owned());
    }

    /// What the test has not dealt with so far.
    pub(crate) fn leftovers(&self) -> Leftovers {
        let inner = self.lock();
        Leftovers {
            unread: inner.inbox.unread(),
            unacked: inner.inbox.unacked(),
            unanswered: inner.unanswered.clone(),
        }
    }

    pub(crate) fn enter(&self, membership: Membership) {
        // Entered once, when it is made.
        let _ = self.membership.set(membership);
    }

    /// What becomes of the client, for its registry.
    pub(crate) fn meet(&self, fate: Fate) {
        if let Some(membership) = self.membership.get() {
            membership.meet(fate);
        }
    }

    /// False if whoever waited has stopped waiting.
    pub(crate) fn acked(&self, id: u64, args: Args) -> bool {
        let sender = self.lock().acks.remove(&id);
        sender.is_some_and(|sender| sender.send(Ok(args)).is_ok())
    }

    pub(crate) fn buffer(&self, unsent: Unsent) {
        self.lock().buffer.push(unsent);
    }

    /// The wait for the ack of something in the buffer is over: it is not sent any more, as with
    /// the official client.
    pub(crate) fn withdraw(&self) {
        self.lock().buffer.retain(|unsent| unsent.dropped || !unsent.is_given_up());
    }

    /// The wait for the ack of something in the buffer was dropped.
    pub(crate) fn send_nevertheless(&self) {
        for unsent in &mut self.lock().buffer {
            unsent.dropped |= unsent.is_given_up();
        }
    }

    /// The connection is down. Acks that were awaited on it will not come.
    pub(crate) fn disconnected(&self, reason: &CloseReason) {
        for (_, sender) in self.lock().acks.drain() {
            let _ = sender.send(Err(Unanswered::Ended(reason.clone())));
        }
        self.lifecycle.send_if_modified(|now| {
            let ended = now.is_over();
            if !ended {
                *now = Lifecycle::Disconnected { reason: reason.clone() };
            }
            !ended
        });
    }

    /// The connection is down for good: whoever waits is told. The first reason stays.
    pub(crate) fn end(&self, reason: &CloseReason) {
        self.disconnected(reason);
        // A connection that was lost and did not come back: why it was lost says more.
        let lost = (*reason == CloseReason::Dropped).then(|| self.why_disconnected());
        let reason = lost.as_ref().unwrap_or(reason);
        let mut inner = self.lock();
        let unsent = std::mem::take(&mut inner.buffer);
        inner.inbox.end(reason);
        drop(inner);
        // For those who wait for the end of what was disconnected before.
        self.lifecycle.send_modify(|_| {});
        for sender in unsent.into_iter().filter_map(|unsent| unsent.ack) {
            let _ = sender.send(Err(Unanswered::Ended(reason.clone())));
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.get() {
            membership.leave(self.leftovers());
        }
    }
}
