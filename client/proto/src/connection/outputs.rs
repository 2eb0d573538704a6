use std::collections::VecDeque;

use super::Output;
use crate::engine::{Frame, Transport};

/// What is to be done, in order.
///
/// There is seldom more than one thing at a time. That one stands beside the queue, which is half a
/// kilobyte as soon as it holds anything: too much to allocate for each packet, and too much to keep
/// for an idle connection, of which tests open thousands.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// Comes before the queue.
    first: Option<Output>,
    queue: VecDeque<Output>,
}

impl Outputs {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.queue.is_empty()
    }

    pub(super) fn push(&mut self, output: Output) {
        if self.is_empty() {
            self.first = Some(output);
        } else {
            self.queue.push_back(output);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.first.take().or_else(|| self.queue.pop_front())
    }

    /// The next output, if it is a frame for the websocket.
    pub(super) fn pop_websocket_frame(&mut self) -> Option<Frame> {
        let is_one = |next: &mut Output| matches!(next, Output::Send(Transport::Websocket, _));
        let next = match &self.first {
            Some(_) => self.first.take_if(is_one),
            None => self.queue.pop_front_if(is_one),
        };
        match next {
            Some(Output::Send(_, frame)) => Some(frame),
            _ => None,
        }
    }

    /// Gives back the memory of a queue that is empty.
    pub(super) fn shrink(&mut self) {
        if self.queue.is_empty() && self.queue.capacity() > 0 {
            self.queue = VecDeque::new();
        }
    }
}

impl Extend<Output> for Outputs {
    fn extend<T: IntoIterator<Item = Output>>(&mut self, outputs: T) {
        outputs.into_iter().for_each(|output| self.push(output));
    }
}
