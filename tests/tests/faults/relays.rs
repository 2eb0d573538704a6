//! Faults for clients that open sockets of their own.

use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    ClientError, CloseReason, Engine, Result, close, create_app, create_socketio_client,
};
use socketio_tests::in_time;
use socketio_tests::witness::{Heartbeat, Witness};
use tokio::net::TcpStream;

#[tokio::test]
async fn the_second_engine_meets_the_faults_at_a_relay() -> Result {
    let mut witness = Witness::rust(Heartbeat::RARE).await?;
    let relay = witness.app.faults().relay()?;
    let client = create_socketio_client(&relay).engine(Engine::RustSocketio).await?;
    client.send("message", 1)?;
    assert_eq!(client.once("message-back").await?.args(), [json!(1)]);
    let frozen = witness.app.faults().freeze();
    client.send("message", 2)?;
    frozen.heal();
    assert_eq!(client.once("message-back").await?.args(), [json!(2)]);
    witness.app.faults().cut();
    let reason = client.disconnected().await?;
    assert!(
        matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_)),
        "{reason}"
    );
    witness.next_leave().await.expect("a client leaves in time");
    client.close().await?;
    close(witness.app).await
}

#[tokio::test]
async fn a_relay_refuses_as_a_closed_port_does_and_keeps_its_port() -> Result {
    let app = create_app(peer::router()).await?;
    let relay = app.faults().relay()?;
    let refusing = app.faults().refuse();
    // The relay hears of it in its own task.
    let refused = async {
        loop {
            match TcpStream::connect(relay.addr()).await {
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => break,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    in_time(refused).await.expect("a refusal");
    let error = create_socketio_client(&relay).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    refusing.heal();
    let accepted = async {
        while TcpStream::connect(relay.addr()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    in_time(accepted).await.expect("an opening");
    let client = create_socketio_client(&relay).await?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_dropped_relay_ends_its_connections() -> Result {
    let app = create_app(peer::router()).await?;
    let relay = app.faults().relay()?;
    let client = create_socketio_client(&relay).await?;
    drop(relay);
    let reason = client.disconnected().await?;
    assert!(
        matches!(reason, CloseReason::TransportClose | CloseReason::TransportError(_)),
        "{reason}"
    );
    client.close().await?;
    close(app).await
}
