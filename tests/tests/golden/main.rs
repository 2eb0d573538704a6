//! The conversations of `fixtures/golden`, replayed against the reference server: with the
//! toolkit's client and with the official one, told apart by nothing.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "what is not as recorded ends the test")]

mod connections;
mod filters;
mod messages;
mod middleware;
mod namespaces;
mod player;
mod rooms;
mod scenario;
mod server;
mod stage;
mod table;
mod values;

use rstest_reuse::template;

#[template]
#[rstest::rstest]
#[case::toolkit(crate::player::Kind::Toolkit)]
#[case::official(crate::player::Kind::Official)]
#[tokio::test]
async fn with_both_clients(#[case] clients: crate::player::Kind) {}
