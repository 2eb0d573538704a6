use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::open::Open;

/// Which server opened which session.
///
/// An entry goes when the session has been silent for longer than its server would wait, or shortly
/// after its websocket: the table holds living sessions only.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<String, Session>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Session {
    server: SocketAddr,
    patience: Duration,
    last_seen: Instant,
    in_flight: usize,
    /// Its websocket has ended. Mostly that is its end; after a probe that failed, polling goes on.
    left_websocket: bool,
}

/// A request of a session on its way.
pub(crate) struct InFlight {
    sessions: Arc<Sessions>,
    id: String,
    websocket: bool,
}

impl Sessions {
    pub(crate) fn learn(&self, open: Open, server: SocketAddr) {
        let patience = open.patience().saturating_add(GRACE);
        let now = Instant::now();
        let session =
            Session { server, patience, last_seen: now, in_flight: 0, left_websocket: false };
        let mut table = self.lock();
        table.sweep(now);
        table.sessions.insert(open.sid, session);
    }

    pub(crate) fn server_of(&self, id: &str) -> Option<SocketAddr> {
        self.lock().sessions.get(id).map(|session| session.server)
    }

    /// Keeps the session of a request while the request lasts.
    pub(crate) fn enter(self: &Arc<Self>, id: &str) -> Option<InFlight> {
        let mut table = self.lock();
        let session = table.sessions.get_mut(id)?;
        session.in_flight += 1;
        session.left_websocket = false;
        Some(InFlight { sessions: Arc::clone(self), id: id.to_owned(), websocket: false })
    }

    pub(crate) fn count(&self, server: SocketAddr) -> usize {
        let mut table = self.lock();
        table.sweep(Instant::now());
        let counts = |session: &&Session| session.server == server && session.lives();
        table.sessions.values().filter(counts).count()
    }

    pub(crate) fn forget(&self, server: SocketAddr) {
        self.lock().sessions.retain(|_, session| session.server != server);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Drops the silent, at most once a second: it looks at every session.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now - swept < SWEEP_EVERY) {
            return;
        }
        self.swept = Some(now);
        self.sessions.retain(|_, session| {
            let patience = if session.lives() { session.patience } else { GRACE };
            session.in_flight > 0 || now - session.last_seen <= patience
        });
    }
}

impl Session {
    fn lives(&self) -> bool {
        self.in_flight > 0 || !self.left_websocket
    }
}

impl InFlight {
    /// The request has become the session's websocket.
    pub(crate) fn is_websocket(&mut self) {
        self.websocket = true;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.lock().sessions.get_mut(&self.id) {
            session.in_flight = session.in_flight.saturating_sub(1);
            session.left_websocket |= self.websocket;
            session.last_seen = Instant::now();
        }
    }
}

/// A slow network between the server's clock and ours.
const GRACE: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(sessions: &Sessions, id: &str, port: u16) -> SocketAddr {
        let open = format!(r#"0{{"sid":"{id}","pingInterval":1000,"pingTimeout":1000}}"#);
        let server = ([127, 0, 0, 1], port).into();
        sessions.learn(Open::find(open.as_bytes()).expect("an OPEN packet"), server);
        server
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_session_is_forgotten_and_one_with_a_request_open_is_kept() {
        let sessions = Arc::new(Sessions::default());
        let server = opened(&sessions, "silent", 1);
        opened(&sessions, "polling", 1);
        let poll = sessions.enter("polling");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(sessions.count(server), 1);
        assert_eq!(sessions.server_of("polling"), Some(server));
        drop(poll);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(sessions.count(server), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_goes_with_its_websocket_unless_it_polls_on() {
        let sessions = Arc::new(Sessions::default());
        let server = opened(&sessions, "a", 1);
        let poll = sessions.enter("a");
        let mut websocket = sessions.enter("a").expect("a known session");
        websocket.is_websocket();
        drop(websocket);
        assert_eq!(sessions.count(server), 1, "a probe that failed");
        drop(poll);
        assert_eq!((sessions.count(server), sessions.server_of("a")), (0, Some(server)));
        tokio::time::advance(GRACE + SWEEP_EVERY).await;
        assert_eq!((sessions.count(server), sessions.server_of("a")), (0, None));
    }

    #[test]
    fn the_sessions_of_a_server_are_forgotten_together() {
        let sessions = Sessions::default();
        let first = opened(&sessions, "a", 1);
        let second = opened(&sessions, "b", 2);
        sessions.forget(first);
        assert_eq!((sessions.count(first), sessions.count(second)), (0, 1));
    }
}
