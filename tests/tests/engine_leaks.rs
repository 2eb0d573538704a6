//! The second engine comes and goes without a trace, as the first one does: no thread, no file
//! descriptor, no connection on the other side.

use std::fs::{read_dir, read_to_string};

use futures::{StreamExt, TryStreamExt, stream};
use rstest::rstest;
use socketio_fixtures::{Limits, peer};
use socketio_harness::{App, Engine, Result, close, create_app, create_socketio_client};
use socketio_tests::{Peer, alone, becomes, in_time, no_client_is_left_in};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    threads: usize,
    descriptors: usize,
}

impl Held {
    fn now() -> Self {
        let threads = read_dir("/proc/self/task").expect("Linux").filter(|thread| {
            let thread = thread.as_ref().expect("a thread").path();
            // One that has ended meanwhile has no name.
            let name = read_to_string(thread.join("comm")).unwrap_or_default();
            // Those of the test runner, which are called after tests, come and go.
            name.starts_with("rust_socketio") || name.starts_with("tokio")
        });
        let descriptors = read_dir("/proc/self/fd").expect("Linux");
        Self { threads: threads.count(), descriptors: descriptors.count() }
    }

    /// Lets the last thread end, and the server close its side.
    async fn comes_again(self) {
        let coming = async {
            while Self::now() != self {
                tokio::task::yield_now().await;
            }
        };
        let came = in_time(coming).await;
        assert!(came.is_ok(), "{:?}, expected {self:?}", Self::now());
    }
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    Close,
    Drop,
    DropConnection,
    ByServer,
    /// The future of the connect, at its first wait.
    Cancel,
    Refused,
}

impl Ending {
    async fn cycle(self, app: &App) -> Result {
        let client = create_socketio_client(app).engine(Engine::RustSocketio);
        if matches!(self, Self::Refused) {
            assert!(client.namespace("/nope").await.is_err());
            return Ok(());
        }
        if matches!(self, Self::Cancel) {
            let mut connecting = client.into_future();
            // On a busy machine the engine's thread may have connected before this one looks.
            drop(futures::poll!(&mut connecting));
            return Ok(());
        }
        let client = client.await?;
        client.send_with_ack("message-with-ack", 1).await?;
        match self {
            Self::Close => client.close().await?,
            Self::DropConnection => client.drop_connection(),
            Self::ByServer => {
                client.send("leave", ())?;
                client.disconnected().await?;
            }
            Self::Drop | Self::Cancel | Self::Refused => {}
        }
        Ok(())
    }
}

#[rstest]
fn a_hundred_clients_leave_nothing_behind(
    #[values(Peer::Rust, Peer::Node)] which: Peer,
    #[values(
        Ending::Close,
        Ending::Drop,
        Ending::DropConnection,
        Ending::ByServer,
        Ending::Cancel,
        Ending::Refused
    )]
    ending: Ending,
) -> Result {
    alone(async {
        let server = peer::server(Limits::relaxed());
        let app = match which {
            Peer::Rust => create_app(server.router()).await?,
            _ => which.boot().await?,
        };
        let before = Held::now();
        let cycles = stream::iter((0..100).map(|_| ending.cycle(&app)));
        cycles.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        before.comes_again().await;
        if which == Peer::Rust {
            becomes((0, Some(0)), || (server.sockets("/"), app.open_connections())).await;
        } else {
            no_client_is_left_in(&app).await;
        }
        close(app).await
    })
}

#[test]
fn a_close_waits_for_the_end_of_the_connection() -> Result {
    alone(async {
        let app = Peer::Node.boot().await?;
        let before = Held::now();
        let client = create_socketio_client(&app).engine(Engine::RustSocketio).await?;
        let during = Held::now();
        assert!(during.threads > before.threads && during.descriptors > before.descriptors);
        client.close().await?;
        assert_eq!(Held::now().descriptors, before.descriptors);
        close(app).await
    })
}

/// A connection of rust_socketio waits 44 ms for Nagle's algorithm.
const AT_ONCE: usize = 10;
