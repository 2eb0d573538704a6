//! Heap of an idle client, a thousand in one process: ours beside a raw websocket client, with the
//! same small buffers and with the library's own. Then both sides of it on the reference server and
//! on bare socketioxide. The servers run in other processes, which count their own heap.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use peak_alloc::PeakAlloc;
use socketio_fixtures::reference::{self, Config};
use socketio_harness::{SocketIoClient, close, create_app, create_socketio_client};
use support::raw::{RawClient, SMALL_BUFFERS};
use support::{Outcome, pair, runtime, server, unless_smoke};
use tokio::task::JoinSet;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() -> Outcome {
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    if let Some(kind) = arguments.next() {
        return serve(&kind);
    }
    let runtime = runtime()?;
    let surgeon = Server::spawn(SURGERY)?;
    runtime.block_on(measure(surgeon.port))?;
    drop(surgeon);
    let reference = runtime.block_on(both_sides(REFERENCE))?;
    let bare = runtime.block_on(both_sides(BARE))?;
    print_both_sides(reference, bare);
    Ok(())
}

/// The heap of a client, in KiB: the client's own, and the server's.
async fn both_sides(kind: &str) -> Outcome<(f64, f64)> {
    let count = unless_smoke(1_000, 50);
    let mut server = Server::spawn(kind)?;
    // What the first clients allocate for all that follow.
    ours(server.port, 10, 0).await?;
    let (near, far) = (HEAP.current_usage(), server.heap()?);
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connected(server.port, 0).await?);
    }
    let sides = (kib_each(near, count)?, kib(server.heap()?.saturating_sub(far), count)?);
    for client in clients {
        client.close().await?;
    }
    Ok(sides)
}

#[expect(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
fn print_both_sides(reference: (f64, f64), bare: (f64, f64)) {
    println!("heap of an idle client, in KiB:             its own   the server's");
    println!("  on the reference server                 {:8.2}  {:12.2}", reference.0, reference.1);
    println!("  on bare socketioxide                    {:8.2}  {:12.2}", bare.0, bare.1);
    println!(
        "memory of a client, both sides: reference server / bare socketioxide = {:.2}; the \
         server's side alone = {:.2}",
        (reference.0 + reference.1) / (bare.0 + bare.1),
        reference.1 / bare.1
    );
}

#[expect(clippy::print_stdout, reason = "the table is what the benchmark is run for")]
async fn measure(port: u16) -> Outcome {
    let count = unless_smoke(1_000, 50);
    // What the first clients allocate for all that follow.
    ours(port, 10, 1).await?;
    raw(port, 10, SMALL_BUFFERS).await?;

    let idle = ours(port, count, 0).await?;
    let of_app = ours_of_app(port, count).await?;
    let busy = ours(port, count, 300).await?;
    let small = raw(port, count, SMALL_BUFFERS).await?;
    let large = raw(port, count, LARGE).await?;

    println!("heap of each of {count} idle clients, in KiB:");
    println!("  ours                            {idle:7.2}");
    println!("  ours, made from an app          {of_app:7.2}");
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

/// With the way through which faults reach a client, and its place in the app's list.
async fn ours_of_app(port: u16, count: u32) -> Outcome<f64> {
    let app = create_app(format!("http://127.0.0.1:{port}")).await?;
    let before = HEAP.current_usage();
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(create_socketio_client(&app).await?);
    }
    let each = kib_each(before, count)?;
    for client in clients {
        client.close().await?;
    }
    close(app).await?;
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
    kib(HEAP.current_usage().saturating_sub(before), count)
}

fn kib(bytes: usize, count: u32) -> Outcome<f64> {
    Ok(f64::from(u32::try_from(bytes)?) / 1024.0 / f64::from(count))
}

/// This program again, as a server. It ends with its standard input, so it cannot outlive us.
struct Server {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn spawn(kind: &str) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([SERVE, kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no pipes".into());
        };
        let mut server = Self { child, questions, answers: BufReader::new(answers), port: 0 };
        server.port = server.answer()?.parse()?;
        Ok(server)
    }

    /// Bytes on the server's heap now.
    fn heap(&mut self) -> Outcome<usize> {
        writeln!(self.questions)?;
        Ok(self.answer()?.parse()?)
    }

    fn answer(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the server has ended".into());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells the port, then the size of the heap for each line of input.
#[expect(clippy::print_stdout, reason = "the parent reads the port and the answers there")]
fn serve(kind: &str) -> Outcome {
    println!("{}", if kind == SURGERY { server::spawn()? } else { serve_socketioxide(kind)? });
    for question in std::io::stdin().lines() {
        question?;
        println!("{}", HEAP.current_usage());
    }
    Ok(())
}

fn serve_socketioxide(kind: &str) -> Outcome<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let is_reference = kind == REFERENCE;
    std::thread::spawn(move || {
        runtime()?.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            if is_reference {
                let _running =
                    reference::start_on(listener, &Config::default(), reference::App::Base).await?;
                std::future::pending().await
            } else {
                Outcome::Ok(axum::serve(listener, pair::router()).await?)
            }
        })
    });
    Ok(port)
}

const SERVE: &str = "--serve";
const SURGERY: &str = "surgery";
const REFERENCE: &str = "reference";
const BARE: &str = "socketioxide";
const LARGE: usize = 128 << 10;
