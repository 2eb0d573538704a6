//! What an expectation costs over a long log: ten times the events, ten times the time.

mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Throughput};
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{SocketIoClient, create_app, create_socketio_client};
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
        runtime.block_on(print_each(&client, events))?;
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

/// The line a reader looks for: it should not grow with the log.
#[expect(clippy::print_stdout, reason = "the figure is what the benchmark is run for")]
async fn print_each(client: &SocketIoClient, events: u64) -> Outcome {
    let (mut met, mut unmet) = (Vec::new(), Vec::new());
    for _ in 0..unless_smoke(SAMPLES, 1) {
        let start = Instant::now();
        client.try_expect("tick").args([events - 1]).await?;
        met.push(start.elapsed());
        let start = Instant::now();
        let expectation = client.try_expect("tick").args_include(json!([{"n": 1}]));
        expectation.within(Duration::ZERO).await.expect_err("ticks carry a number");
        unmet.push(start.elapsed());
    }
    let each = |mut times: Vec<Duration>| {
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        median.as_secs_f64() * 1e9 / f64::from(u32::try_from(events).unwrap_or(u32::MAX))
    };
    println!(
        "expectation over {events} events: {:.0} ns an event if met by the last, {:.0} ns if by none",
        each(met),
        each(unmet),
    );
    Ok(())
}

const SAMPLES: usize = 15;
