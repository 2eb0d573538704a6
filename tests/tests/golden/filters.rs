//! Filters, guards and conversions of arguments.

use rstest_reuse::apply;
use socketio_harness::Result;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

#[apply(with_both_clients)]
async fn filters_guards_and_conversions(clients: Kind) -> Result {
    let mut stage = Stage::set("16-filters-guards-pipes", clients).await?;
    stage.steps(1..=12).await;
    stage.step(13, Action::Connect(vec!["f".into()])).await;
    stage.strike().await
}
