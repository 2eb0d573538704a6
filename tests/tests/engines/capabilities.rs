//! The table of what each engine supports, found out by trying.

use std::collections::BTreeMap;
use std::fmt::Write;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use socketio_harness::{App, Engine, Result, close};
use socketio_tests::Peer;

use crate::probes::{
    Bench, Outcome, Shortcoming, TIMED_OUT, connecting, control, events, expectations,
};

#[tokio::test]
async fn each_engine_supports_what_the_table_says() -> Result {
    let peers = [("Rust", Peer::Rust.boot().await?), ("Node", Peer::Node.boot().await?)];
    let mut table = String::from("| capability | native | `rust_socketio` |\n|---|---|---|\n");
    let columns = [Engine::Native, Engine::RustSocketio];
    let cells =
        PROBES.iter().flat_map(|(_, probe)| columns.map(|engine| cell(*probe, engine, &peers)));
    let cells: Vec<_> = stream::iter(cells).buffered(AT_ONCE).collect().await;
    for ((capability, _), cells) in PROBES.iter().zip(cells.chunks(columns.len())) {
        writeln!(table, "| {capability} | {} |", cells.join(" | ")).expect("memory");
    }
    for (_, app) in peers {
        close(app).await?;
    }
    eprintln!("{table}");
    assert!(!table.contains(TIMED_OUT), "what an engine cannot do is refused, not waited for");
    insta::assert_snapshot!("capabilities", table);
    let documented = include_str!("../../../client/src/engine/capabilities.md");
    assert_eq!(documented, table, "client/src/engine/capabilities.md is a copy of the snapshot");
    Ok(())
}

/// What the probe finds on the engine: once, if it is the same against every peer.
async fn cell(probe: Probe, engine: Engine, peers: &[(&str, App)]) -> String {
    let mut findings = BTreeMap::<String, Vec<&str>>::new();
    for (peer, app) in peers {
        let finding = match probe(&Bench { app, engine }).await {
            Ok(()) => "yes".to_owned(),
            Err(Shortcoming::Unsupported) => "unsupported".to_owned(),
            Err(Shortcoming::Broken(why)) => format!("broken: {why}"),
        };
        findings.entry(finding).or_default().push(peer);
    }
    let agreed = findings.len() == 1;
    let shown = findings.into_iter().map(|(finding, peers)| {
        if agreed { finding } else { format!("{finding} ({})", peers.join(", ")) }
    });
    shown.collect::<Vec<_>>().join("; ")
}

type Probe = for<'a> fn(&'a Bench<'a>) -> BoxFuture<'a, Outcome>;

const PROBES: &[(&str, Probe)] = &[
    ("events with arguments, both ways", |it| events::arguments(it).boxed()),
    ("a thousand events in order", |it| events::order(it).boxed()),
    ("events without arguments, sent", |it| events::no_arguments_sent(it).boxed()),
    ("events without arguments, received", |it| events::no_arguments_received(it).boxed()),
    ("names such as `open` and `error`, received", |it| events::awkward_names(it).boxed()),
    ("the same in upper case, received", |it| events::upper_case(it).boxed()),
    ("binary arguments, sent", |it| events::binary_sent(it).boxed()),
    ("binary arguments, received", |it| events::binary_received(it).boxed()),
    ("acks, each to its own question", |it| events::acks(it).boxed()),
    ("an ack's deadline", |it| events::ack_deadline(it).boxed()),
    ("an ack after one that never came", |it| events::ack_after_a_lost_one(it).boxed()),
    ("an ack behind one that does not come", |it| events::ack_behind_a_lost_one(it).boxed()),
    ("binary in an ack", |it| events::binary_ack(it).boxed()),
    ("answering the server's acks", |it| events::answer(it).boxed()),
    ("a responder", |it| events::respond(it).boxed()),
    ("an auth payload", |it| connecting::auth(it).boxed()),
    ("a query", |it| connecting::query(it).boxed()),
    ("headers", |it| connecting::headers(it).boxed()),
    ("a header given twice", |it| connecting::header_twice(it).boxed()),
    ("a namespace", |it| connecting::namespace(it).boxed()),
    ("a second namespace on one connection", |it| connecting::second_namespace(it).boxed()),
    ("a refused namespace, and one that does not exist", |it| connecting::refusal(it).boxed()),
    ("another path", |it| connecting::path(it).boxed()),
    ("the path `/`", |it| connecting::path_of_the_root(it).boxed()),
    ("polling", |it| connecting::polling(it).boxed()),
    ("polling, then an upgrade", |it| connecting::upgrade(it).boxed()),
    ("Engine.IO 3", |it| connecting::old_protocol(it).boxed()),
    ("MessagePack", |it| connecting::message_pack(it).boxed()),
    ("TLS", |it| connecting::tls(it).boxed()),
    ("another connector than TCP", |it| connecting::connector(it).boxed()),
    ("a server that refuses the session", |it| connecting::refused_session(it).boxed()),
    ("the socket's id", |it| control::id(it).boxed()),
    ("a disconnect by the server", |it| control::server_disconnect(it).boxed()),
    ("reconnection", |it| control::reconnection(it).boxed()),
    ("dropping the connection", |it| control::drop_connection(it).boxed()),
    ("leaving pings unanswered", |it| control::unanswered_pings(it).boxed()),
    ("pausing the reading", |it| control::pause_reading(it).boxed()),
    ("raw packets", |it| control::send_raw(it).boxed()),
    ("`expect`, and `expect_in_order`", |it| expectations::expect(it).boxed()),
    ("`fence` and `settle`", |it| expectations::fence(it).boxed()),
    ("`expect_none`, and `expect` with `times`", |it| expectations::expect_none(it).boxed()),
    ("a transcript of events", |it| control::transcript(it).boxed()),
    // The last: it waits for the ends of all others' clients.
    ("a close that leaves nothing behind", |it| control::close(it).boxed()),
];

/// A connection of rust_socketio waits 44 ms for Nagle's algorithm.
const AT_ONCE: usize = 8;
