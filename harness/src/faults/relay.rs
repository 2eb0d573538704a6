//! One connection that takes a detour: what either side sends is read, and goes on as the rules
//! have it.

use std::any::Any;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use socketio_mock_client::{ByteStream, scaled};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, split};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::Gone;
use super::conversation::{Conversation, Onward};
use super::near::Abandoned;
use super::pace::{Delivered, Meter, Parcel, Stamp, deliver, thaw};
use super::registry::Running;
use super::rules::Rules;
use crate::memory;

/// What a relay is told to do with its connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Cut,
    Reset,
    CloseWebsocket,
    HalfOpen { gone: Gone, id: u64 },
}

/// A connection to relay.
pub(super) struct Connection {
    pub(super) client: Box<dyn ByteStream>,
    /// For a client in this process.
    pub(super) abandoned: Option<Abandoned>,
    pub(super) server: Box<dyn ByteStream>,
    pub(super) conversation: Conversation,
    pub(super) rules: watch::Receiver<Rules>,
    pub(super) number: u64,
}

/// How the relaying has come to an end.
enum End {
    /// Both sides have closed.
    Closed,
    Cut,
    Reset,
    HalfOpen {
        gone: Gone,
        id: u64,
    },
}

impl Connection {
    /// Relays to the end of the connection.
    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Order>,
        running: Running,
    ) {
        match self.relay(&mut orders, &running).await {
            End::Closed => {}
            End::Reset => {
                reset(&mut self.client);
                reset(&mut self.server);
            }
            End::Cut => {
                futures::join!(end(self.client), end(self.server));
            }
            End::HalfOpen { gone: Gone::Client, id } => {
                let client = end(self.client);
                let server = stay(self.server, id, self.rules, &mut orders);
                futures::join!(client, server);
            }
            End::HalfOpen { gone: Gone::Server, id } => {
                let server = end(self.server);
                let client = stay(self.client, id, self.rules, &mut orders);
                futures::join!(client, server);
            }
        }
    }

    async fn relay(
        &mut self,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        running: &Running,
    ) -> End {
        let (client_reader, client_writer) = split(&mut self.client);
        let (server_reader, server_writer) = split(&mut self.server);
        let (to_client, for_client) = mpsc::channel(QUEUE);
        let (to_server, for_server) = mpsc::channel(QUEUE);
        let conversation = Mutex::new(std::mem::take(&mut self.conversation));
        let lanes = Lanes {
            to_client,
            to_server,
            stamps: Mutex::new((Stamp::new(self.number * 2), Stamp::new(self.number * 2 + 1))),
            rules: self.rules.clone(),
            running,
        };
        let meter = Meter::default();
        let rules = || self.rules.clone();

        let up = async {
            let process = |data: &[u8], rules: &Rules| lock(&conversation).up(data, rules);
            read(client_reader, rules(), &lanes, process).await?;
            let rest = lock(&conversation).rest_up();
            lanes.send(Onward { to_server: vec![rest, Bytes::new()], ..Onward::default() }).await;
            io::Result::Ok(())
        };
        let down = async {
            let process = |data: &[u8], rules: &Rules| lock(&conversation).down(data, rules);
            read(server_reader, rules(), &lanes, process).await?;
            let rest = lock(&conversation).rest_down();
            lanes.send(Onward { to_client: vec![rest, Bytes::new()], ..Onward::default() }).await;
            io::Result::Ok(())
        };
        let delivered_up = deliver(for_server, server_writer, rules(), &meter);
        let delivered_down = deliver(for_client, client_writer, rules(), &meter);
        let abandoned = self.abandoned.clone();
        let abandoned = move || abandoned.as_ref().is_some_and(Abandoned::get);
        let ordered = async {
            loop {
                match orders.recv().await {
                    Some(Order::Cut) => return End::Cut,
                    Some(Order::Reset) => return End::Reset,
                    Some(Order::HalfOpen { gone, id }) => return End::HalfOpen { gone, id },
                    Some(Order::CloseWebsocket) => {
                        let onward = lock(&conversation).close_websocket();
                        lanes.send(onward).await;
                    }
                    None => std::future::pending().await,
                }
            }
        };
        let moved = async {
            tokio::pin!(up, down, delivered_up, delivered_down);
            let mut open = [true; 4];
            let [reading_up, reading_down, writing_up, writing_down] = &mut open;
            loop {
                tokio::select! {
                    result = &mut up, if *reading_up => match result {
                        Ok(()) => *reading_up = false,
                        Err(_) => return End::Reset,
                    },
                    result = &mut down, if *reading_down => match result {
                        Ok(()) => *reading_down = false,
                        Err(_) => return End::Reset,
                    },
                    delivered = &mut delivered_up, if *writing_up => match delivered {
                        // A client that is gone for good takes no answer any more.
                        Delivered::End if abandoned() => return End::Closed,
                        Delivered::Limit => return End::Reset,
                        // The server's last words are still to come.
                        Delivered::End | Delivered::Unwanted => *writing_up = false,
                    },
                    delivered = &mut delivered_down, if *writing_down => match delivered {
                        Delivered::Limit => return End::Reset,
                        // What the client said last is still on its way.
                        Delivered::End | Delivered::Unwanted => *writing_down = false,
                    },
                }
                if !*writing_up && !*writing_down {
                    return End::Closed;
                }
            }
        };
        tokio::select! {
            biased;
            end = ordered => end,
            end = moved => end,
        }
    }
}

/// The ways out of a relay.
struct Lanes<'a> {
    to_client: mpsc::Sender<Parcel>,
    to_server: mpsc::Sender<Parcel>,
    /// Down and up.
    stamps: Mutex<(Stamp, Stamp)>,
    rules: watch::Receiver<Rules>,
    running: &'a Running,
}

impl Lanes<'_> {
    async fn send(&self, onward: Onward) {
        for data in onward.to_client {
            let delay = self.stamps().0.delay(&self.rules.borrow());
            // Nobody takes it any more: then it is lost, as on a network.
            let under_way = self.running.depart();
            let _ = self.to_client.send(Parcel { delay, data, under_way }).await;
        }
        for data in onward.to_server {
            let delay = self.stamps().1.delay(&self.rules.borrow());
            let under_way = self.running.depart();
            let _ = self.to_server.send(Parcel { delay, data, under_way }).await;
        }
    }

    fn stamps(&self) -> MutexGuard<'_, (Stamp, Stamp)> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads to the end of the stream.
async fn read<S: AsyncRead>(
    mut source: ReadHalf<S>,
    mut rules: watch::Receiver<Rules>,
    lanes: &Lanes<'_>,
    process: impl Fn(&[u8], &Rules) -> Onward,
) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        thaw(&mut rules).await;
        let count = source.read(&mut buffer).await?;
        let Some(data) = buffer.get(..count).filter(|data| !data.is_empty()) else { return Ok(()) };
        let mut onward = process(data, &rules.borrow());
        // An empty parcel would be the end.
        onward.to_client.retain(|data| !data.is_empty());
        onward.to_server.retain(|data| !data.is_empty());
        lanes.send(onward).await;
    }
}

/// Tells one side that the connection is over. What it still says is read, or the kernel would make
/// a reset of it.
async fn end(mut stream: Box<dyn ByteStream>) {
    let ending = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(scaled(LINGER), ending).await;
}

/// Keeps a side in the belief that there is another.
async fn stay(
    mut stream: Box<dyn ByteStream>,
    id: u64,
    mut rules: watch::Receiver<Rules>,
    orders: &mut mpsc::UnboundedReceiver<Order>,
) {
    let healed = async {
        // Without a sender there is nobody left to heal it.
        let _ = rules.wait_for(|rules| !rules.stands(id)).await;
    };
    let ended = async {
        while let Some(order) = orders.recv().await {
            if matches!(order, Order::Cut | Order::Reset) {
                return;
            }
        }
    };
    let mut nowhere = tokio::io::sink();
    tokio::select! {
        _ = tokio::io::copy(&mut stream, &mut nowhere) => {}
        () = healed => {}
        () = ended => {}
    }
    end(stream).await;
}

/// The next close of the stream is a reset, if it is one that knows resets.
fn reset(stream: &mut Box<dyn ByteStream>) {
    let stream: &mut dyn Any = &mut **stream;
    if let Some(stream) = stream.downcast_mut::<TcpStream>() {
        // It fails only on a socket that has gone already.
        let _ = stream.set_zero_linger();
    } else if let Some(stream) = stream.downcast_ref::<memory::End>() {
        stream.reset();
    }
}

fn lock(conversation: &Mutex<Conversation>) -> MutexGuard<'_, Conversation> {
    conversation.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Parcels on their way in one direction, before their sender has to wait.
const QUEUE: usize = 64;
const READ: usize = 16 << 10;
/// How long a side may take to close after the other.
const LINGER: Duration = Duration::from_millis(500);
