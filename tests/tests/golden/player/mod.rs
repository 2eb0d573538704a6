//! Clients that act out a recording.

mod official;
mod toolkit;

use serde_json::Value;
use socketio_harness::App;

pub(crate) use official::Official;
pub(crate) use toolkit::Toolkit;

use crate::scenario::Client;

/// Whose clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This toolkit's.
    Toolkit,
    /// socket.io-client's, in Node.
    Official,
}

/// All clients of a conversation, by their names.
pub(crate) enum Player {
    Toolkit(Toolkit),
    Official(Box<Official>),
}

/// An ack that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(crate) usize);

macro_rules! each {
    ($player:expr, $inner:ident => $work:expr) => {
        match $player {
            Player::Toolkit($inner) => $work,
            Player::Official($inner) => $work,
        }
    };
}

impl Player {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Toolkit => Self::Toolkit(Toolkit::default()),
            Kind::Official => Self::Official(Box::new(Official::start())),
        }
    }

    /// Connects a client over a connection of its own. What comes of it is among what it receives.
    pub(crate) async fn connect(&mut self, name: &str, app: &App, client: &Client) {
        each!(self, player => player.connect(name, app, client).await);
    }

    /// Connects a client over another one's connection.
    pub(crate) async fn open(&mut self, name: &str, over: &str, namespace: &str) {
        each!(self, player => player.open(name, over, namespace).await);
    }

    pub(crate) async fn emit(&mut self, name: &str, event: &str, args: &[Value]) {
        each!(self, player => player.emit(name, event, args).await);
    }

    pub(crate) async fn emit_with_ack(
        &mut self,
        name: &str,
        event: &str,
        args: &[Value],
    ) -> Ticket {
        each!(self, player => player.emit_with_ack(name, event, args).await)
    }

    /// The arguments of an ack that must come.
    pub(crate) async fn ack(&mut self, ticket: Ticket) -> Value {
        each!(self, player => player.ack(ticket).await)
    }

    /// The arguments of an ack that may have come.
    pub(crate) async fn ack_so_far(&mut self, ticket: Ticket) -> Option<Value> {
        each!(self, player => player.ack_so_far(ticket).await)
    }

    /// Waits until a client has received so much, or for five seconds.
    pub(crate) async fn wait_for(&mut self, name: &str, count: usize) {
        each!(self, player => player.wait_for(name, count).await);
    }

    /// Waits until a client has received all that the server had sent when this was called.
    pub(crate) async fn fence(&mut self, name: &str) {
        each!(self, player => player.fence(name).await);
    }

    /// What a client has received since it was asked last.
    pub(crate) async fn take(&mut self, name: &str) -> Vec<Value> {
        each!(self, player => player.take(name).await)
    }

    pub(crate) async fn close(&mut self, name: &str) {
        each!(self, player => player.close(name).await);
    }

    /// Those that are connected, with their ids.
    pub(crate) fn ids(&self) -> Vec<(String, String)> {
        each!(self, player => player.ids())
    }

    /// Closes what is still open.
    pub(crate) async fn leave(&mut self) {
        for (name, _) in self.ids() {
            self.close(&name).await;
        }
    }
}
