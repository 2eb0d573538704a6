//! Several clients: who got what, and in which order.

use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{Flow, Result, close, create_app, create_socketio_clients};

/// Who was sent a broadcast, and who was not, is read off the server.
#[tokio::test]
async fn pain_20_broadcasts_reach_whom_they_should_and_nobody_else() -> Result {
    let app = create_app(peer::router()).await?;
    let clients = create_socketio_clients(&app, 5).await?;
    let [sender, others @ ..] = &clients[..] else { unreachable!() };

    sender.send("broadcast", ("joined", "harry"))?;
    for other in others {
        assert_eq!(other.once("joined").await?.args(), [json!("harry")]);
    }
    app.emitted("joined").times(4).await;
    app.for_client(sender).emitted("joined").times(0).await;

    for client in clients {
        client.close().await?;
    }
    close(app).await
}

/// One clock for all clients: the server's log.
#[tokio::test]
async fn pain_21_order_across_clients_is_the_servers_order() -> Result {
    let app = create_app(peer::router()).await?;
    let clients = create_socketio_clients(&app, 3).await?;

    for round in 0..10 {
        for (number, client) in clients.iter().enumerate() {
            client.send_with_ack("message-with-ack", (round, number)).await?;
        }
    }
    let log = app.log()?;
    let expected = (0..10).flat_map(|round| (0..3).map(move |number| json!([round, number])));
    assert!(log.received().map(|event| json!(event.args())).eq(expected), "{log}");
    // An ack goes out after its event has come in, and before the next comes.
    let flows = log.packets().filter(|packet| packet.raw_args().is_some());
    let flows = flows.filter(|packet| packet.event() != Some("auth")).map(|packet| packet.flow);
    assert!(flows.eq([Flow::Received, Flow::Emitted].into_iter().cycle().take(60)), "{log}");

    for client in clients {
        client.close().await?;
    }
    close(app).await
}
