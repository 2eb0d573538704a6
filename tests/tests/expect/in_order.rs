//! Events one after the other.

use std::time::Duration;

use serde_json::json;
use socketio_harness::{Result, close, create_socketio_client, event};
use socketio_tests::Peer;

#[tokio::test]
async fn others_may_stand_between() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;

    let order = client.expect_in_order(["a", "c", "a"]);
    for name in ["x", "a", "b", "c", "x", "a"] {
        client.send("emit-named", name)?;
    }
    let found = order.await;
    assert_eq!(found.len(), 3);
    client.expect_in_order([event("b"), event("x").args(()), event("a")]).await;

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_step_that_is_missing_is_named() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    for number in [1, 3, 2] {
        client.send("emit-named", ("move", number))?;
    }
    client.expect("move").times(3).await;

    let steps = [1, 2, 3].map(|number| event("move").args(json!([number])));
    let wrong = client.try_expect_in_order(steps).within(Duration::ZERO).await;
    let error = wrong.expect_err("3 came before 2").to_string();
    assert!(error.contains("3. event \"move\" with arguments [3]: missing"), "{error}");
    assert!(error.contains("too early for number 3: [\"move\",3]"), "{error}");

    client.close().await?;
    close(app).await
}
