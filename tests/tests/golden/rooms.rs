//! Rooms, broadcasts and the io object.

use rstest_reuse::apply;
use serde_json::Value;
use socketio_harness::Result;
use socketioxide::SocketIo;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

#[apply(with_both_clients)]
async fn every_form_of_a_broadcast(clients: Kind) -> Result {
    let mut stage = Stage::set("07-broadcasts", clients).await?;
    stage.steps(1..=31).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn sockets_are_fetched_and_counted(clients: Kind) -> Result {
    let mut stage = Stage::set("08-fetch-sockets-counts", clients).await?;
    stage.steps(1..=5).await;
    let over_a = Action::Open { name: "a@ns", over: "a", namespace: "/myNamespace" };
    stage.step(6, over_a).await;
    stage.steps(7..=7).await;
    stage.step(8, Action::Connect(vec!["n".into()])).await;
    stage.steps(9..=11).await;
    stage.step(12, Action::Ask(ids)).await;
    stage.steps(13..=13).await;
    stage.strike().await
}

fn ids(io: &SocketIo) -> Value {
    io.sockets().iter().map(|socket| Value::from(socket.id.as_str())).collect()
}
