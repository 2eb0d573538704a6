use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use futures::FutureExt;
use futures::future::BoxFuture;
use socketio_mock_client::{Result, SocketIds, SocketIoClient};

use super::log::ServerPacket;

/// A client that is followed over its connections, in the log of the server.
pub(super) struct Followed {
    ids: SocketIds,
    /// What it told when it was looked at.
    known: Vec<String>,
    /// Events with other ids, which may become its own: the server knows an id before the client
    /// does.
    unclaimed: Vec<Arc<ServerPacket>>,
    namespace: String,
    /// To be raised once.
    fence: Mutex<Option<Fence>>,
    can_fence: Result,
}

/// Resolves when what was under way has passed.
pub(super) type Fence = BoxFuture<'static, Result>;

impl Followed {
    pub(super) fn new(client: &SocketIoClient) -> Self {
        let ids = client.ids();
        Self {
            known: ids.so_far(),
            ids,
            unclaimed: Vec::new(),
            namespace: client.namespace().to_owned(),
            fence: Mutex::new(Some(client.settle().boxed())),
            can_fence: client.can_settle(),
        }
    }

    /// Whether the client's engine tells its ids.
    pub(super) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn can_fence(&self) -> Result {
        self.can_fence.clone()
    }

    pub(super) fn fence(&self) -> Fence {
        let fence = self.fence.lock().unwrap_or_else(PoisonError::into_inner).take();
        fence.unwrap_or_else(|| futures::future::ready(Ok(())).boxed())
    }

    /// Learns of new ids, and gives the events that have become the client's by them.
    pub(super) fn look_on(&mut self, waker: &Waker) -> Vec<Arc<ServerPacket>> {
        let latest = self.ids.look_on(waker);
        if latest.len() == self.known.len() {
            return Vec::new();
        }
        self.known = latest;
        let known = &self.known;
        self.unclaimed.extract_if(.., |packet| is_of(known, packet)).collect()
    }

    /// The event, if it is the client's; kept for later if it may be.
    pub(super) fn claim(&mut self, event: Arc<ServerPacket>) -> Option<Arc<ServerPacket>> {
        if self.includes(&event) {
            return Some(event);
        }
        if self.is_in_namespace(&event) {
            self.unclaimed.push(event);
        }
        None
    }

    pub(super) fn includes(&self, packet: &ServerPacket) -> bool {
        self.is_in_namespace(packet) && is_of(&self.known, packet)
    }

    fn is_in_namespace(&self, packet: &ServerPacket) -> bool {
        packet.namespace.as_ref() == Some(&self.namespace)
    }
}

fn is_of(ids: &[String], packet: &ServerPacket) -> bool {
    packet.socket_id.as_deref().is_some_and(|of| ids.iter().any(|id| id == of))
}
