//! The task behind every connection: it moves frames between the transports and the protocol core,
//! and answers heartbeats. User code runs elsewhere and cannot hold it up.

pub(crate) mod chunked;
mod frame;
mod handshake;
mod http;
pub(crate) mod linger;
pub(crate) mod open;
mod polling;
pub(crate) mod run;
mod websocket;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use socketio_proto::connection::{CloseReason, Event, Input, Output};
use socketio_proto::engine::Transport;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

pub(crate) use self::http::Http;
use self::linger::Linger;
pub(crate) use polling::PollingLane;
pub(crate) use websocket::WebsocketLane;

use crate::shared::{Shared, State};
use crate::transcript::Direction;

/// Runs until every transport of one connection is gone, and tells why it ended.
///
/// The websocket stands in the shared state: who sends an event hands it to the websocket there and
/// then, and all that is left to the driver is to write it.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    polling: Option<PollingLane>,
    /// The websocket of an upgrade, being opened.
    opening: Option<BoxFuture<'static, Result<WebsocketLane, tungstenite::Error>>>,
    /// When the core wants to be woken.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whether the alarm wakes this task, and needs no poll before it does.
    armed: bool,
    /// Why the connection ended, once it has.
    reason: Option<CloseReason>,
    /// After a close: how long the server may take.
    linger: Option<Linger>,
}

impl Driver {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            polling: None,
            opening: None,
            alarm: None,
            armed: false,
            reason: None,
            linger: None,
        }
    }

    fn with_polling(mut self, lane: PollingLane) -> Self {
        self.polling = Some(lane);
        self
    }

    /// Hands the core what has come.
    fn read(&mut self, state: &mut State, cx: &mut Context<'_>) -> Read {
        if state.reading_paused {
            return Read { came: false, more: false };
        }
        // Read when the first frame is there, and good for those that came along with it.
        let mut time = None;
        // Bounded, so that answers get out between the reads of a busy connection.
        for count in 0..64 {
            let all = Read { came: count > 0, more: false };
            let State { websocket: Some(lane), core, recorder, .. } = state else { return all };
            let Poll::Ready(came) = lane.poll_read(cx) else { return all };
            let now = *time.get_or_insert_with(Instant::now);
            let at = self.shared.since_start(now);
            let (direction, transport) = (Direction::Received, Transport::Websocket);
            match came {
                websocket::Came::Text(text) => {
                    recorder.record_text(at, direction, transport, &text);
                    core.handle_input(now.into_std(), Input::Text(&text));
                }
                websocket::Came::Binary(data) => {
                    recorder.record_binary(at, direction, transport, &data);
                    core.handle_input(now.into_std(), Input::Binary(data));
                }
                websocket::Came::Lost(reason) => {
                    let expected = lane.is_closing();
                    state.websocket = None;
                    // An upgrade that was given up may have been followed by another.
                    if !expected {
                        core.handle_input(now.into_std(), Input::Lost(transport, reason));
                    }
                }
            }
        }
        Read { came: true, more: true }
    }

    /// What is not read under the lock: it may run a connector of the user.
    fn read_others(&mut self, cx: &mut Context<'_>) -> bool {
        let polling = self.read_polling(cx);
        let opening = self.finish_opening(cx);
        polling || opening
    }

    fn read_polling(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(lane) = &mut self.polling else { return false };
        let reading = !self.shared.lock().reading_paused;
        let came = lane.poll(cx, reading);
        let mut state = self.shared.lock();
        match came {
            polling::Came::Nothing => return false,
            polling::Came::Payload(body) => {
                let at = self.shared.since_start(Instant::now());
                state.recorder.record_body(at, &body);
                input(&mut state, Input::Payload(&body));
            }
            polling::Came::Idle if lane.is_closing() => self.polling = None,
            polling::Came::Idle => input(&mut state, Input::PollingPaused),
            polling::Came::Lost(reason) => {
                self.polling = None;
                input(&mut state, Input::Lost(Transport::Polling, Some(reason)));
            }
        }
        true
    }

    fn finish_opening(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        let Poll::Ready(result) = opening.poll_unpin(cx) else { return false };
        self.opening = None;
        let mut state = self.shared.lock();
        match result {
            Ok(lane) => {
                state.websocket = Some(lane);
                input(&mut state, Input::WebsocketOpened);
            }
            Err(error) => {
                input(&mut state, Input::Lost(Transport::Websocket, Some(error.to_string())));
            }
        }
        true
    }

    fn ring_alarm(&mut self, state: &mut State, cx: &mut Context<'_>) -> bool {
        let Some(alarm) = &mut self.alarm else { return false };
        // A driver has one task for its life: to register it at each turn would cost a lock. Where
        // tokio has the task make way for others, it registers nothing.
        let was_armed = self.armed;
        self.armed |= has_budget_remaining();
        let rings = if was_armed { alarm.is_elapsed() } else { alarm.poll_unpin(cx).is_ready() };
        if rings {
            self.alarm = None;
            input(state, Input::Tick);
        }
        rings
    }

    /// Does what the core wants done. True if it wanted anything.
    fn carry_out(&mut self, state: &mut State) -> bool {
        let mut busy = false;
        loop {
            match state.core.poll_output() {
                Output::Send(transport, frame) => {
                    self.shared.record_sent(state, transport, &frame);
                    match transport {
                        Transport::Websocket => state.with_websocket(|lane| lane.send(&frame)),
                        Transport::Polling => self.with_polling_lane(|lane| lane.send(frame)),
                    }
                }
                Output::Event(event) => {
                    if let Event::Closed(reason) = &event {
                        self.shared.closed(state, reason);
                        self.reason = Some(reason.clone());
                    }
                    state.apply(event, self.shared.reconnects);
                }
                Output::OpenWebsocket => self.open_websocket(state),
                Output::CloseTransport(transport) => self.close(state, transport),
                Output::PausePolling => self.with_polling_lane(PollingLane::pause),
                Output::ResumePolling => self.with_polling_lane(PollingLane::resume),
                Output::WaitUntil(deadline) => {
                    self.set_alarm(deadline);
                    break;
                }
            }
            busy = true;
        }
        if state.core.is_closed() {
            self.drop_what_is_not_closing(state);
        }
        busy
    }

    fn open_websocket(&mut self, state: &State) {
        let sid = state.core.handshake().map(|handshake| handshake.sid.clone());
        let endpoint = Arc::clone(&self.shared.endpoint);
        self.opening = Some(WebsocketLane::open(endpoint, sid, self.shared.config.limits).boxed());
    }

    fn close(&mut self, state: &mut State, transport: Transport) {
        match transport {
            Transport::Websocket => {
                self.opening = None;
                state.with_websocket(WebsocketLane::close);
            }
            Transport::Polling => self.with_polling_lane(PollingLane::close),
        }
    }

    fn with_polling_lane(&mut self, action: impl FnOnce(&mut PollingLane)) {
        if let Some(lane) = &mut self.polling {
            action(lane);
        }
    }

    fn set_alarm(&mut self, deadline: Option<std::time::Instant>) {
        let deadline = deadline.map(Instant::from_std);
        if self.alarm.as_ref().map(|alarm| alarm.deadline()) != deadline {
            self.alarm = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
            self.armed = false;
        }
    }

    /// The core is closed: transports it did not ask to close are of no use any more, the others
    /// get a moment to end well.
    fn drop_what_is_not_closing(&mut self, state: &mut State) {
        self.opening = None;
        state.websocket.take_if(|lane| !lane.is_closing());
        self.polling.take_if(|lane| !lane.is_closing());
        self.linger.get_or_insert_with(Linger::new);
    }

    fn lingered(&mut self, state: &State, cx: &mut Context<'_>) -> bool {
        // The answer to the last POST ends the polling transport.
        let told = self.polling.is_none()
            && state.websocket.as_ref().is_none_or(WebsocketLane::is_written);
        self.linger.as_mut().is_some_and(|linger| linger.poll(told, cx).is_ready())
    }
}

impl Future for Driver {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        let mut more = true;
        loop {
            // Whatever is commanded from here on wakes this task again.
            state.call_driver_by(cx.waker());
            let mut came = false;
            if more {
                Read { came, more } = self.read(&mut state, cx);
            }
            if self.polling.is_some() || self.opening.is_some() {
                drop(state);
                if self.read_others(cx) {
                    // Perhaps a websocket, which has not been looked at.
                    (came, more) = (true, true);
                }
                state = shared.lock();
            }
            // Last: on a machine that has been busy elsewhere, the ping that was due has come along
            // with the deadline it meets.
            came = came || self.ring_alarm(&mut state, cx);
            let told = self.carry_out(&mut state);
            let failed = write(&mut state, cx);
            more |= failed;
            if !(came || told || failed) {
                break;
            }
        }
        state.sent_at = None;
        let Some(reason) = self.reason.clone() else { return Poll::Pending };
        let idle = state.websocket.is_none() && self.polling.is_none();
        if idle || self.lingered(&state, cx) {
            state.websocket = None;
            Poll::Ready(reason)
        } else {
            Poll::Pending
        }
    }
}

/// What a look at the websocket has shown.
struct Read {
    came: bool,
    /// Whether there may be more. If not, the task is woken when there is.
    more: bool,
}

/// True if nothing more can be sent from here on. What has come before that is still to be read.
fn write(state: &mut State, cx: &mut Context<'_>) -> bool {
    let Some(lane) = &mut state.websocket else { return false };
    let failed = lane.poll_write(cx);
    if failed && state.reading_paused {
        let (expected, reason) = (lane.is_closing(), lane.why_failed());
        state.websocket = None;
        if !expected {
            input(state, Input::Lost(Transport::Websocket, reason));
        }
    }
    failed
}

fn input(state: &mut State, input: Input<'_>) {
    state.core.handle_input(Instant::now().into_std(), input);
}
