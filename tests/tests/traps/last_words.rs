//! What a server says before it ends a connection is heard, whatever the client is about to say.

use std::time::Duration;

use socketio_harness::{CloseReason, Result, Transport, create_socketio_client};
use socketio_tests::scripted;

#[tokio::test]
async fn events_before_the_end_are_read_although_nothing_can_be_written_any_more() -> Result {
    const COUNT: usize = 1_000;
    let target = scripted::memory(async |mut socket| {
        socket.accept().await;
        socket.next().await;
        // The answer to the ping meets a closed connection.
        let ticks = (0..COUNT).map(|number| format!("42[\"tick\",{number}]"));
        socket.texts(["2".to_owned()].into_iter().chain(ticks)).await;
    });
    let client = create_socketio_client(target).await?;
    client.send("go", ())?;
    let mut ticks = client.on("tick");
    for number in 0..COUNT {
        assert_eq!(ticks.next().await?.parse::<usize>()?, number);
    }
    let reason = client.disconnected().await?;
    assert!(matches!(reason, CloseReason::TransportError(_)), "{reason}");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_answer_to_a_poll_counts_although_the_post_beside_it_was_refused() -> Result {
    let target = scripted::listener(async |listener: scripted::Listener| {
        let Some(mut down) = listener.http().await else { return };
        down.answer(scripted::OPEN).await;
        let Some(mut up) = listener.http().await else { return };
        up.answer("ok").await;
        down.answer(scripted::CONNECTED).await;
        down.request().await;
        up.request().await;
        // Both are there before the client looks again.
        down.reply("42[\"farewell\"]\u{1e}41").await;
        up.refuse("{\"code\":1,\"message\":\"Session ID unknown\"}").await;
        down.request().await;
    })
    .await
    .expect("a listener");
    let client = create_socketio_client(target).transports([Transport::Polling]).await?;
    client.send("go", ())?;
    client.once("farewell").await?;
    assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
    client.close().await?;
    Ok(())
}

/// tokio has a task make way for others that reads without end, and then sets no alarm for it.
#[tokio::test(start_paused = true)]
async fn silence_after_a_flood_is_noticed() -> Result {
    let target = scripted::memory(async |mut socket| {
        socket.accept().await;
        socket.next().await;
        // So that the ping moves the deadline.
        tokio::time::advance(Duration::from_secs(1)).await;
        let flood = std::iter::repeat_n("42[\"tick\"]".to_owned(), 50_000);
        socket.texts(["2".to_owned()].into_iter().chain(flood)).await;
        socket.drain().await;
    });
    let client = create_socketio_client(target).timeout(Duration::from_mins(5)).await?;
    client.send("go", ())?;
    assert_eq!(client.disconnected().await?, CloseReason::PingTimeout);
    client.close().await?;
    Ok(())
}
