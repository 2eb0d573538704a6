//! Closing an app tells what a test has left behind, on either side.

mod clients;
mod server;

use axum::Router;
use socketio_harness::{CloseReport, Leftover};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;

/// A server with these handlers on its main namespace.
fn server(register: impl Fn(&SocketRef) + Clone + Send + Sync + 'static) -> Router {
    let (layer, io) = SocketIo::new_layer();
    // In a middleware, so that no event comes before the handlers are there.
    let register = move |socket: SocketRef| {
        register(&socket);
        std::future::ready(Ok::<(), std::convert::Infallible>(()))
    };
    let connected = async || {};
    io.ns("/", socketioxide::handler::ConnectHandler::with(connected, register));
    Router::new().layer(layer)
}

#[expect(clippy::panic, reason = "a failing assertion")]
fn only(report: &CloseReport) -> &Leftover {
    let [leftover] = report.leftovers() else { panic!("expected one leftover:{report}") };
    leftover
}
