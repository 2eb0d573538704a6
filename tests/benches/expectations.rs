//! What an expectation costs over a long log: ten times the events, ten times the time.

mod support;

use std::time::Duration;

use criterion::{BenchmarkId, Throughput};
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{create_app, create_socketio_client};
use support::{Outcome, runtime, unless_smoke};

fn main() -> Outcome {
    let mut criterion = support::criterion();
    let runtime = runtime()?;
    let mut group = criterion.benchmark_group("expectation");
    group.sample_size(10);
    for events in [1_000, 10_000, unless_smoke(100_000_u64, 1_000)] {
        let (app, client) = runtime.block_on(async {
            let app = create_app(peer::router()).await?;
            let client = create_socketio_client(&app).await?;
            client.send("burst", events)?;
            client.try_expect("tick").args([events - 1]).await?;
            Outcome::Ok((app, client))
        })?;
        group.throughput(Throughput::Elements(events));
        group.bench_function(BenchmarkId::new("met by the last", events), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                client.expect("tick").args([events - 1]).await;
            });
        });
        group.bench_function(BenchmarkId::new("met by none", events), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let unmet = client.try_expect("tick").args_include(json!([{"n": 1}]));
                unmet.within(Duration::ZERO).await.expect_err("ticks carry a number");
            });
        });
        runtime.block_on(async {
            client.close().await?;
            app.close().await
        })?;
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
