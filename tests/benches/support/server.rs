//! A server that answers by string surgery, so that the clients are what is measured.
//!
//! | the client | the server |
//! |---|---|
//! | connects to `/` | accepts |
//! | emits an event with an ack id | acks with the same arguments |
//! | emits `count` with an ack id | acks with the number of other events since the last `count` |
//! | emits `burst(n)` | emits `tick(0)` to `tick(n - 1)` |
//! | emits another event | counts it |

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::{Outcome, runtime};

/// Serves on a thread of its own, for as long as the process runs. Returns the port.
pub(crate) fn spawn() -> Outcome<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || serve(listener));
    Ok(port)
}

/// Serves for ever.
pub(crate) fn serve(listener: std::net::TcpListener) -> Outcome {
    listener.set_nonblocking(true)?;
    runtime()?.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(converse(stream));
        }
    })
}

/// Answers one client until it has gone.
async fn converse(stream: TcpStream) -> Result<(), Error> {
    let mut socket = accept_async(stream).await?;
    socket.send(Message::text(OPEN)).await?;
    let mut counted = 0_u32;
    loop {
        // Answers leave together once there is nothing more to read.
        let next = if let Some(next) = socket.next().now_or_never() {
            next
        } else {
            socket.flush().await?;
            socket.next().await
        };
        match next.transpose()? {
            Some(Message::Text(text)) => answer(&mut socket, &text, &mut counted).await?,
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

async fn answer(
    socket: &mut WebSocketStream<TcpStream>,
    text: &str,
    counted: &mut u32,
) -> Result<(), Error> {
    let Some(event) = text.strip_prefix("42") else {
        return if text.starts_with("40") {
            socket.feed(Message::text(ACCEPT)).await
        } else {
            Ok(())
        };
    };
    let (id, event) = event.split_once('[').unwrap_or((event, ""));
    let (name, args) = event.trim_end_matches(']').split_once(',').unwrap_or((event, ""));
    match (name, id) {
        (r#""burst""#, _) => {
            for number in 0..args.parse().unwrap_or(0_u32) {
                socket.feed(Message::text(format!(r#"42["tick",{number}]"#))).await?;
            }
            Ok(())
        }
        (_, "") => {
            *counted += 1;
            Ok(())
        }
        (r#""count"]"#, id) => {
            socket.feed(Message::text(format!("43{id}[{}]", std::mem::take(counted)))).await
        }
        (_, id) => socket.feed(Message::text(format!("43{id}[{args}]"))).await,
    }
}

/// Nobody is pinged: a heartbeat would be noise.
const OPEN: &str = concat!(
    r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":3600000,"#,
    r#""pingTimeout":20000,"maxPayload":1000000}"#
);
const ACCEPT: &str = r#"40{"sid":"wZX3oN0bSVIhsaknAAAI"}"#;
