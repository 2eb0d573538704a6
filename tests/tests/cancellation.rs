//! Whatever is cancelled, at any await point, leaves the client usable and nothing behind.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use rstest::rstest;
use rstest_reuse::{apply, template};
use serde_json::json;
use socketio_fixtures::{Limits, Server, peer};
use socketio_harness::{
    App, ChildProcess, Claim, ClientError, CloseReason, Result, SocketIoClient, Transport, Upgrade,
    close, create_app, create_socketio_client, create_socketio_clients, event,
};
use socketio_tests::{Via, no_client_is_left_in, node_peer, python_peer};

/// Polls a future so often, each time when it has been woken, then drops it. The output if it was
/// done by then.
async fn cancelled_after<F: IntoFuture>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future.into_future());
    let mut left = polls;
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[template]
#[rstest]
#[case::websocket(Via::Websocket)]
#[case::polling(Via::Polling)]
#[case::upgrade(Via::Upgrade)]
#[tokio::test]
async fn on_every_transport(#[case] via: Via) {}

async fn boot() -> Result<(App, Server)> {
    let server = peer::server(Limits::relaxed());
    Ok((create_app(server.router()).await?, server))
}

async fn nothing_is_left_in(app: &App, server: &Server) {
    let emptying = async {
        while server.sockets("/") > 0 || app.open_connections() != Some(0) {
            tokio::task::yield_now().await;
        }
    };
    let emptied = tokio::time::timeout(Duration::from_secs(10), emptying).await;
    assert!(emptied.is_ok(), "{} sockets, {:?}", server.sockets("/"), app.open_connections());
}

#[apply(on_every_transport)]
async fn the_event_of_a_cancelled_once_goes_to_the_next(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    for polls in 0..4 {
        client.send("message", polls)?;
        let echo = match cancelled_after(polls, client.once("message-back")).await {
            Some(echo) => echo?,
            None => client.once("message-back").await?,
        };
        assert_eq!(echo.parse::<usize>()?, polls);
    }
    // Given an event, and dropped before it took it.
    let given = client.once("message-back");
    client.send("message", "given")?;
    client.send_with_ack("message-with-ack", "a fence").await?;
    drop(given);
    assert_eq!(client.once("message-back").await?.args(), [json!("given")]);
    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
async fn a_stream_goes_on_after_a_cancelled_next(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let mut echoes = client.on("message-back");
    for polls in 0..4 {
        client.send("message", polls)?;
        let echo = match cancelled_after(polls, echoes.next()).await {
            Some(echo) => echo?,
            None => echoes.next().await?,
        };
        assert_eq!(echo.parse::<usize>()?, polls);
    }
    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
async fn the_answer_to_a_cancelled_ack_goes_to_nobody(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let mut cancelled = 0;
    for polls in 0.. {
        let question = client.send_with_ack("message-with-ack", ("cancelled", polls));
        let done = cancelled_after(polls, question).await;
        let answer = client.send_with_ack("message-with-ack", ("asked", polls)).await?;
        assert_eq!(answer.values(), [json!("asked"), json!(polls)]);
        if let Some(answer) = done {
            assert_eq!(answer?.values(), [json!("cancelled"), json!(polls)]);
            break;
        }
        cancelled += 1;
    }
    // The server answered those, too, and in order.
    assert!(cancelled > 0);
    assert_eq!(client.stray_packets(), cancelled);
    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
async fn a_cancelled_connect_leaves_no_connection(#[case] via: Via) -> Result {
    let (app, server) = boot().await?;
    for polls in 0.. {
        let connecting = create_socketio_client(&app).transports(via.transports());
        if let Some(client) = cancelled_after(polls, connecting).await {
            client?.close().await?;
            assert!(polls > 2, "connecting takes several steps");
            break;
        }
        nothing_is_left_in(&app, &server).await;
    }
    nothing_is_left_in(&app, &server).await;
    close(app).await
}

#[rstest]
#[case::node(node_peer("peer.js"))]
#[case::python(python_peer("peer.py"))]
#[tokio::test]
async fn a_cancelled_connect_leaves_no_session_in_another_language(
    #[case] peer: ChildProcess,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    // No heartbeat falls due that would end what the client has left behind.
    let app = create_app(peer).await?;
    for polls in 0.. {
        let connecting = create_socketio_client(&app).transports(via.transports());
        if let Some(client) = cancelled_after(polls, connecting).await {
            client?.close().await?;
            break;
        }
        no_client_is_left_in(&app).await;
    }
    no_client_is_left_in(&app).await;
    close(app).await
}

#[apply(on_every_transport)]
async fn of_many_clients_cancelled_none_is_left(#[case] via: Via) -> Result {
    let (app, server) = boot().await?;
    for polls in 0.. {
        let connecting = create_socketio_clients(&app, 3)
            .each(move |_, client| client.transports(via.transports()));
        if let Some(clients) = cancelled_after(polls, connecting).await {
            for client in clients? {
                client.close().await?;
            }
            break;
        }
        nothing_is_left_in(&app, &server).await;
    }
    close(app).await
}

#[apply(on_every_transport)]
async fn a_cancelled_namespace_can_be_connected_again(#[case] via: Via) -> Result {
    let (app, server) = boot().await?;
    let main = create_socketio_client(&app).transports(via.transports()).await?;
    for polls in 0.. {
        let done = cancelled_after(polls, main.of("/custom")).await;
        let (custom, completed) = match done {
            Some(custom) => (custom?, true),
            None => (main.of("/custom").await?, false),
        };
        custom.send_with_ack("message-with-ack", polls).await?;
        main.send_with_ack("message-with-ack", polls).await?;
        custom.close().await?;
        // Fences the DISCONNECT.
        main.send_with_ack("message-with-ack", polls).await?;
        assert_eq!((server.sockets("/"), server.sockets("/custom")), (1, 0));
        if completed {
            break;
        }
    }
    main.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
async fn a_cancelled_close_closes_all_the_same(#[case] via: Via) -> Result {
    let (app, server) = boot().await?;
    for polls in 0.. {
        let client = create_socketio_client(&app).transports(via.transports()).await?;
        let done = cancelled_after(polls, client.close()).await;
        nothing_is_left_in(&app, &server).await;
        client.close().await?;
        if let Some(done) = done {
            done?;
            assert!(polls > 0);
            break;
        }
    }
    close(app).await
}

#[apply(on_every_transport)]
async fn a_disconnection_can_be_awaited_again(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    for polls in 0..4 {
        let client = create_socketio_client(&app).transports(via.transports()).await?;
        client.send("leave", ())?;
        if let Some(reason) = cancelled_after(polls, client.disconnected()).await {
            assert_eq!(reason?, CloseReason::ServerDisconnect);
        }
        assert_eq!(client.disconnected().await?, CloseReason::ServerDisconnect);
        client.close().await?;
    }
    close(app).await
}

/// Cancels `wait` at its first poll, its second, … until it is done before that; after each, the
/// client is as good as new.
async fn cancelled_at_each_poll<T, F>(
    client: &SocketIoClient,
    mut wait: impl FnMut() -> F,
) -> Result<usize>
where
    F: IntoFuture<Output = Result<T, ClientError>>,
{
    for polls in 0.. {
        let done = cancelled_after(polls, wait()).await;
        let answer = client.send_with_ack("message-with-ack", polls).await?;
        assert_eq!(answer.values(), [json!(polls)], "after {polls} polls");
        assert!(client.connected());
        if let Some(done) = done {
            done?;
            return Ok(polls);
        }
    }
    unreachable!("the loop ends with the wait")
}

#[apply(on_every_transport)]
async fn cancelled_fences_leave_no_namespace_behind(#[case] via: Via) -> Result {
    let (app, server) = boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    assert!(cancelled_at_each_poll(&client, || client.fence()).await? > 1);
    assert!(cancelled_at_each_poll(&client, || client.settle()).await? > 1);
    assert!(cancelled_at_each_poll(&client, || client.try_expect_none("never")).await? > 1);
    assert!(cancelled_at_each_poll(&client, || client.try_expect("auth").times(1)).await? > 1);
    // All of them fences, and each refused namespace nobody's business.
    assert_eq!((server.sockets("/"), client.stray_packets()), (1, 0));
    client.close().await?;
    nothing_is_left_in(&app, &server).await;
    close(app).await
}

#[apply(on_every_transport)]
async fn cancelled_expectations_take_nothing_from_others(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let expect = || {
        client.send("message", "expected").expect("a connection");
        client.try_expect("message-back").args("expected").from_now()
    };
    assert!(cancelled_at_each_poll(&client, expect).await? > 1);
    let in_order = || {
        client.send("burst", 2).expect("a connection");
        let order = [event("tick").args(0), event("tick").args(1)];
        client.try_expect_in_order(order).from_now()
    };
    assert!(cancelled_at_each_poll(&client, in_order).await? > 1);
    let log = client.log();
    assert!(log.iter().all(|entry| entry.claim == Claim::Nobody), "{log}");
    client.close().await?;
    close(app).await
}

#[apply(on_every_transport)]
async fn an_expected_end_can_be_awaited_again(#[case] via: Via) -> Result {
    let (app, _) = boot().await?;
    for polls in 0..4 {
        let client = create_socketio_client(&app).transports(via.transports()).await?;
        client.send("leave", ())?;
        let expected = client.try_expect_disconnect(CloseReason::ServerDisconnect);
        if let Some(reason) = cancelled_after(polls, expected).await {
            reason?;
        }
        client.try_expect_disconnect(CloseReason::ServerDisconnect).await?;
        client.close().await?;
    }
    close(app).await
}

#[tokio::test]
async fn an_upgrade_that_was_asked_for_goes_on_when_its_wait_is_cancelled() -> Result {
    let (app, _) = boot().await?;
    for polls in 0..4 {
        let transports = Via::Upgrade.transports();
        let client =
            create_socketio_client(&app).transports(transports).upgrade(Upgrade::OnRequest).await?;
        client.upgrade();
        let upgraded = cancelled_after(polls, client.upgraded()).await;
        client.upgraded().await?;
        upgraded.transpose()?;
        assert_eq!(client.transport(), Transport::Websocket);
        client.send_with_ack("message-with-ack", ()).await?;
        client.close().await?;
    }
    close(app).await
}

#[tokio::test]
async fn an_upgrade_can_be_awaited_again() -> Result {
    let (app, _) = boot().await?;
    for polls in 0..4 {
        let client = create_socketio_client(&app).transports(Via::Upgrade.transports()).await?;
        if let Some(done) = cancelled_after(polls, client.upgraded()).await {
            done?;
        }
        client.upgraded().await?;
        client.send_with_ack("message-with-ack", ()).await?;
        client.close().await?;
    }
    close(app).await
}
