//! A service of this process that passes everything on to a server outside of it, so that the
//! harness sees, at its own connections, what other servers say.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

/// Answers what the server at this address answers: polling requests, and websockets.
pub fn to(address: SocketAddr) -> Router {
    Router::new().fallback(async move |request: Request| {
        let passed = pass(address, request).await;
        passed.unwrap_or_else(|error| (StatusCode::BAD_GATEWAY, error.to_string()).into_response())
    })
}

async fn pass(
    address: SocketAddr,
    mut request: Request,
) -> Result<Response, Box<dyn Error + Send + Sync>> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection.with_upgrades());
    let client = hyper::upgrade::on(&mut request);
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = (client.await, server.await) {
                // Ends with either side, whose end is no error of this one.
                copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await.ok();
            }
        });
    }
    Ok(response.map(Body::new))
}
