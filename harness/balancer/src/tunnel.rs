use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};

/// Passes bytes both ways until either side is done.
pub(crate) async fn tunnel(client: Upgraded, server: Upgraded) {
    let (mut from_client, mut to_client) = split(TokioIo::new(client));
    let (mut from_server, mut to_server) = split(TokioIo::new(server));
    let mut up = std::pin::pin!(pass(&mut from_client, &mut to_server));
    let mut down = std::pin::pin!(pass(&mut from_server, &mut to_client));
    let (ended_well, rest) = tokio::select! {
        ended = &mut up => (ended, Rest::Down),
        ended = &mut down => (ended, Rest::Up),
    };
    if ended_well {
        // A websocket closes in two steps; a peer that never takes the second is left behind.
        let _ = match rest {
            Rest::Up => tokio::time::timeout(LINGER, up).await,
            Rest::Down => tokio::time::timeout(LINGER, down).await,
        };
    }
}

enum Rest {
    Up,
    Down,
}

/// Tells whether the sender ended by closing its side.
async fn pass(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> bool {
    copy(from, to).await.is_ok() && to.shutdown().await.is_ok()
}

const LINGER: Duration = Duration::from_secs(2);
