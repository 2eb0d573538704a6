//! Namespaces by name and by regular expression.

use rstest_reuse::apply;
use serde_json::{Value, json};
use socketio_fixtures::layer::Counts;
use socketio_harness::Result;
use socketioxide::SocketIo;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

#[apply(with_both_clients)]
async fn names_expressions_and_what_matches_neither(clients: Kind) -> Result {
    let mut stage = Stage::set("11-namespaces", clients).await?;
    stage.steps(1..=22).await;
    stage.step(23, Action::Ask(namespaces)).await;
    assert_eq!(stage.io().connections(), 8);
    stage.step(24, Action::Share(vec![("m0", "/"), ("m1", "/test"), ("m2", "/dynamic-3")])).await;
    assert_eq!(stage.io().connections(), 9);
    let all = ["m0", "m1", "m2"].map(String::from);
    stage.step(25, Action::Close(all.into())).await;
    assert_eq!(stage.io().connections(), 8);
    stage.strike().await
}

fn namespaces(io: &SocketIo) -> Value {
    json!(io.namespaces())
}
