//! How a connection ends that nobody has closed as the protocol says.

use rstest::rstest;
use socketio_harness::{
    ClientError, CloseReason, Result, SocketIoClient, Transport, close, create_socketio_client,
};
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use tokio::net::TcpStream;

/// Whoever waits is told, and closing afterwards is no error.
async fn ends_by(client: SocketIoClient, expected: fn(&CloseReason) -> bool) -> Result {
    let (event, ack) = (client.once("never"), client.send_with_ack("never", ()));
    let why = "the connection ends";
    for error in [event.await.expect_err(why), ack.await.expect_err(why)] {
        let (ClientError::Disconnected { reason, .. } | ClientError::NotConnected { reason, .. }) =
            error
        else {
            return Err(error.into());
        };
        assert!(expected(&reason), "{reason}");
    }
    assert!(expected(&client.disconnected().await?));
    client.close().await?;
    Ok(())
}

fn transport(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_))
}

#[rstest]
#[case::with_a_close_frame(async |mut socket: Websocket| socket.close().await)]
#[case::with_a_close_frame_alone(async |mut socket: Websocket| {
    socket.say_goodbye().await;
    std::future::pending::<()>().await;
})]
#[case::without_a_close_frame(async |socket: Websocket| drop(socket))]
#[case::by_a_reset(async |mut socket: Websocket| {
    socket.raw().set_zero_linger().expect("a TCP socket");
})]
#[tokio::test]
async fn a_websocket_ends<F>(#[case] end: impl FnOnce(Websocket) -> F + Send + 'static) -> Result
where
    F: Future<Output = ()> + Send,
{
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        end(socket).await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    ends_by(client, transport).await
}

#[tokio::test]
async fn a_close_packet_may_be_followed_by_silence_on_a_websocket() -> Result {
    let script = async |mut socket: Websocket| {
        socket.accept().await;
        socket.text("1").await;
        // Answers no close frame and keeps the connection.
        std::future::pending::<()>().await;
    };
    let client = create_socketio_client(scripted::websocket(script).await.unwrap()).await?;
    ends_by(client, |reason| *reason == CloseReason::TransportClose).await
}

#[tokio::test]
async fn a_close_packet_may_be_followed_by_silence_on_polling() -> Result {
    let server = PollingServer::start([OPEN, CONNECTED, "1"]).await?;
    let client = create_socketio_client(&server.app).transports([Transport::Polling]).await?;
    ends_by(client, |reason| *reason == CloseReason::TransportClose).await?;
    close(server.app).await
}

#[rstest]
#[case::websocket(Transport::Websocket)]
#[case::polling(Transport::Polling)]
#[tokio::test]
async fn a_half_open_connection_is_found_by_its_silence(#[case] transport: Transport) -> Result {
    let open = r#"0{"sid":"e","upgrades":[],"pingInterval":1000,"pingTimeout":1000}"#;
    let script = async move |mut socket: Websocket| {
        socket.text(open).await;
        socket.next().await;
        socket.text(CONNECTED).await;
        std::future::pending::<()>().await;
    };
    let silent = |reason: &CloseReason| *reason == CloseReason::PingTimeout;
    match transport {
        Transport::Websocket => {
            let target = scripted::websocket(script).await.unwrap();
            ends_by(create_socketio_client(target).await?, silent).await
        }
        Transport::Polling => {
            let server = PollingServer::start([open, CONNECTED]).await?;
            let client = create_socketio_client(&server.app).transports([transport]).await?;
            ends_by(client, silent).await?;
            close(server.app).await
        }
    }
}

#[rstest]
#[case::by_its_end(|_: &TcpStream| ())]
#[case::by_a_reset(|poll: &TcpStream| poll.set_zero_linger().expect("a TCP socket"))]
#[tokio::test]
async fn a_pending_poll_ends(#[case] end: fn(&TcpStream)) -> Result {
    let script = async move |listener: scripted::Listener| {
        let Some(mut down) = listener.http().await else { return };
        down.answer(OPEN).await;
        let Some(mut up) = listener.http().await else { return };
        up.answer("ok").await;
        down.answer(CONNECTED).await;
        down.request().await;
        end(down.raw());
    };
    let target = scripted::listener(script).await.unwrap();
    let client = create_socketio_client(target).transports([Transport::Polling]).await?;
    ends_by(client, transport).await
}
