//! A load balancer for Socket.IO: several servers behind one port, within a test or a supervisor.
//!
//! ```no_run
//! use socketio_balancer::{Balancer, Policy, State};
//! use tokio::net::TcpListener;
//!
//! # async fn balance() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let balancer = Balancer::start(listener, Policy::Sticky)?;
//! let (first, second) = (([127, 0, 0, 1], 4001).into(), ([127, 0, 0, 1], 4002).into());
//! balancer.add(first);
//! balancer.add(second);
//! // ... clients connect to `balancer.local_addr()` ...
//! balancer.set_state(first, State::Down); // as if its machine had gone
//! balancer.remove(second);
//! balancer.close().await; // every connection and task is gone, the port is free
//! # Ok(())
//! # }
//! ```
//!
//! A session of Engine.IO spans many HTTP requests, and only the server that opened it knows it.
//! [`Policy::Sticky`] routes by the session's id, which it learns from the OPEN packet that answers
//! a polling handshake. It takes the id as the server wrote it, so any format works. It needs no
//! cookie: clients outside browsers rarely keep one, while every request of a session carries
//! `sid`. What it learns lives in this balancer alone; two of them in a row, or one that has been
//! restarted, would need a hash of the client's address or a cookie instead.
//!
//! Websockets are passed through byte by byte, so that extensions and malformed frames arrive as
//! they were sent. Requests reach the servers with `x-forwarded-for`, `-host` and `-proto`.

mod backend;
mod balancer;
mod body;
mod dial;
mod headers;
mod open;
mod policy;
mod proxy;
mod sessions;
mod tunnel;

pub use backend::{Backend, State};
pub use balancer::Balancer;
pub use policy::Policy;
