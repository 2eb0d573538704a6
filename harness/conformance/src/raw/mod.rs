//! The raw connection: literal frames, no codec.
//!
//! The project's own client cannot judge a server, because a mistake that both share would pass.
//! What stands here knows three things only: how to open a transport, how to answer a ping, and
//! how to write down what went over the wire.
//!
//! ```no_run
//! use std::time::Duration;
//! use socketio_conformance::{Context, Subject, raw::{Session as _, WebSocket}};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let ctx = Context::new(Subject::parse("http://127.0.0.1:3000")?, Duration::from_secs(10));
//! let mut socket = WebSocket::open(&ctx).await?;
//! socket.connect("/").await?;
//! socket.send(r#"42["message",1,"2"]"#).await?;
//! socket.expect(r#"42["message-back",1,"2"]"#).await?;
//! # Ok(())
//! # }
//! ```

pub(crate) mod frame;
mod http;
mod open;
mod polling;
mod session;
mod socket;
mod stream;
mod transcript;
mod websocket;

pub use ::http::Method;

pub use self::{
    http::{Reply, request},
    open::Open,
    polling::Polling,
    session::{Packet, Session},
    transcript::{Direction, Entry, Transcript, Transport},
    websocket::{WebSocket, expect_websocket_refused},
};
pub(crate) use self::{
    session::EARLY,
    transcript::{Line, Recorder, cut, from_milliseconds},
};
