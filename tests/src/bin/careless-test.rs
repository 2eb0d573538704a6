//! A test that ends as tests should not: `careless-test ENDING SERVER`. It boots the server, a
//! program that prints the ids of its processes in a line `processes: 1 2`, and a Redis; passes
//! this line on, adds one with the socket of Redis, and ends.

#![expect(clippy::print_stdout, reason = "who started it reads it there")]

use socketio_harness::{ChildProcess, Error, Result, create_app, create_redis};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result {
    let mut arguments = std::env::args().skip(1);
    let (ending, server) =
        (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let app = create_app(ChildProcess::new("sh").args(["-c", &server])).await?;
    let process = app.process().expect("it is one");
    let output = process.output();
    let processes = output.lines().find(|line| line.starts_with("processes: "));
    println!("{} {}", processes.expect("it says so"), process.id());
    let redis = create_redis().await?;
    println!("{}", redis.socket().display());
    match ending.as_str() {
        "returns an error" => {
            return Err(Error::Option { option: "this", subject: "a test", reason: "it failed" });
        }
        "panics" => panic_like_a_test(),
        "exits" => std::process::exit(1),
        "aborts" => std::process::abort(),
        "waits" => std::future::pending().await,
        "forgets" => std::mem::forget((app, redis)),
        _ => {}
    }
    Ok(())
}

#[expect(clippy::panic, reason = "it is what the test is about")]
fn panic_like_a_test() {
    panic!("expected 3, got 4");
}
