use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use socketio_proto::Excerpt;
use socketio_proto::engine::{Frame, Handshake, Transport};
use tokio::time::Sleep;

use super::http::{Answer, Http, HttpError};
use crate::endpoint::Endpoint;
use crate::timeout::scaled;

/// The polling transport of an open session: at most one GET and one POST in flight, each on a
/// connection of its own.
pub(crate) struct PollingLane {
    endpoint: Arc<Endpoint>,
    sid: String,
    max_payload: usize,
    down: Slot,
    up: Slot,
    queue: VecDeque<Frame>,
    mode: Mode,
    closing: bool,
    failed: Option<Box<Failed>>,
}

/// A POST failed: there will be no further request. A server that has ended the session refuses the
/// next POST, and the answer to the poll in flight holds what it said before.
struct Failed {
    reason: String,
    patience: Pin<Box<Sleep>>,
}

/// What the lane reports.
pub(crate) enum Came {
    /// Nothing for now.
    Nothing,
    /// The body of a poll.
    Payload(Bytes),
    /// No request is in flight any more, after [`PollingLane::pause`] or [`PollingLane::close`].
    Idle,
    /// The transport failed.
    Lost(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Polling,
    /// No new polls; [`Came::Idle`] has been reported if `reported`.
    Pausing {
        reported: bool,
    },
}

/// An HTTP connection: resting, or busy with a request.
enum Slot {
    Resting(Option<Box<Http>>),
    Busy(BoxFuture<'static, (Box<Http>, Result<Answer, HttpError>)>),
}

impl PollingLane {
    /// Takes over after the handshake, with the connection it was made on.
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        handshake: &Handshake,
        down: Http,
        up: Http,
    ) -> Self {
        Self {
            endpoint,
            sid: handshake.sid.clone(),
            max_payload: handshake.max_payload.unwrap_or(usize::MAX),
            down: Slot::Resting(Some(Box::new(down))),
            up: Slot::Resting(Some(Box::new(up))),
            queue: VecDeque::new(),
            mode: Mode::Polling,
            closing: false,
            failed: None,
        }
    }

    pub(crate) fn send(&mut self, frame: Frame) {
        self.queue.push_back(frame);
    }

    /// Begins no further poll; sends what is queued, then reports [`Came::Idle`].
    pub(crate) fn pause(&mut self) {
        self.mode = Mode::Pausing { reported: false };
    }

    /// Like [`pause`](Self::pause), for good.
    pub(crate) fn close(&mut self) {
        self.closing = true;
        self.pause();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(crate) fn resume(&mut self) {
        self.mode = Mode::Polling;
    }

    /// Moves the requests on. Without `reading`, polls stay where they are.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, reading: bool) -> Came {
        if self.failed.is_none() {
            self.begin_requests(reading);
        }
        while let Some(result) = self.up.poll(cx) {
            match result {
                Ok(Answer { status: StatusCode::OK, .. }) => self.begin_requests(reading),
                Ok(answer) => self.fail(describe("POST", &answer)),
                Err(error) => self.fail(format!("POST failed: {error}")),
            }
        }
        let polled = if reading { self.down.poll(cx) } else { None };
        let is_under_way = reading && self.down.is_busy() && !self.closing;
        if let Some(failed) = &mut self.failed {
            return match polled {
                Some(Ok(Answer { status: StatusCode::OK, body, .. })) if !body.is_empty() => {
                    Came::Payload(body)
                }
                None if is_under_way && failed.patience.poll_unpin(cx).is_pending() => {
                    Came::Nothing
                }
                _ => Came::Lost(std::mem::take(&mut failed.reason)),
            };
        }
        match polled {
            Some(Ok(Answer { status: StatusCode::OK, body, .. })) => return Came::Payload(body),
            Some(Ok(answer)) => return Came::Lost(describe("GET", &answer)),
            Some(Err(error)) => return Came::Lost(format!("GET failed: {error}")),
            None => {}
        }
        if self.mode == (Mode::Pausing { reported: false }) && self.is_idle() {
            self.mode = Mode::Pausing { reported: true };
            return Came::Idle;
        }
        Came::Nothing
    }

    fn fail(&mut self, reason: String) {
        let patience = Box::pin(tokio::time::sleep(scaled(LAST_WORDS)));
        self.failed.get_or_insert_with(|| Box::new(Failed { reason, patience }));
    }

    fn begin_requests(&mut self, reading: bool) {
        if !self.queue.is_empty()
            && let Some(http) = self.up.take()
        {
            let protocol = self.endpoint.protocol;
            let body =
                protocol.encode_payload_front(&mut self.queue, MAX_PACKETS, self.max_payload);
            self.up = self.request(http, Method::POST, Bytes::from(body));
        }
        if reading
            && self.mode == Mode::Polling
            && let Some(http) = self.down.take()
        {
            self.down = self.request(http, Method::GET, Bytes::new());
        }
    }

    fn request(&self, mut http: Box<Http>, method: Method, body: Bytes) -> Slot {
        let target = self.endpoint.request_target(Transport::Polling, Some(&self.sid));
        Slot::Busy(
            async move {
                let result = http.exchange(&method, &target, body).await;
                (http, result)
            }
            .boxed(),
        )
    }

    /// A closed session owes no answer to the pending poll, and python-engineio gives none.
    fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.up.is_busy() && (self.closing || !self.down.is_busy())
    }
}

impl Slot {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    fn take(&mut self) -> Option<Box<Http>> {
        match self {
            Self::Resting(http) => http.take(),
            Self::Busy(_) => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Option<Result<Answer, HttpError>> {
        let Self::Busy(exchange) = self else { return None };
        let Poll::Ready((http, result)) = exchange.poll_unpin(cx) else { return None };
        *self = Self::Resting(Some(http));
        Some(result)
    }
}

fn describe(method: &str, answer: &Answer) -> String {
    format!("{method} answered {}: {}", answer.status, Excerpt::of_bytes(&answer.body))
}

/// How much later than a refused POST the answer to the poll may come.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// python-engineio ends a session when a body holds more packets.
const MAX_PACKETS: usize = 16;
