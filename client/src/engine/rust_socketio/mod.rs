//! The engine rust_socketio 0.6.
//!
//! The protocol core stays in charge of the client: of namespaces, acks, deadlines and the end. It is
//! told of a session that is open, and what it wants sent is handed to rust_socketio as events; what
//! rust_socketio tells comes back as packets. So the rest of the client need not know the engine.
//!
//! rust_socketio leaves a task behind that nothing but the end of its runtime stops. It gets a
//! runtime of its own, on a thread of its own, and both end with the connection.

mod link;
mod outbox;
mod session;

use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use self::outbox::Outbox;
use self::session::Session;
use crate::Result;
use crate::client::SocketIoClient;
use crate::driver::open::{self, Patience};
use crate::driver::run::Ended;
use crate::shared::Shared;
use crate::socket::Socket;

/// Connects, and carries the connection on a thread of its own until it is over, or until the client
/// has gone.
pub(crate) async fn start(client: &SocketIoClient, patience: Patience) -> Result {
    let (shared, socket) = (Arc::clone(client.shared()), Arc::clone(client.socket()));
    let endpoint = Arc::clone(&shared.endpoint);
    let (opened, opening) = oneshot::channel();
    thread::Builder::new()
        .name("rust_socketio".into())
        .spawn(move || live(&shared, &socket, opened))
        .map_err(|error| open::unreachable(&endpoint, &error))?;
    match patience.wait_for(opening).await {
        Some(Ok(opened)) => opened,
        // The thread sends, unless rust_socketio has panicked.
        Some(Err(_)) => Err(open::not_socketio(&endpoint, &"rust_socketio panicked over it")),
        // It does not tell how far it has come.
        None => Err(open::silent(&endpoint, "the Engine.IO open packet", patience)),
    }
}

/// The thread's work.
fn live(shared: &Arc<Shared>, socket: &Arc<Socket>, opened: oneshot::Sender<Result>) {
    // Dropped last: by then the runtime is gone, and every task and socket with it.
    let _ended = Ended(Arc::clone(shared));
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(open::unreachable(&shared.endpoint, &error)));
            return;
        }
    };
    runtime.block_on(async {
        let (tell, came) = mpsc::unbounded_channel();
        let connected = tokio::select! {
            connected = link::connect(shared, socket, tell.clone()) => connected,
            // Whoever wanted the client has given up.
            () = shared.deserted() => return,
        };
        match connected {
            Ok(client) => {
                let session = Session::new(shared, socket, came, Outbox::new(client, tell));
                let _ = opened.send(Ok(()));
                session.await;
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        }
    });
}
