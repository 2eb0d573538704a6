use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;

use crate::{Error, Result};

/// What becomes of a failure: [`Panics`] or [`Tries`].
pub trait Manner: sealed::Sealed + Send + Unpin + 'static {
    /// What awaiting gives.
    type Output<T>;

    /// Concludes.
    fn conclude<T>(result: Result<T>) -> Self::Output<T>;
}

/// A failure panics, at the line of the `.await`.
#[derive(Debug, Clone, Copy)]
pub enum Panics {}

/// A failure is an error to be returned.
#[derive(Debug, Clone, Copy)]
pub enum Tries {}

impl Manner for Panics {
    type Output<T> = T;

    #[track_caller]
    fn conclude<T>(result: Result<T>) -> T {
        match result {
            Ok(value) => value,
            #[expect(clippy::panic, reason = "this is how an assertion fails")]
            Err(Error::Unmet(unmet)) => panic!("{}", unmet.for_standard_error()),
            #[expect(clippy::panic, reason = "this is how an assertion fails")]
            Err(error) => panic!("{error}"),
        }
    }
}

impl Manner for Tries {
    type Output<T> = Result<T>;

    fn conclude<T>(result: Result<T>) -> Result<T> {
        result
    }
}

/// An expectation being waited for.
///
/// Its `poll` carries the location of its caller, which for an `.await` is the line of the test:
/// there the panic of a failure points.
#[must_use = "futures do nothing unless awaited"]
pub struct Expecting<T, M> {
    inner: BoxFuture<'static, Result<T>>,
    manner: PhantomData<M>,
}

impl<T, M> Expecting<T, M> {
    pub(crate) fn new(inner: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self { inner: Box::pin(inner), manner: PhantomData }
    }
}

impl<T, M: Manner> Future for Expecting<T, M> {
    type Output = M::Output<T>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.inner.as_mut().poll(cx));
        Poll::Ready(M::conclude(result))
    }
}

impl<T, M> std::fmt::Debug for Expecting<T, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expecting").finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Panics {}
    impl Sealed for super::Tries {}
}
