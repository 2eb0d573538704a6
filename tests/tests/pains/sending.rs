//! What travels: binary, acks, events without arguments.

use bytes::Bytes;
use futures::future::try_join_all;
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    Result, close, create_app, create_socketio_client, create_socketio_clients,
};
use socketio_tests::{Peer, Via};

/// Bytes go in as bytes and come out as bytes, anywhere in the arguments, on every transport.
#[rstest]
#[tokio::test]
async fn pain_22_binary_is_just_another_argument(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = create_app(peer::router()).await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    let file = Bytes::from((0..=255).collect::<Vec<u8>>());
    client.send("echo-bin", ("all.bin", &file))?;
    let (name, back): (String, Bytes) = client.once("echo-bin").await?.parse()?;
    assert_eq!((&*name, back), ("all.bin", file));

    client.close().await?;
    close(app).await
}

/// Every client counts its own acks, and an answer finds the call that asked.
#[tokio::test]
async fn pain_23_acks_do_not_cross() -> Result {
    let app = create_app(peer::router()).await?;
    let clients = create_socketio_clients(&app, 20).await?;

    let asked = clients.iter().enumerate().flat_map(|(number, client)| {
        (0..50).map(move |question| async move {
            let ack = client.send_with_ack("message-with-ack", (number, question)).await?;
            assert_eq!(ack.parse::<(usize, u32)>()?, (number, question));
            Result::<()>::Ok(())
        })
    });
    try_join_all(asked).await?;

    for client in clients {
        client.close().await?;
    }
    close(app).await
}

/// No argument is none: not `null`, not an empty string, on either side.
#[rstest]
#[tokio::test]
async fn pain_32_an_event_without_arguments_has_none(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).await?;

    client.send("emit-named", "bare")?;
    assert_eq!(client.once("bare").await?.args(), &[] as &[serde_json::Value]);
    client.send("message", ())?;
    assert!(client.once("message-back").await?.args().is_empty(), "none went, none came back");
    assert_eq!(client.send_with_ack("message-with-ack", json!([])).await?.values(), [json!([])]);

    client.close().await?;
    close(app).await
}
