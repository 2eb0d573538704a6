//! What a test expects, and what it proves.

use serde_json::json;

use super::{Bench, Outcome, ensure};

pub(crate) async fn expect(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.once("auth").await?;
    client.send("burst", 3)?;
    client.try_expect("tick").args(1).await?;
    client.try_expect_in_order(["tick", "tick", "tick"]).await?;
    Ok(())
}

pub(crate) async fn fence(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send("message", 1)?;
    // A server may answer the fence before it calls the handler of an event that came along.
    client.send_with_ack("message-with-ack", 2).await?;
    client.fence().await?;
    client.settle().await?;
    let came = client.log();
    ensure(came.named("message-back").count() == 1, "the fence comes before the event")
}

pub(crate) async fn expect_none(bench: &Bench<'_>) -> Outcome {
    let client = bench.client().await?;
    client.send("message", 1)?;
    client.send_with_ack("message-with-ack", 2).await?;
    client.try_expect_none("refused").await?;
    let came = client.try_expect("message-back").times(1).await?;
    ensure(came.iter().all(|event| event.args() == [json!(1)]), "it comes changed")
}
