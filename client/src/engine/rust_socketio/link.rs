//! How rust_socketio is configured, and what it tells.

use std::future::{pending, ready};
use std::io;

use ::rust_socketio::asynchronous::{Client, ClientBuilder};
use ::rust_socketio::{self as engine, Event, Payload, TransportType};
use futures::FutureExt;
use http::HeaderMap;
use rust_socketio_tungstenite as tungstenite;
use tokio::sync::mpsc::UnboundedSender;

use crate::driver::{chunked, open};
use crate::endpoint::Endpoint;
use crate::shared::Shared;
use crate::socket::Socket;
use crate::{Error, Result};

/// What rust_socketio's callbacks tell, in order.
#[derive(Debug)]
pub(super) enum Came {
    /// An event, or what it reports in the form of one.
    Event(Event, Payload),
    /// A part of the answer to the event that was sent with this ack id.
    Answer(u64, Payload),
    /// The transport is gone.
    Lost,
}

/// Connects: opens the transport and sends CONNECT. The reply to it is told later.
pub(super) async fn connect(
    shared: &Shared,
    socket: &Socket,
    tell: UnboundedSender<Came>,
) -> Result<Client> {
    let endpoint = &shared.endpoint;
    let mut builder = ClientBuilder::new(endpoint.url_with_query())
        .namespace(&*socket.namespace)
        .transport_type(TransportType::Websocket);
    let mut headers = HeaderMap::new();
    endpoint.add_headers(&mut headers);
    for (name, value) in &headers {
        // The builder of the client lets in visible ASCII only.
        builder = builder.opening_header(name.as_str(), value.to_str().unwrap_or_default());
    }
    if let Some(auth) = socket.connect_payload() {
        builder = builder.auth(auth);
    }
    let connecting = with_callbacks(builder, tell).connect();
    connecting.await.map_err(|error| cannot_connect(endpoint, &error))
}

fn with_callbacks(mut builder: ClientBuilder, tell: UnboundedSender<Came>) -> ClientBuilder {
    // `on_any` is not called for these.
    for event in [Event::Connect, Event::Close, Event::Error] {
        let tell = tell.clone();
        builder = builder.on(event.clone(), move |payload, _| {
            // Nobody listens any more once the session is over.
            let _ = tell.send(Came::Event(event.clone(), payload));
            ready(()).boxed()
        });
    }
    let lost = tell.clone();
    builder
        .on_any(move |event, payload, _| {
            let _ = tell.send(Came::Event(event, payload));
            ready(()).boxed()
        })
        // The only sign that the transport is gone is the attempt to open another one. This one
        // comes to nothing.
        .reconnect(true)
        .reconnect_on_disconnect(true)
        .on_reconnect(move || {
            let _ = lost.send(Came::Lost);
            pending().boxed()
        })
}

fn cannot_connect(endpoint: &Endpoint, error: &engine::Error) -> Error {
    let cause = deepest_cause(error);
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return open::unreachable(endpoint, error);
    }
    if let Some(tungstenite::Error::Http(answer)) = cause.downcast_ref() {
        // As much of it as came along with the head.
        let came = answer.body().as_deref().unwrap_or_default();
        let (status, headers) = (answer.status(), answer.headers());
        if chunked::is_chunked(headers) {
            return open::refused(endpoint, status, headers, &chunked::join(came).0);
        }
        return open::refused(endpoint, status, headers, came);
    }
    open::not_socketio(endpoint, cause)
}

/// What says most: the errors above it only name the layer.
pub(super) fn deepest_cause(error: &engine::Error) -> &(dyn std::error::Error + 'static) {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause
}

/// How rust_socketio begins to tell of a CONNECT_ERROR; its payload follows.
pub(super) const REFUSED: &str = "Received an ConnectError frame: ";

/// How rust_socketio tells that the transport has failed.
pub(super) const TRANSPORT_FAILED: &str = "EngineIO Error";
