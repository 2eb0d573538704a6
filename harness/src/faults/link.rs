//! A client's connection: direct until a fault is asked for.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use socketio_mock_client::{ByteStream, Connecting, Connector, Transit, connecting};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Ways;
use super::conversation::Conversation;
use super::near::Near;
use super::pace::{Delay, thaw};
use super::registry::Registry;
use super::relay::Connection;
use super::rules::{Book, Rules};

/// Opens connections that faults can meet.
pub(super) struct FaultyConnector {
    inner: Arc<dyn Connector>,
    book: Book,
    registry: Arc<Registry>,
    /// What one client sends may come to another by the server.
    all_ways: Ways,
}

impl FaultyConnector {
    pub(super) fn new(
        inner: Arc<dyn Connector>,
        book: Book,
        registry: Arc<Registry>,
        all_ways: Ways,
    ) -> Self {
        Self { inner, book, registry, all_ways }
    }
}

impl Connector for FaultyConnector {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let number = self.registry.number();
            let mut rules = self.book.watch();
            admit(&mut rules, number).await?;
            let stream = self.inner.connect(host, port).await?;
            let link = Link::new(stream, rules, Arc::clone(&self.registry), number);
            Ok(link)
        })
    }

    fn is_in_memory(&self) -> bool {
        self.inner.is_in_memory()
    }

    fn transit(&self) -> Transit {
        let mut transit = self.inner.transit();
        for (book, registry) in self.all_ways.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let Transit { begun, under_way } = registry.transit();
            transit.begun += begun;
            // What is frozen does not arrive with time.
            transit.under_way += if book.watch().borrow().frozen { 0 } else { under_way };
        }
        transit
    }
}

/// Resolves when the network lets a new connection through.
pub(super) async fn admit(rules: &mut watch::Receiver<Rules>, number: u64) -> io::Result<()> {
    thaw(rules).await;
    let (refused, delay) = {
        let rules = rules.borrow();
        (rules.refused, Delay::of_opening(&rules, number))
    };
    if refused {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    delay.over(rules).await;
    thaw(rules).await;
    Ok(())
}

/// The client's stream.
struct Link(Arc<Shared>);

/// A link, as the faults see it.
pub(super) struct Shared {
    wire: Mutex<Wire>,
    rules: watch::Receiver<Rules>,
    registry: Arc<Registry>,
    number: u64,
    /// Where a relay is to run: faults may be asked for from anywhere.
    runtime: Handle,
}

enum Wire {
    Direct(Box<Direct>),
    Relayed(Near),
    /// The client has closed.
    Gone,
}

struct Direct {
    stream: Box<dyn ByteStream>,
    /// Kept up, so that a relay knows where a frame begins.
    conversation: Conversation,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Link {
    fn new(
        stream: Box<dyn ByteStream>,
        rules: watch::Receiver<Rules>,
        registry: Arc<Registry>,
        number: u64,
    ) -> Self {
        let conversation = Conversation::default();
        let direct = Direct { stream, conversation, reader: None, writer: None };
        let wire = Mutex::new(Wire::Direct(Box::new(direct)));
        let runtime = Handle::current();
        let shared = Arc::new(Shared { wire, rules, registry, number, runtime });
        // A fault asked for from here on finds it in the list.
        shared.registry.add_link(number, &shared);
        if !shared.rules.borrow().is_idle() {
            shared.detour();
        }
        Self(shared)
    }
}

impl Shared {
    /// Sends what follows through a relay, if it does not go there yet.
    pub(super) fn detour(&self) {
        let mut wire = self.lock();
        let Wire::Direct(direct) = &mut *wire else { return };
        let wakers = [direct.reader.take(), direct.writer.take()];
        let (near, client, abandoned) = Near::pair(self.rules.clone());
        let Wire::Direct(direct) = std::mem::replace(&mut *wire, Wire::Relayed(near)) else {
            return;
        };
        drop(wire);
        let connection = Connection {
            client: Box::new(client),
            abandoned: Some(abandoned),
            server: direct.stream,
            conversation: direct.conversation,
            rules: self.rules.clone(),
            number: self.number,
        };
        let (orders, running) = self.registry.add_relay(self.number);
        self.runtime.spawn(connection.run(orders, running));
        // They wait for the stream that has just been taken away.
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.registry.remove_link(self.0.number);
        let wire = std::mem::replace(&mut *self.0.lock(), Wire::Gone);
        drop(wire);
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self.0.lock() {
            Wire::Direct(direct) => {
                let before = buffer.filled().len();
                let outcome = Pin::new(&mut direct.stream).poll_read(cx, buffer);
                let read = buffer.filled().get(before..).unwrap_or_default();
                direct.conversation.follow_down(read);
                remember(&outcome, &mut direct.reader, cx);
                outcome
            }
            Wire::Relayed(near) => Pin::new(near).poll_read(cx, buffer),
            Wire::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self.0.lock() {
            Wire::Direct(direct) => {
                let outcome = Pin::new(&mut direct.stream).poll_write(cx, data);
                if let Poll::Ready(Ok(count)) = &outcome {
                    direct.conversation.follow_up(data.get(..*count).unwrap_or_default());
                }
                remember(&outcome, &mut direct.writer, cx);
                outcome
            }
            Wire::Relayed(near) => Pin::new(near).poll_write(cx, data),
            Wire::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.lock() {
            Wire::Direct(direct) => {
                let outcome = Pin::new(&mut direct.stream).poll_flush(cx);
                remember(&outcome, &mut direct.writer, cx);
                outcome
            }
            Wire::Relayed(near) => Pin::new(near).poll_flush(cx),
            Wire::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self.0.lock() {
            Wire::Direct(direct) => {
                let outcome = Pin::new(&mut direct.stream).poll_shutdown(cx);
                remember(&outcome, &mut direct.writer, cx);
                outcome
            }
            Wire::Relayed(near) => Pin::new(near).poll_shutdown(cx),
            Wire::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// Keeps the waker of one who waits for the stream.
fn remember<T>(outcome: &Poll<T>, waker: &mut Option<Waker>, cx: &Context<'_>) {
    if outcome.is_pending() {
        match waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waker = Some(cx.waker().clone()),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.number)
    }
}
