//! The client on each of its engines: what they share, what the second one refuses, and a table of
//! what each supports.

mod acks;
mod capabilities;
mod endings;
mod exchange;
mod probes;
mod refusals;

use socketio_harness::{ClientBuilder, Engine, IntoTarget, create_socketio_client};

fn client(target: impl IntoTarget, engine: Engine) -> ClientBuilder {
    create_socketio_client(target).engine(engine)
}
