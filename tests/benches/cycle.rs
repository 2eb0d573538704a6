//! What a test costs that boots a server, connects, gets one ack, and takes both down: ours beside
//! a raw websocket client on the same app.

mod support;

use std::time::Duration;

use socketio_fixtures::contract;
use socketio_harness::{App, close, create_app, create_socketio_client};
use socketio_tests::Via;
use support::race::{Race, time};
use support::raw::RawClient;
use support::{Outcome, runtime};

fn main() -> Outcome {
    let mut criterion = support::criterion().warm_up_time(Duration::from_millis(100));
    let runtime = runtime()?;

    Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| ours_with_app(Via::Websocket)))))
        .enter("raw", || runtime.block_on(time(repeat(raw_with_app))))
        .run(ROUNDS)?
        .print_time("cycle", REPEAT);

    let app = runtime.block_on(async { create_app(contract::router()).await })?;
    Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| ours(&app, Via::Websocket)))))
        .enter("raw", || runtime.block_on(time(repeat(|| raw(&app)))))
        .run(ROUNDS)?
        .print_time("cycle, the client alone", REPEAT);
    runtime.block_on(close(app))?;

    // Few: every cycle leaves a port that the kernel holds back for a minute, and the more there
    // are, the longer it searches for a free one.
    let mut group = criterion.benchmark_group("cycle");
    group.sample_size(10).measurement_time(Duration::from_millis(300));
    for (name, via) in
        [("websocket", Via::Websocket), ("polling", Via::Polling), ("upgrade", Via::Upgrade)]
    {
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                ours_with_app(via).await.expect("the cycle works");
            });
        });
    }
    group.bench_function("raw websocket", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            raw_with_app().await.expect("the cycle works");
        });
    });
    group.finish();
    criterion.final_summary();
    Ok(())
}

async fn ours_with_app(via: Via) -> Outcome {
    let app = create_app(contract::router()).await?;
    ours(&app, via).await?;
    Ok(close(app).await?)
}

async fn ours(app: &App, via: Via) -> Outcome {
    let client = create_socketio_client(app).transports(via.transports()).await?;
    let answer = client.send_with_ack("message-with-ack", (1, 2, 3)).await?;
    assert_eq!(answer.len(), 3);
    Ok(client.close().await?)
}

async fn raw_with_app() -> Outcome {
    let app = create_app(contract::router()).await?;
    raw(&app).await?;
    Ok(close(app).await?)
}

async fn raw(app: &App) -> Outcome {
    let mut client = RawClient::connect(app.port()).await?;
    client.ack().await?;
    client.close().await
}

async fn repeat<F: Future<Output = Outcome>>(work: impl Fn() -> F) -> Outcome {
    for _ in 0..REPEAT {
        work().await?;
    }
    Ok(())
}

const ROUNDS: usize = 60;
const REPEAT: u32 = 10;
