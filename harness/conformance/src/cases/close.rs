use futures::join;
use tokio::time::Instant;

use crate::{
    Case, Context, Failure, Section,
    raw::{Polling, Session as _, WebSocket},
};

pub(super) fn cases() -> Vec<Case> {
    let close = Section::Close;
    vec![
        close.should(
            "eio.close.polling_ends_on_a_close_packet",
            "A close packet ends the session: the pending GET is released and the session ID is \
             no longer known, which is HTTP 400.",
            polling_ends_on_a_close_packet,
        ),
        close.should(
            "eio.close.websocket_closes_on_a_close_packet",
            "A close packet indicates that the transport can be closed: the server closes the \
             WebSocket connection.",
            websocket_closes_on_a_close_packet,
        ),
    ]
}

async fn polling_ends_on_a_close_packet(ctx: Context) -> Result<(), Failure> {
    // A ping may release the poll first, or the close may overtake it, which gives 400: then
    // nothing was pending, and it is tried anew. A server may also release a poll with 400.
    for _ in 0..10 {
        let mut session = Polling::open(&ctx).await?;
        session.connect("/").await?;
        let closed_at = Instant::now();
        let (pending, _) = join!(session.poll(), async {
            session.round_trip().await.ok();
            session.post("1").await
        });
        let pending = pending?;
        let released = pending.packets().all(|packet| ["6", "1", "2"].contains(&packet));
        if pending.status != 400 && !(pending.status == 200 && released) {
            return Err(Failure::departure(RELEASED, pending.shown()));
        }
        session.expect_before_heartbeat(RELEASED, closed_at, Instant::now())?;
        session.expect_gone().await?;
        if pending.status == 200 && pending.body != "2" {
            break;
        }
    }
    Ok(())
}

async fn websocket_closes_on_a_close_packet(ctx: Context) -> Result<(), Failure> {
    let mut socket = WebSocket::open(&ctx).await?;
    socket.connect("/").await?;
    socket.expect_close_after("1", r#"42["message","still open"]"#).await
}

const RELEASED: &str = "the pending poll to be released with a noop, 6";
