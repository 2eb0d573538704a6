//! Events a second in each direction, on a server that only counts or pours: ours beside a raw
//! websocket client and the official JavaScript client.

mod support;

use criterion::Throughput;
use socketio_harness::{SocketIoClient, create_socketio_client};
use support::javascript::Javascript;
use support::race::{Race, time};
use support::raw::RawClient;
use support::{Outcome, runtime, server, unless_smoke};

fn main() -> Outcome {
    let mut criterion = support::criterion();
    let runtime = runtime()?;
    let port = server::spawn()?;
    let connect = || runtime.block_on(async { create_socketio_client(port).await });

    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(1000));
    let client = connect()?;
    group.bench_function("sent", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            send(&client, 1000).await.expect("the server counts");
        });
    });
    group.finish();
    criterion.final_summary();

    let mut raw = runtime.block_on(RawClient::connect(port))?;
    let mut javascript = Javascript::client(port)?;
    let count = unless_smoke(COUNT, COUNT / 100);
    let finish = Race::new()
        .enter("ours", || runtime.block_on(time(send(&client, count))))
        .enter("raw", || runtime.block_on(time(raw.send(count, BATCH))))
        .enter("javascript", || javascript.send(count))
        .run(ROUNDS)?;
    finish.print_rate("events sent", count, "raw");
    finish.print_rate("events sent", count, "javascript");

    let finish = Race::new()
        .enter("ours", || {
            // A client of its own: what it has received it keeps.
            let client = connect()?;
            let took = runtime.block_on(time(receive(&client, count)))?;
            runtime.block_on(client.close())?;
            Ok(took)
        })
        .enter("raw", || runtime.block_on(time(raw.receive(count))))
        .enter("javascript", || javascript.receive(count))
        .run(ROUNDS)?;
    finish.print_rate("events received", count, "raw");
    finish.print_rate("events received", count, "javascript");
    Ok(())
}

async fn send(client: &SocketIoClient, count: u32) -> Outcome {
    for number in 0..count {
        client.send("event", (number, "text"))?;
    }
    let counted: u32 = client.send_with_ack("count", ()).await?.parse()?;
    assert_eq!(counted, count);
    Ok(())
}

async fn receive(client: &SocketIoClient, count: u32) -> Outcome {
    let mut ticks = client.on("tick");
    client.send("burst", count)?;
    for number in 0..count {
        let tick = ticks.next().await?;
        assert_eq!(tick.args(), [number]);
    }
    Ok(())
}

const ROUNDS: usize = 15;
const COUNT: u32 = 100_000;
const BATCH: u32 = 1_000;
