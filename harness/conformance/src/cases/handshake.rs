use crate::{
    Case, Context, Failure, Section,
    raw::{Method, Open, Polling, Session as _, WebSocket, expect_websocket_refused, request},
};

pub(super) fn cases() -> Vec<Case> {
    let handshake = Section::Handshake;
    vec![
        handshake.must(
            "eio.handshake.polling_opens_a_session",
            "The server MUST answer the handshake GET with HTTP 200 and an open packet with sid, \
             upgrades, pingInterval, pingTimeout and maxPayload.",
            polling_opens_a_session,
        ),
        handshake.must(
            "eio.handshake.polling_refuses_a_bad_version",
            "If the mandatory EIO parameter is missing or names no known version, the server MUST \
             answer HTTP 400.",
            polling_refuses_a_bad_version,
        ),
        handshake.must(
            "eio.handshake.polling_refuses_a_bad_transport",
            "If the mandatory transport parameter is missing or names no known transport, the \
             server MUST answer HTTP 400.",
            polling_refuses_a_bad_transport,
        ),
        handshake.must(
            "eio.handshake.refuses_post_and_put_without_a_session",
            "A session is opened by GET: the server MUST answer HTTP 400 to a POST or PUT without \
             a session ID.",
            refuses_post_and_put_without_a_session,
        ),
        handshake.must(
            "eio.handshake.websocket_opens_a_session",
            "The first frame of a WebSocket-only session MUST be an open packet with the same \
             keys, its upgrades empty.",
            websocket_opens_a_session,
        ),
        handshake.must(
            "eio.handshake.websocket_refuses_a_bad_version",
            "If the mandatory EIO parameter is missing or names no known version, the server MUST \
             close the WebSocket connection.",
            websocket_refuses_a_bad_version,
        ),
        handshake.must(
            "eio.handshake.websocket_refuses_a_bad_transport",
            "If the mandatory transport parameter is missing or names no known transport, the \
             server MUST close the WebSocket connection.",
            websocket_refuses_a_bad_transport,
        ),
    ]
}

async fn polling_opens_a_session(ctx: Context) -> Result<(), Failure> {
    let reply = request(&ctx, Method::GET, "EIO=4&transport=polling", "").await?;
    // Other packets may follow in the same payload.
    let open = Open::parse(reply.expect_status(200)?.packets().next().unwrap_or_default())?;
    open.expect_complete(&["websocket"])
}

async fn polling_refuses_a_bad_version(ctx: Context) -> Result<(), Failure> {
    for query in ["transport=polling", "EIO=abc&transport=polling"] {
        request(&ctx, Method::GET, query, "").await?.expect_status(400)?;
    }
    Polling::open(&ctx).await.map(drop)
}

async fn polling_refuses_a_bad_transport(ctx: Context) -> Result<(), Failure> {
    for query in ["EIO=4", "EIO=4&transport=abc"] {
        request(&ctx, Method::GET, query, "").await?.expect_status(400)?;
    }
    Polling::open(&ctx).await.map(drop)
}

async fn refuses_post_and_put_without_a_session(ctx: Context) -> Result<(), Failure> {
    for method in [Method::POST, Method::PUT] {
        let reply = request(&ctx, method, "EIO=4&transport=polling", "").await?;
        reply.expect_status(400)?;
    }
    Polling::open(&ctx).await.map(drop)
}

async fn websocket_opens_a_session(ctx: Context) -> Result<(), Failure> {
    WebSocket::open(&ctx).await?.open().expect_complete(&[])
}

async fn websocket_refuses_a_bad_version(ctx: Context) -> Result<(), Failure> {
    for query in ["transport=websocket", "EIO=abc&transport=websocket"] {
        expect_websocket_refused(&ctx, query).await?;
    }
    WebSocket::open(&ctx).await.map(drop)
}

async fn websocket_refuses_a_bad_transport(ctx: Context) -> Result<(), Failure> {
    for query in ["EIO=4", "EIO=4&transport=abc"] {
        expect_websocket_refused(&ctx, query).await?;
    }
    WebSocket::open(&ctx).await.map(drop)
}
