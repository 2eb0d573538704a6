//! The second engine comes and goes without a trace, as the first one does: no thread, no file
//! descriptor, no connection on the other side.

use std::time::Duration;

use rstest::rstest;
use socketio_fixtures::{Limits, peer};
use socketio_harness::{App, Engine, Result, close, create_app, create_socketio_client, scaled};
use socketio_tests::{Peer, becomes, no_client_is_left_in};
use tokio::sync::{Mutex, MutexGuard};

/// Tests that count what the whole process holds take turns.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    threads: usize,
    descriptors: usize,
}

impl Held {
    fn now() -> Self {
        let count = |directory| std::fs::read_dir(directory).expect("Linux").count();
        Self { threads: count("/proc/self/task"), descriptors: count("/proc/self/fd") }
    }

    /// Lets the last thread end, and the server close its side.
    async fn comes_again(self) {
        let coming = async {
            while Self::now() != self {
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(scaled(Duration::from_secs(5)), coming).await;
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
            assert!(futures::poll!(&mut connecting).is_pending());
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
#[tokio::test]
async fn a_hundred_clients_leave_nothing_behind(
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
    let _alone = alone().await;
    let server = peer::server(Limits::relaxed());
    let app = match which {
        Peer::Rust => create_app(server.router()).await?,
        _ => which.boot().await?,
    };
    let before = Held::now();
    for _ in 0..100 {
        ending.cycle(&app).await?;
    }
    before.comes_again().await;
    if which == Peer::Rust {
        becomes((0, Some(0)), || (server.sockets("/"), app.open_connections())).await;
    } else {
        no_client_is_left_in(&app).await;
    }
    close(app).await
}

#[tokio::test]
async fn a_close_waits_for_the_end_of_the_connection() -> Result {
    let _alone = alone().await;
    let app = Peer::Node.boot().await?;
    let before = Held::now();
    let client = create_socketio_client(&app).engine(Engine::RustSocketio).await?;
    assert!(Held::now().descriptors > before.descriptors);
    client.close().await?;
    assert_eq!(Held::now().descriptors, before.descriptors);
    close(app).await
}
