//! A server served by hand, as its own documentation shows, and the raw client: what a test costs
//! without a harness, which audits nothing and leaves what it leaves.

use std::convert::Infallible;

use axum::Router;
use axum::serve::ListenerExt;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler;
use tokio::net::TcpListener;

use super::Outcome;
use super::raw::{RawClient, SMALL_BUFFERS};

/// The server of both: acks `message-with-ack` with its arguments, as `bench-cycle.js` does.
pub(crate) fn router() -> Router {
    let (layer, io) = SocketIo::new_layer();
    // Registered before the client learns that it is connected.
    let register = async |socket: SocketRef| {
        socket.on("message-with-ack", async |Data::<Numbers>(numbers), ack: AckSender| {
            ack.send(&numbers).ok();
        });
        Ok::<_, Infallible>(())
    };
    io.ns("/", (async || {}).with(register));
    Router::new().layer(layer)
}

type Numbers = (u32, u32, u32);

/// Boots a server on a free port, connects, gets one ack, and takes both down.
pub(crate) async fn over_tcp() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let listener = listener.tap_io(|stream| {
        // Loopback sockets take it.
        let _ = stream.set_nodelay(true);
    });
    let serving = tokio::spawn(axum::serve(listener, router()).into_future());
    let mut client = RawClient::connect(port).await?;
    client.ack().await?;
    client.close().await?;
    serving.abort();
    // Only an aborted task has let go of its port for sure.
    let _ = serving.await;
    Ok(())
}

/// The same through memory, without a port.
pub(crate) async fn in_memory() -> Outcome {
    let (near, far) = tokio::io::duplex(64 << 10);
    let serving = http1::Builder::new()
        .serve_connection(TokioIo::new(far), TowerToHyperService::new(router()))
        .with_upgrades();
    let serving = tokio::spawn(serving);
    let mut client = RawClient::over(near, "memory", SMALL_BUFFERS).await?;
    client.ack().await?;
    client.close().await?;
    Ok(serving.await??)
}
