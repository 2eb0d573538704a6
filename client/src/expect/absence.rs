use std::future::IntoFuture;
use std::marker::PhantomData;
use std::panic::Location;
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;

use super::manner::{Expecting, Manner, Panics};
use super::pattern::EventPattern;
use super::search::{Search, candidate};
use super::source::{ClientSource, Source};
use crate::Result;
use crate::client::SocketIoClient;
use crate::event::Event;

/// An event that should not have been sent; see
/// [`SocketIoClient::expect_none`](crate::SocketIoClient::expect_none). Awaiting it proves it.
#[must_use = "an expectation is checked when it is awaited"]
pub struct Absence<M = Panics> {
    source: ClientSource,
    pattern: EventPattern,
    start: usize,
    patience: Duration,
    written_at: &'static Location<'static>,
    manner: PhantomData<M>,
}

impl<M> Absence<M> {
    #[track_caller]
    pub(super) fn new(client: &SocketIoClient, pattern: EventPattern) -> Self {
        let written_at = Location::caller();
        Self::of_pattern(ClientSource::of(client), pattern, client.timeout(), written_at)
    }

    /// For a pattern that somebody else has written.
    pub(super) fn of_pattern(
        source: ClientSource,
        pattern: EventPattern,
        patience: Duration,
        written_at: &'static Location<'static>,
    ) -> Self {
        Self { source, pattern, start: 0, patience, written_at, manner: PhantomData }
    }

    /// None with exactly these arguments.
    pub fn args(mut self, args: impl Serialize) -> Self {
        self.pattern = self.pattern.args(args);
        self
    }

    /// None with arguments that include these.
    pub fn args_include(mut self, args: impl Serialize) -> Self {
        self.pattern = self.pattern.args_include(args);
        self
    }

    /// None for which `condition` holds.
    #[track_caller]
    pub fn matching(mut self, condition: impl Fn(&Event) -> bool + Send + Sync + 'static) -> Self {
        self.pattern = self.pattern.matching(condition);
        self
    }

    /// How long the server may take to answer the fence, instead of the client's timeout.
    pub fn within(mut self, duration: Duration) -> Self {
        self.patience = duration;
        self
    }

    /// Looks only at what comes after this call. Without it, everything counts since the first
    /// byte.
    pub fn from_now(mut self) -> Self {
        self.start = self.source.look_on(0, Waker::noop()).0.len();
        self
    }

    async fn prove(self) -> Result {
        let Self { source, pattern, start, patience, written_at, .. } = self;
        pattern.check()?;
        source.can_fence()?;
        let mut search = Search::begin(Box::new(source), start, patience, written_at);
        let came = search.rest().await?;
        let wrong: Vec<_> = came.iter().filter(|event| pattern.fits(event)).collect();
        if wrong.is_empty() {
            search.source.met(Some(pattern.name()), &format_args!("no {pattern}"));
            return Ok(());
        }
        let expected = format!("no {pattern}{}", search.place());
        let outcome = match wrong.len() {
            1 => "it came".to_owned(),
            count => format!("{count} came"),
        };
        let shown = wrong.iter().take(SHOWN);
        let candidates = shown.map(|event| {
            let ms = event.at().as_secs_f64() * 1000.0;
            candidate(&format!("at {ms:.1} ms:"), *event, vec![], vec![])
        });
        let candidates = candidates.collect();
        Err(search.report(Some(pattern.name()), expected, outcome, candidates, Vec::new()))
    }
}

impl<M: Manner> IntoFuture for Absence<M> {
    type Output = M::Output<()>;
    type IntoFuture = Expecting<(), M>;

    fn into_future(self) -> Self::IntoFuture {
        Expecting::new(self.prove())
    }
}

impl<M> std::fmt::Debug for Absence<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no {}", self.pattern)
    }
}

const SHOWN: usize = 3;
