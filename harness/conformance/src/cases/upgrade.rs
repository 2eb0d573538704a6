use futures::join;

use crate::{
    Case, Context, Failure, Section,
    raw::{Polling, Session as _, WebSocket, expect_websocket_refused},
};

pub(super) fn cases() -> Vec<Case> {
    let upgrade = Section::Upgrade;
    vec![
        upgrade.must(
            "eio.upgrade.moves_from_polling_to_websocket",
            "The server MUST answer 2probe with 3probe and release the pending GET with a noop \
             packet; after the upgrade packet the session goes on over WebSocket.",
            moves_from_polling_to_websocket,
        ),
        upgrade.should(
            "eio.upgrade.ends_polling",
            "Once upgraded, a session is no longer reached over HTTP: its session ID gives HTTP \
             400.",
            ends_polling,
        ),
        upgrade.must(
            "eio.upgrade.refuses_a_second_websocket",
            "Should a client open a second WebSocket connection for a session, the server MUST \
             close it; the first goes on.",
            refuses_a_second_websocket,
        ),
    ]
}

async fn moves_from_polling_to_websocket(ctx: Context) -> Result<(), Failure> {
    // A ping may release the poll before the noop can; then the upgrade is tried anew.
    for _ in 0..5 {
        let mut polling = Polling::open(&ctx).await?;
        polling.connect("/").await?;
        let (pending, socket) = join!(polling.poll(), probe(&polling));
        let (pending, mut socket) = (pending?, socket?);
        pending.expect_status(200)?;
        let packets: Vec<_> = pending.packets().collect();
        if packets.is_empty() || packets.iter().any(|packet| !["2", "6"].contains(packet)) {
            pending.expect_ok("6")?;
        }
        if !packets.contains(&"6") {
            continue;
        }
        socket.send("5").await?;
        return expect_echo(&mut socket).await;
    }
    Err(Failure::departure("the pending poll to be released with a noop, 6", "pings only"))
}

async fn ends_polling(ctx: Context) -> Result<(), Failure> {
    let (polling, mut socket) = upgraded(&ctx).await?;
    polling.poll().await?.expect_status(400)?;
    polling.post(r#"42["message","by polling"]"#).await?.expect_status(400)?;
    expect_echo(&mut socket).await
}

async fn refuses_a_second_websocket(ctx: Context) -> Result<(), Failure> {
    let (_, mut socket) = upgraded(&ctx).await?;
    let query = format!("EIO=4&transport=websocket&{}", socket.open().sid_parameter());
    expect_websocket_refused(&ctx, &query).await?;
    expect_echo(&mut socket).await
}

/// A session that has been upgraded, and has shown that it has.
async fn upgraded(ctx: &Context) -> Result<(Polling, WebSocket), Failure> {
    let mut polling = Polling::open(ctx).await?;
    polling.connect("/").await?;
    let mut socket = probe(&polling).await?;
    socket.send("5").await?;
    expect_echo(&mut socket).await?;
    Ok((polling, socket))
}

async fn probe(polling: &Polling) -> Result<WebSocket, Failure> {
    let mut socket = polling.websocket().await?;
    socket.send("2probe").await?;
    socket.expect("3probe").await?;
    Ok(socket)
}

async fn expect_echo(socket: &mut WebSocket) -> Result<(), Failure> {
    socket.send(r#"42["message","by websocket"]"#).await?;
    socket.expect(r#"42["message-back","by websocket"]"#).await
}
