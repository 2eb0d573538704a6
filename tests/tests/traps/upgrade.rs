//! What a poll does while the session moves to websocket.

use axum::http::Method;
use rstest::rstest;
use serde_json::json;
use socketio_harness::{ClientError, Result, Transport, Upgrade, close, create_socketio_client};
use socketio_tests::Via;
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, Listener, Websocket};

const OPEN: &str =
    r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}"#;

#[rstest]
#[case::released_by_a_noop("6", &[])]
#[case::released_by_two("6\u{1e}6", &[])]
#[case::released_by_a_ping("2", &[])]
#[case::answered_with_an_event("42[\"late\",1]", &[1])]
#[case::answered_with_events_around_a_noop("42[\"late\",1]\u{1e}6\u{1e}42[\"late\",2]", &[1, 2])]
#[tokio::test]
async fn a_poll_pending_during_the_upgrade_is(
    #[case] release: &'static str,
    #[case] late: &[u8],
) -> Result {
    let mut server = PollingServer::upgrading([OPEN, CONNECTED], release).await?;
    let client = create_socketio_client(&server.app).transports(Via::Upgrade.transports()).await?;
    client.upgraded().await?;
    assert_eq!(client.transport(), Transport::Websocket);
    for number in late {
        assert_eq!(client.once("late").await?.args(), [json!(number)]);
    }
    client.send("event", 1)?;
    // The pong of a ping that came by polling may come first, now on the websocket.
    let mut saw: String = client.once("saw").await?.parse()?;
    if release == "2" {
        assert_eq!(saw, "3");
        saw = client.once("saw").await?.parse()?;
    }
    assert_eq!(saw, r#"42["event",1]"#);
    client.close().await?;

    // The handshake, the CONNECT reply, the one that was pending, the websocket: no further poll.
    let polls = [(); 4].map(|()| Method::GET);
    for method in polls {
        server.next(method).await;
    }
    assert!(server.none_left(&Method::GET));
    close(server.app).await
}

#[tokio::test]
async fn an_upgrade_outlives_the_end_of_one_that_was_given_up() -> Result {
    let script = async |listener: Listener| {
        let Some(mut down) = listener.http().await else { return };
        down.answer(OPEN).await;
        let Some(mut up) = listener.http().await else { return };
        up.answer("ok").await;
        down.answer(CONNECTED).await;
        let Some(mut first) = listener.websocket().await else { return };
        first.next().await;
        first.text("3nonsense").await;
        let Some(second) = listener.tcp().await else { return };
        // The client learns of this end no later than of the answer to its next handshake.
        drop(first);
        let Some(mut second) = Websocket::over(second).await else { return };
        second.next().await;
        second.text("3probe").await;
        down.answer("6").await;
        second.drain().await;
    };
    let target = scripted::listener(script).await.unwrap();
    let client = create_socketio_client(target)
        .transports(Via::Upgrade.transports())
        .upgrade(Upgrade::OnRequest)
        .await?;
    client.upgrade();
    let given_up = client.upgraded().await;
    assert!(matches!(given_up, Err(ClientError::UpgradeFailed { .. })), "{given_up:?}");
    client.upgrade();
    client.upgraded().await?;
    client.close().await?;
    Ok(())
}
