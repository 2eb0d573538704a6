//! Engine.IO v4 and Socket.IO v5 without I/O: no sockets, no runtime, no clock. A client can also
//! speak to servers of the generation before, Engine.IO v3 and Socket.IO v4.

pub mod args;
pub mod connection;
pub mod engine;
mod error;
mod limits;
pub mod socket;

pub use args::{Args, EncodedArgs, ParseArgsError};
pub use error::{Error, Excerpt};
pub use limits::Limits;
