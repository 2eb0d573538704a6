//! What the network does to connections, done on purpose.

mod endings;
mod heartbeat;
mod lasting;
mod matrix;
mod polls;
mod relays;
mod simulated;
mod subjects;
