//! What a test costs that boots a server, connects, gets one ack, and takes both down: ours beside
//! the same server with a raw websocket client, served by hand, and beside the official JavaScript
//! server and client in one process. The servers of ours and of the raw pair are the same.

mod support;

use std::time::Duration;

use criterion::Criterion;
use socketio_harness::{App, AppBuilder, close, create_app, create_socketio_client};
use socketio_tests::Via;
use support::javascript::Javascript;
use support::race::{Race, time};
use support::raw::RawClient;
use support::{Outcome, pair, paused_runtime, runtime, unless_smoke};
use tokio::runtime::Runtime;

fn main() -> Outcome {
    let mut criterion = support::criterion().warm_up_time(Duration::from_millis(100));
    let (runtime, paused) = (runtime()?, paused_runtime()?);
    race_pairs(&runtime, &paused)?;
    race_clients(&runtime)?;
    race_places(&runtime)?;
    measure(&mut criterion, &runtime);
    Ok(())
}

/// Server and client, over TCP and through memory.
#[expect(clippy::print_stdout, reason = "the figure to compare with stands beside ours")]
fn race_pairs(runtime: &Runtime, paused: &Runtime) -> Outcome {
    let mut javascript = Javascript::pair()?;
    // What a just-in-time compiler needs.
    javascript.cycle(unless_smoke(300, 1))?;
    javascript.default_cycle(unless_smoke(100, 1))?;
    let finish = Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| ours(app(), Via::Websocket)))))
        .enter(IN_MEMORY, || {
            paused.block_on(time(repeat(|| ours(app().simulated(), Via::Websocket))))
        })
        .enter("raw pair", || runtime.block_on(time(repeat(pair::over_tcp))))
        .enter(RAW_IN_MEMORY, || paused.block_on(time(repeat(pair::in_memory))))
        .enter("javascript", || javascript.cycle(REPEAT))
        .run(ROUNDS)?;
    finish.print_time("cycle", REPEAT, "raw pair").print_time("cycle", REPEAT, "javascript");
    finish.print_times("cycle", REPEAT, IN_MEMORY, RAW_IN_MEMORY);
    finish.print_times("cycle", REPEAT, IN_MEMORY, "javascript");

    Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| ours(app(), Via::Upgrade)))))
        .enter("javascript", || javascript.default_cycle(REPEAT))
        .run(ROUNDS / 3)?
        .print_time("cycle by polling and upgrade", REPEAT, "javascript");
    println!(
        "cycle, Midway 3.20 on socket.io 4.8, warm (recorded on another machine, where the \
         JavaScript pair took 1.1 ms): 1062 ms"
    );
    Ok(())
}

/// The client alone, on one app.
fn race_clients(runtime: &Runtime) -> Outcome {
    let app = runtime.block_on(async { app().await })?;
    Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| client(&app, Via::Websocket)))))
        .enter("raw", || runtime.block_on(time(repeat(|| raw(&app)))))
        .run(ROUNDS)?
        .print_time("cycle, the client alone", REPEAT, "raw");
    Ok(runtime.block_on(close(app))?)
}

/// What it costs that an app has a runtime of its own, and that it logs what its server does.
fn race_places(runtime: &Runtime) -> Outcome {
    let on_test_runtime = || ours(app().in_test_runtime(), Via::Websocket);
    let without_log = || ours(app().log_limit(0), Via::Websocket);
    let with_log_read = || async {
        let app = app().await?;
        client(&app, Via::Websocket).await?;
        assert_eq!(app.log()?.received().count(), 1);
        Outcome::Ok(close(app).await?)
    };
    Race::new()
        .enter("ours", || runtime.block_on(time(repeat(|| ours(app(), Via::Websocket)))))
        .enter("ours in the test's runtime", || runtime.block_on(time(repeat(on_test_runtime))))
        .enter("ours without the server's log", || runtime.block_on(time(repeat(without_log))))
        .enter("ours that reads the server's log", || runtime.block_on(time(repeat(with_log_read))))
        .run(ROUNDS)?
        .print_time("cycle", REPEAT, "ours in the test's runtime")
        .print_time("cycle", REPEAT, "ours without the server's log")
        .print_time("cycle", REPEAT, "ours that reads the server's log");
    Ok(())
}

fn measure(criterion: &mut Criterion, runtime: &Runtime) {
    // Few: every cycle leaves a port that the kernel holds back for a minute, and the more there
    // are, the longer it searches for a free one.
    let mut group = criterion.benchmark_group("cycle");
    group.sample_size(10).measurement_time(Duration::from_millis(300));
    for (name, via) in
        [("websocket", Via::Websocket), ("polling", Via::Polling), ("upgrade", Via::Upgrade)]
    {
        group.bench_function(name, |bencher| {
            bencher.to_async(runtime).iter(|| async {
                ours(app(), via).await.expect("the cycle works");
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

fn app() -> AppBuilder {
    create_app(pair::router())
}

async fn ours(app: AppBuilder, via: Via) -> Outcome {
    let app = app.await?;
    client(&app, via).await?;
    Ok(close(app).await?)
}

async fn client(app: &App, via: Via) -> Outcome {
    let client = create_socketio_client(app).transports(via.transports()).await?;
    let answer = client.send_with_ack("message-with-ack", (1, 2, 3)).await?;
    assert_eq!(answer.len(), 3);
    Ok(client.close().await?)
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

const IN_MEMORY: &str = "ours in memory";
const RAW_IN_MEMORY: &str = "raw pair in memory";
const ROUNDS: usize = 60;
const REPEAT: u32 = 10;
