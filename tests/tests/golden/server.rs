//! What a server can be told, and a web application beside Socket.IO.

use rstest_reuse::apply;
use serde_json::json;
use socketio_harness::Result;

use crate::player::Kind;
use crate::stage::{Action, Stage};
use crate::with_both_clients;

fn connect(name: &str) -> Action {
    Action::Connect(vec![name.into()])
}

#[apply(with_both_clients)]
async fn another_path(clients: Kind) -> Result {
    let mut stage = Stage::set("12-custom-path", clients).await?;
    stage.steps(2..=2).await;
    stage.step(3, connect("x")).await;
    stage.step(4, connect("b")).await;
    stage.step(5, connect("c")).await;
    stage.step(6, connect("d")).await;
    if clients == Kind::Toolkit {
        stage.step(7, connect("e")).await;
    }
    stage.strike().await
}

#[apply(with_both_clients)]
async fn websocket_alone(clients: Kind) -> Result {
    let mut stage = Stage::set("18-websocket-only", clients).await?;
    stage.steps(1..=1).await;
    stage.step(2, connect("poll")).await;
    stage.step(3, connect("def")).await;
    if clients == Kind::Official {
        stage.step(4, connect("try")).await;
    }
    stage.step(5, connect("w")).await;
    stage.step(6, Action::Get("/socket.io/?EIO=4&transport=polling")).await;
    stage.strike().await
}

#[apply(with_both_clients)]
async fn a_web_application_beside_it(clients: Kind) -> Result {
    let mut stage = Stage::set("19-attach-koa", clients).await?;
    stage.steps(1..=1).await;
    stage.step(2, Action::Get("/")).await;
    stage.steps(3..=3).await;
    stage.step(4, Action::Get("/nope")).await;
    let closed = json!(["(disconnect)", "transport close"]);
    for (name, seen) in stage.close_under_clients().await? {
        assert_eq!(seen, std::slice::from_ref(&closed), "what {name} received");
    }
    Ok(())
}
