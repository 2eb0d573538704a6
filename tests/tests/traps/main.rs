//! What released servers do that a client must survive, each seen on the wire: one test a trap, of
//! the real client over real sockets against a server that sets it.

mod binary;
mod endings;
mod kept_alive;
mod last_words;
mod polling;
mod upgrade;
mod websocket;
