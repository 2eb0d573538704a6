//! What should come, and what should not.

use serde_json::json;
use socketio_harness::{ClientError, CloseReason, Result, event};
use socketio_tests::Peer;

use crate::Column;

#[track_caller]
fn unmet<T>(result: Result<T, ClientError>) {
    let error = result.map(drop).expect_err("an expectation that does not hold");
    assert!(matches!(error, ClientError::Unmet(_)), "{error}");
}

pub(super) async fn refusals(column: &Column) -> Result {
    let refused = || column.client().namespace("/refused");
    refused().expect_connect_error("not allowed").await;
    let told = refused().try_expect_connect_error("not allowed").await?;
    // socketioxide sends a message only.
    let data = told.pointer("/data") == Some(&json!({"code": 7}));
    assert_eq!(data, column.peer != Peer::Rust, "{told}");
    unmet(refused().try_expect_connect_error("another reason").await);
    unmet(column.client().try_expect_connect_error("not allowed").await);

    let main = column.client().await?;
    main.of("/refused").expect_connect_error("not allowed").await;
    main.of("/refused").try_expect_connect_error("not allowed").await?;
    unmet(main.of("/custom").try_expect_connect_error("not allowed").await);
    Ok(main.close().await?)
}

pub(super) async fn events(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("burst", 3)?;
    assert_eq!(client.expect("tick").args(1).await.args(), [json!(1)]);
    client.expect("tick").times(3).await;
    client.try_expect("tick").at_least(2).await?;
    unmet(client.try_expect("tick").times(2).await);
    let order = [event("tick").args(0), event("tick").args(2)];
    client.expect_in_order(order.clone()).await;
    client.try_expect_in_order(order.clone()).await?;
    let [first, last] = order;
    unmet(client.try_expect_in_order([last, first]).within(std::time::Duration::ZERO).await);
    Ok(client.close().await?)
}

pub(super) async fn absence(column: &Column) -> Result {
    let client = column.client().await?;
    client.can_settle()?;
    client.send_with_ack("message-with-ack", 1).await?;
    client.expect_none("message-back").await;
    client.send("message", 1)?;
    // A server may answer the fence before it calls the handler of an event that came along.
    client.send_with_ack("message-with-ack", 2).await?;
    client.fence().await?;
    assert_eq!(client.log().named("message-back").count(), 1);
    unmet(client.try_expect_none("message-back").await);
    client.try_expect_none(event("message-back").args(2)).await?;
    client.settle().await?;
    Ok(client.close().await?)
}

pub(super) async fn endings(column: &Column) -> Result {
    let client = column.client().await?;
    client.send("leave", ())?;
    client.expect_disconnect(CloseReason::ServerDisconnect).await;
    client.try_expect_disconnect(CloseReason::ServerDisconnect).await?;
    unmet(client.try_expect_disconnect(CloseReason::PingTimeout).await);
    Ok(client.close().await?)
}
