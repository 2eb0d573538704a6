//! Middleware of all five kinds.

use rstest_reuse::apply;
use socketio_harness::Result;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

#[apply(with_both_clients)]
async fn the_order_of_all_kinds(clients: Kind) -> Result {
    let mut stage = Stage::set("13-middleware-order", clients).await?;
    stage.steps(1..=8).await;
    stage.strike().await
}

/// 24 clients: each kind of middleware fails, stops, forgets the value, or wraps it.
#[apply(with_both_clients)]
async fn what_fails_or_stops_or_changes_the_value(clients: Kind) -> Result {
    let mut stage = Stage::set("14-middleware-failures", clients).await?;
    for client in 0..24 {
        let first = client * 4 + 1;
        stage.steps(first..=first).await;
        // A client that was refused has nothing further to say.
        if stage.is_connected(&format!("c{}", client + 1)) {
            stage.steps(first + 1..=first + 3).await;
        }
    }
    stage.strike().await
}

#[apply(with_both_clients)]
async fn a_refused_client_learns_why(clients: Kind) -> Result {
    let mut stage = Stage::set("15-native-auth-middleware", clients).await?;
    stage.steps(1..=3).await;
    stage.step(4, Action::Connect(vec!["w".into()])).await;
    stage.strike().await
}
