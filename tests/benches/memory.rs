//! Heap of an idle client, a thousand in one process: ours beside a raw websocket client, with the
//! same small buffers and with the library's own. The server runs in another process.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use peak_alloc::PeakAlloc;
use socketio_harness::{SocketIoClient, create_socketio_client};
use support::raw::{RawClient, SMALL_BUFFERS};
use support::{Outcome, runtime, server, unless_smoke};
use tokio::task::JoinSet;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() -> Outcome {
    if std::env::args().any(|argument| argument == SERVE) {
        return serve();
    }
    let (mut server, port) = spawn_server()?;
    let result = runtime()?.block_on(measure(port));
    server.kill()?;
    server.wait()?;
    result
}

#[expect(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
async fn measure(port: u16) -> Outcome {
    let count = unless_smoke(1_000, 50);
    // What the first clients allocate for all that follow.
    ours(port, 10, 1).await?;
    raw(port, 10, SMALL_BUFFERS).await?;

    let idle = ours(port, count, 0).await?;
    let busy = ours(port, count, 300).await?;
    let small = raw(port, count, SMALL_BUFFERS).await?;
    let large = raw(port, count, LARGE).await?;

    println!("heap of each of {count} idle clients, in KiB:");
    println!("  ours                            {idle:7.2}");
    println!("  ours, after 300 acks            {busy:7.2}");
    println!("  raw, buffers of 4 KiB           {small:7.2}");
    println!("  raw, the library's own buffers  {large:7.2}");
    println!("memory of an idle client: ours / raw = {:.2}", idle / small);
    Ok(())
}

async fn ours(port: u16, count: u32, acks: u32) -> Outcome<f64> {
    let before = HEAP.current_usage();
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connected(port, acks).await?);
    }
    let each = kib_each(before, count)?;
    for client in clients {
        client.close().await?;
    }
    Ok(each)
}

async fn connected(port: u16, acks: u32) -> Outcome<SocketIoClient> {
    let client = create_socketio_client(port).await?;
    for _ in 0..acks {
        client.send_with_ack("message-with-ack", (1, 2, 3)).await?;
    }
    Ok(client)
}

async fn raw(port: u16, count: u32, buffers: usize) -> Outcome<f64> {
    let before = HEAP.current_usage();
    let mut clients = JoinSet::new();
    for _ in 0..count {
        let client = RawClient::connect_with_buffers(port, buffers).await?;
        clients.spawn(client.idle());
    }
    // Each has begun to wait.
    tokio::task::yield_now().await;
    let each = kib_each(before, count)?;
    clients.shutdown().await;
    Ok(each)
}

fn kib_each(before: usize, count: u32) -> Outcome<f64> {
    let grown = HEAP.current_usage().saturating_sub(before);
    Ok(f64::from(u32::try_from(grown)?) / 1024.0 / f64::from(count))
}

/// This program again, as the server. It ends with its standard input, so it cannot outlive us.
fn spawn_server() -> Outcome<(Child, u16)> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg(SERVE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut port = String::new();
    if let Some(stdout) = server.stdout.take() {
        BufReader::new(stdout).read_line(&mut port)?;
    }
    let port = port.trim().parse()?;
    Ok((server, port))
}

#[expect(clippy::print_stdout, reason = "the parent reads the port there")]
fn serve() -> Outcome {
    println!("{}", server::spawn()?);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

const SERVE: &str = "--serve";
const LARGE: usize = 128 << 10;
