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
//!
//! # Why not a crate
//!
//! A test needs three things that the proxies among the crates leave out: to route by an id that
//! stands in the body of an answer, to pass websockets on unread, and to close with nothing left.
//! `axum-reverse-proxy` 2 balances in turn or by load, and ends websockets to send their messages
//! anew, which hides malformed frames; `hyper-reverse-proxy` 0.5 stands on a hyper of before 1.0;
//! `pingora-proxy` is a framework of servers that brings its own runtime, and ends with the process.
//! So hyper serves and asks here, and what is written by hand is which server is asked.

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
