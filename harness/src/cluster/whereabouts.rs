//! The way to a node: to wherever it listens at the moment.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::BoxFuture;
use socketio_mock_client::{ByteStream, Connector, Target};

/// Where a node is; a node that is started again is somewhere else.
#[derive(Clone, Default)]
pub(super) struct Whereabouts(Arc<Mutex<Option<Target>>>);

impl Whereabouts {
    pub(super) fn become_known(&self, place: Option<Target>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl Connector for Whereabouts {
    fn connect<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        async move {
            let place = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            place.ok_or(io::ErrorKind::ConnectionRefused)?.open().await
        }
        .boxed()
    }
}

impl fmt::Debug for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fmt(f)
    }
}
