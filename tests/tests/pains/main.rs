//! What people who test Socket.IO complain about in public, each with this toolkit's answer. The
//! table in `README.md` tells where each was said.

mod connecting;
mod deploying;
mod ending;
mod failing;
mod mocking;
mod readme;
mod receiving;
mod sending;
mod waiting;
