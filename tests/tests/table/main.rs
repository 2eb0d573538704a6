//! Every option and method of the client, against every peer, on every transport, with both parsers.
//!
//! A row tries some of them against the server of its column, and asks that server what it saw (the
//! peers' event `handshake`). That no option and no method is left out is checked, too.

mod completeness;
mod cookies;
mod rows;

use std::fmt::Write;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use rstest::rstest;
use serde_json::Value;
use socketio_fixtures::peer;
use socketio_harness::{
    App, ClientBuilder, IntoTarget, Parser, Result, SocketIoClient, close, create_app,
    create_socketio_client,
};
use socketio_tests::{Peer, Via, node_peer, python_peer};

/// A column of the table.
#[derive(Debug)]
struct Column {
    peer: Peer,
    via: Via,
    parser: Parser,
    app: App,
}

impl Column {
    async fn boot(peer: Peer, via: Via, parser: Parser) -> Result<Self> {
        let app = match (peer, parser) {
            (Peer::Rust, Parser::MessagePack) => create_app(peer::message_pack()).await?,
            (Peer::Rust, _) => create_app(peer::router()).await?,
            (Peer::Python, _) => {
                let python = python_peer("peer.py").env("COOKIE", "1");
                create_app(python.env("PARSER", name(parser))).await?
            }
            (Peer::Node, _) => {
                let node = node_peer("peer.js").env("COOKIE", "1").env("ALLOW_EIO3", "1");
                create_app(node.env("PARSER", name(parser))).await?
            }
        };
        Ok(Self { peer, via, parser, app })
    }

    /// A client of the column's server.
    fn client(&self) -> ClientBuilder {
        self.client_of(&self.app)
    }

    /// A client as the column has it, of another server.
    fn client_of(&self, target: impl IntoTarget) -> ClientBuilder {
        create_socketio_client(target).transports(self.via.transports()).parser(self.parser)
    }

    /// The packet `["message","by hand"]`, by hand.
    fn packet(&self) -> socketio_harness::RawPacket {
        match self.parser {
            Parser::MessagePack => {
                let packet = b"\x83\xa4type\x02\xa4data\x92\xa7message\xa7by hand\xa3nsp\xa1/";
                Bytes::from_static(packet).into()
            }
            _ => r#"42["message","by hand"]"#.into(),
        }
    }
}

fn name(parser: Parser) -> &'static str {
    if parser == Parser::MessagePack { "msgpack" } else { "json" }
}

/// What the server saw of a client's handshake.
async fn handshake(client: &SocketIoClient) -> Result<Value> {
    Ok(client.send_with_ack("handshake", ()).await?.parse()?)
}

/// A field of what the server saw, by its path.
#[track_caller]
fn sees(seen: &Value, path: &str, expected: impl Into<Value>) {
    assert_eq!(seen.pointer(path), Some(&expected.into()), "{path} of {seen}");
}

/// Tries some options and methods.
struct Row {
    covers: &'static [&'static str],
    attempt: for<'a> fn(&'a Column) -> BoxFuture<'a, Result>,
}

#[rstest]
#[case::rust(Peer::Rust, Parser::Default)]
#[case::rust_message_pack(Peer::Rust, Parser::MessagePack)]
#[case::node(Peer::Node, Parser::Default)]
#[case::node_message_pack(Peer::Node, Parser::MessagePack)]
#[case::python(Peer::Python, Parser::Default)]
#[case::python_message_pack(Peer::Python, Parser::MessagePack)]
#[tokio::test]
async fn every_row_holds(
    #[case] peer: Peer,
    #[case] parser: Parser,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let column = Column::boot(peer, via, parser).await?;
    let mut failures = String::new();
    for Row { covers, attempt } in rows::ROWS {
        let attempt = std::panic::AssertUnwindSafe(attempt(&column)).catch_unwind();
        let why = match attempt.await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked; see above".to_owned(),
        };
        writeln!(failures, "{}: {why}", covers.join(", ")).expect("memory");
    }
    assert!(failures.is_empty(), "{peer:?}, {via:?}, {parser:?}:\n{failures}");
    close(column.app).await
}
