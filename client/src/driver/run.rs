//! The life of a client's connections, from the first to the last.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socketio_proto::connection::{CloseReason, Input};
use socketio_proto::engine::Transport;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::linger::UNTOLD;
use super::open::{self, Patience};
use super::{Driver, Http, PollingLane};
use crate::connection_events::ConnectionEvent;
use crate::reconnection::Reconnection;
use crate::shared::Shared;
use crate::timeout::scaled;
use crate::{Error, Result};

/// Opens the transport, and drives the connection in a task of its own from there on.
pub(crate) async fn start(
    shared: &Arc<Shared>,
    patience: Patience,
    plan: Option<Reconnection>,
) -> Result {
    match shared.config.transport {
        Transport::Websocket => {
            let driver = open_transport(shared, patience).await?;
            tokio::spawn(run(Box::new(driver), patience.total, plan));
            Ok(())
        }
        // From the first poll on the server may hold a session whose id only the answer tells. So
        // the answer is awaited even if nobody waits for the client any more, to end the session.
        Transport::Polling => {
            let (opened, outcome) = oneshot::channel();
            tokio::spawn(open_and_run(Arc::clone(shared), patience, plan, opened));
            // Without an answer the runtime is shutting down.
            outcome.await.unwrap_or_else(|_| {
                let what = "the first poll".to_owned();
                Err(Error::NotConnected { what, reason: CloseReason::Dropped })
            })
        }
    }
}

async fn open_and_run(
    shared: Arc<Shared>,
    patience: Patience,
    plan: Option<Reconnection>,
    opened: oneshot::Sender<Result>,
) {
    let (outcome, driver) = match open_transport(&shared, patience).await {
        Ok(driver) => (Ok(()), Some(Box::new(driver))),
        Err(error) => (Err(error), None),
    };
    // Whoever wanted the client may have gone.
    let _ = opened.send(outcome);
    drop(shared);
    if let Some(driver) = driver {
        run(driver, patience.total, plan).await;
    }
}

/// Drives a connection to its end, and makes it again if that is wanted.
async fn run(mut driver: Box<Driver>, patience: Duration, plan: Option<Reconnection>) {
    let shared = Arc::clone(&driver.shared);
    // Also when the runtime shuts down under the task: nobody may wait for it in vain.
    let _ended = Ended(Arc::clone(&shared));
    loop {
        let reason = (&mut *driver).await;
        let Some(plan) = plan.as_ref().filter(|_| shared.wants_reconnection()) else { break };
        shared.report(ConnectionEvent::Disconnected { reason });
        // Boxed: most connections never need it, and each would carry its size.
        match Box::pin(reconnect(&shared, patience, plan)).await {
            Some(next) => *driver = next,
            None => break,
        }
    }
}

/// Opens the transport of a fresh connection.
async fn open_transport(shared: &Arc<Shared>, patience: Patience) -> Result<Driver> {
    let limits = shared.config.limits;
    let driver = Driver::new(Arc::clone(shared));
    match shared.config.transport {
        Transport::Websocket => {
            let lane = open::websocket(&shared.endpoint, limits, patience).await?;
            shared.lock().websocket = Some(lane);
            shared.input(Input::WebsocketOpened);
            Ok(driver)
        }
        Transport::Polling => {
            let (down, body) = open::polling(&shared.endpoint, limits, patience).await?;
            let at = shared.since_start(Instant::now());
            shared.lock().recorder.record_body(at, &body);
            let unwanted = shared.is_deserted();
            if unwanted {
                // The core has ended with the last namespace; this one ends the session.
                shared.begin_again();
            }
            shared.input(Input::Payload(&body));
            if unwanted {
                shared.command(|state| state.core.close());
            }
            let handshake = shared.lock().core.handshake().cloned();
            let handshake = handshake.ok_or_else(|| {
                open::not_socketio(&shared.endpoint, &socketio_proto::Excerpt::of_bytes(&body))
            })?;
            let endpoint = Arc::clone(&shared.endpoint);
            let up = Http::new(Arc::clone(&endpoint), limits.max_payload);
            Ok(driver.with_polling(PollingLane::new(endpoint, &handshake, down, up)))
        }
    }
}

/// Attempts until one succeeds; `None` if none does, or nobody wants it any more.
async fn reconnect(
    shared: &Arc<Shared>,
    patience: Duration,
    plan: &Reconnection,
) -> Option<Driver> {
    for (attempt, delay) in (1..).zip(plan.delays()) {
        shared.report(ConnectionEvent::Reconnecting { attempt, delay });
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shared.deserted() => return None,
        }
        shared.begin_again();
        let mut opening = pin!(open_transport(shared, Patience::starting_now(patience)));
        let tried = tokio::select! {
            tried = &mut opening => tried,
            () = shared.deserted() => {
                if shared.config.transport == Transport::Websocket {
                    return None;
                }
                // As in `start`, but whoever closes waits for it.
                return tokio::time::timeout(scaled(UNTOLD), opening).await.ok()?.ok();
            }
        };
        match tried {
            Ok(driver) => {
                shared.report(ConnectionEvent::Reconnected { attempt });
                return Some(driver);
            }
            Err(error) => {
                let error = error.to_string();
                shared.report(ConnectionEvent::ReconnectError { attempt, error });
            }
        }
    }
    shared.report(ConnectionEvent::ReconnectFailed);
    None
}

/// Tells, when it is dropped, that the connection is over.
pub(crate) struct Ended(pub(crate) Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended();
    }
}
