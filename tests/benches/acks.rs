//! Acks a second, one after the other and a hundred under way at a time: ours beside a raw
//! websocket client, on a server that costs next to nothing and on socketioxide.

mod support;

use std::collections::VecDeque;

use socketio_fixtures::peer;
use socketio_harness::{SocketIoClient, create_app, create_socketio_client};
use support::race::{Race, time};
use support::raw::RawClient;
use support::{Outcome, runtime, server};
use tokio::runtime::Runtime;

fn main() -> Outcome {
    let mut criterion = support::criterion();
    let runtime = runtime()?;
    let port = server::spawn()?;
    let client = runtime.block_on(async { create_socketio_client(port).await })?;

    let mut group = criterion.benchmark_group("acks");
    group.bench_function("sequential", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            one_by_one(&client, 1).await.expect("the server acks");
        });
    });
    group.bench_function("100 of 1000 under way", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            pipelined(&client, 1000).await.expect("the server acks");
        });
    });
    group.finish();
    criterion.final_summary();

    race(&runtime, "echo by string surgery", port)?;
    let app = runtime.block_on(async { create_app(peer::router()).in_test_runtime().await })?;
    race(&runtime, "socketioxide in the same thread", app.port())?;
    Ok(runtime.block_on(app.close())?)
}

fn race(runtime: &Runtime, server: &str, port: u16) -> Outcome {
    let ours = runtime.block_on(async { create_socketio_client(port).await })?;
    let mut raw = runtime.block_on(RawClient::connect(port))?;
    let mut reader = runtime.block_on(RawClient::connect(port))?.reading_json();
    Race::new()
        .enter("ours", || runtime.block_on(time(one_by_one(&ours, COUNT))))
        .enter("raw", || {
            runtime.block_on(time(async {
                for _ in 0..COUNT {
                    raw.ack().await?;
                }
                Ok(())
            }))
        })
        .run(ROUNDS)?
        .print_rate(&format!("sequential acks, {server}"), COUNT, "raw");
    Race::new()
        .enter("ours", || runtime.block_on(time(pipelined(&ours, PIPELINED))))
        .enter("raw", || runtime.block_on(time(raw.acks(PIPELINED, WINDOW))))
        .enter(READER, || runtime.block_on(time(reader.acks(PIPELINED, WINDOW))))
        .run(ROUNDS)?
        .print_rate(&format!("pipelined acks, {server}"), PIPELINED, "raw")
        .print_rate(&format!("pipelined acks, {server}"), PIPELINED, READER);
    runtime.block_on(raw.close())?;
    runtime.block_on(reader.close())?;
    Ok(runtime.block_on(ours.close())?)
}

async fn one_by_one(client: &SocketIoClient, count: u32) -> Outcome {
    for _ in 0..count {
        client.send_with_ack("message-with-ack", (1, 2, 3)).await?;
    }
    Ok(())
}

async fn pipelined(client: &SocketIoClient, count: u32) -> Outcome {
    let mut acks = VecDeque::with_capacity(WINDOW);
    for _ in 0..count {
        if acks.len() == WINDOW
            && let Some(ack) = acks.pop_front()
        {
            ack.await?;
        }
        acks.push_back(client.send_with_ack("message-with-ack", (1, 2, 3)));
    }
    for ack in acks {
        ack.await?;
    }
    Ok(())
}

/// The raw client that reads what the server acks.
const READER: &str = "raw with JSON";
const ROUNDS: usize = 30;
const COUNT: u32 = 1_000;
const PIPELINED: u32 = 10_000;
const WINDOW: usize = 100;
