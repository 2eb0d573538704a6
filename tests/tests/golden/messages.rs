//! Events, acks, and what becomes of a handler's value.

use rstest_reuse::apply;
use serde_json::json;
use socketio_harness::Result;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

#[apply(with_both_clients)]
async fn hello_and_sum(clients: Kind) -> Result {
    let mut stage = Stage::set("01-hello-sum", clients).await?;
    stage.steps(1..=4).await;
    stage.step(5, Action::emit_with_ack("a", "myEvent", &json!([1, 2, 3]))).await;
    stage.step(6, Action::emit("a", "myEvent", &json!([4, 5, 6]))).await;
    stage.step(7, Action::emit("a", "myEvent", &json!([1, 2, 3]))).await;
    stage.steps(8..=13).await;
    stage.step(14, Action::emit_with_ack("a", "message", &json!(["x", 1]))).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn every_kind_of_value(clients: Kind) -> Result {
    let mut stage = Stage::set("02-return-values", clients).await?;
    stage.steps(1..=33).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn any_number_of_arguments(clients: Kind) -> Result {
    let mut stage = Stage::set("03-multiple-args", clients).await?;
    stage.steps(1..=9).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn handlers_that_fail(clients: Kind) -> Result {
    let mut stage = Stage::set("04-errors-ack", clients).await?;
    stage.steps(1..=5).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn declared_events_rooms_and_broadcasts(clients: Kind) -> Result {
    let mut stage = Stage::set("06-wsemit-variants", clients).await?;
    stage.steps(1..=28).await;
    stage.strike().await
}
