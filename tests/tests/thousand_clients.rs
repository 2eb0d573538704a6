//! A thousand clients on the reference server, and every delivery of their broadcasts accounted for.
#![expect(clippy::indexing_slicing, reason = "clients go by their numbers")]

use std::collections::HashMap;
use std::time::Duration;

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use socketio_fixtures::reference::{App, Config, start};
use socketio_harness::{
    ClientBuilder, Result, SocketIoClient, Transport, create_socketio_clients, scaled,
};
use socketio_tests::http_get_at;

const CLIENTS: usize = 1_000;
/// Each waits for all the others, on a machine that may have other things to do.
const A_CROWD_TAKES: Duration = Duration::from_secs(20);
/// Every tenth client travels by polling to the end.
const POLLING: usize = 10;
/// Those whose numbers are this far apart talk, all at once.
const BETWEEN_SENDERS: usize = 25;
/// In the second half these are gone: out of their room of tens, or altogether.
const LEFT_ROOM: std::ops::Range<usize> = 100..200;
const GONE: std::ops::Range<usize> = 200..250;

/// Each client is in two rooms, and no two rooms of different kinds have the same members.
fn tens(client: usize) -> String {
    format!("tens-{}", client % 10)
}

fn sevens(client: usize) -> String {
    format!("sevens-{}", client % 7)
}

/// What each client must receive of each sender, in the order in which it was said.
#[derive(Default)]
struct Ledger(HashMap<usize, HashMap<usize, Vec<String>>>);

impl Ledger {
    /// Notes a text of `from` for `hearers`.
    fn note(&mut self, from: usize, text: &str, hearers: impl Iterator<Item = usize>) {
        for client in hearers.filter(|client| *client != from) {
            let heard = self.0.entry(client).or_default().entry(from).or_default();
            heard.push(text.to_owned());
        }
    }

    fn deliveries(&self) -> usize {
        self.0.values().flat_map(HashMap::values).map(Vec::len).sum()
    }
}

/// Lets every sender say three numbered texts, one after the other, while all the others do the
/// same: to its room of tens, to its room of sevens, and to both, which are heard once.
async fn talk(clients: &[SocketIoClient], round: &str, ledger: &mut Ledger) -> Result {
    let is_in_tens = |client: usize| round == "first" || !LEFT_ROOM.contains(&client);
    let is_there = |client: &usize| round == "first" || !GONE.contains(client);
    let senders: Vec<usize> = (0..CLIENTS).step_by(BETWEEN_SENDERS).filter(is_there).collect();
    try_join_all(senders.iter().map(|&from| say_all(&clients[from], from, round))).await?;
    for &from in &senders {
        let tens = |client: &usize| client % 10 == from % 10 && is_in_tens(*client);
        let sevens = |client: &usize| client % 7 == from % 7;
        let all = || (0..CLIENTS).filter(is_there);
        ledger.note(from, &text(round, from, 0), all().filter(tens));
        ledger.note(from, &text(round, from, 1), all().filter(sevens));
        ledger.note(from, &text(round, from, 2), all().filter(|it| tens(it) || sevens(it)));
    }
    Ok(())
}

async fn say_all(client: &SocketIoClient, from: usize, round: &str) -> Result {
    let rooms = [json!(tens(from)), json!(sevens(from)), json!([tens(from), sevens(from)])];
    for (number, room) in rooms.into_iter().enumerate() {
        let said = client.send_with_ack("say", (&room, text(round, from, number))).await?;
        assert_eq!(said.values()[0]["room"], room, "it was said");
    }
    Ok(())
}

async fn join(client: &SocketIoClient, number: usize) -> Result {
    client.send_with_ack("join", tens(number)).await?;
    let rooms: Value = client.send_with_ack("join", sevens(number)).await?.parse()?;
    assert_eq!(rooms, json!([sevens(number), tens(number)]));
    Ok(())
}

fn text(round: &str, from: usize, number: usize) -> String {
    format!("{round} {from} {number}")
}

/// Resolves when each client has everything that was said before.
async fn fence(clients: &[SocketIoClient]) -> Result {
    let fences: Vec<_> = clients.iter().map(SocketIoClient::fence).collect();
    stream::iter(fences).buffer_unordered(64).try_collect::<()>().await?;
    Ok(())
}

/// What a client has received, by sender and in order. The texts name their senders.
fn received(client: &SocketIoClient) -> HashMap<usize, Vec<String>> {
    let mut received = HashMap::<usize, Vec<String>>::new();
    for entry in client.log().named("said") {
        let text = entry.event.args()[0]["text"].as_str().expect("a text").to_owned();
        let from = text.split(' ').nth(1).and_then(|number| number.parse().ok());
        received.entry(from.expect("a sender")).or_default().push(text);
    }
    received
}

fn travel(number: usize, client: ClientBuilder) -> ClientBuilder {
    let transport = if number % POLLING == 1 { Transport::Polling } else { Transport::Websocket };
    client.namespace("/demo").transports([transport]).timeout(scaled(A_CROWD_TAKES))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_hear_what_is_for_them_once_and_nothing_else() -> Result {
    let server = start(&Config::default(), App::Base).await.expect("a server that starts");
    let clients = create_socketio_clients(server.url(), CLIENTS).each(travel).await?;
    let joining = clients.iter().enumerate().map(|(number, client)| join(client, number));
    try_join_all(joining).await?;
    let port = server.address().port();
    let connections = async || -> usize {
        let status: Value =
            serde_json::from_str(&http_get_at(port, "/status").await).expect("the status is JSON");
        status["connections"].as_u64().and_then(|count| count.try_into().ok()).expect("a number")
    };
    assert_eq!(connections().await, CLIENTS);

    let mut ledger = Ledger::default();
    talk(&clients, "first", &mut ledger).await?;
    try_join_all(clients[LEFT_ROOM].iter().enumerate().map(async |(index, client)| {
        client.send_with_ack("leave", tens(LEFT_ROOM.start + index)).await
    }))
    .await?;
    fence(&clients[GONE]).await?;
    try_join_all(clients[GONE].iter().map(SocketIoClient::close)).await?;
    talk(&clients, "second", &mut ledger).await?;
    fence(&clients).await?;

    let nothing = HashMap::new();
    let mut deliveries = 0;
    for (number, client) in clients.iter().enumerate() {
        let received = received(client);
        assert_eq!(&received, ledger.0.get(&number).unwrap_or(&nothing), "client {number}");
        deliveries += received.values().map(Vec::len).sum::<usize>();
    }
    assert_eq!(deliveries, ledger.deliveries());
    eprintln!("{deliveries} deliveries to {CLIENTS} clients, none lost, none doubled");

    try_join_all(clients.iter().map(SocketIoClient::close)).await?;
    let gone = async { while connections().await > 0 {} };
    let gone = tokio::time::timeout(scaled(A_CROWD_TAKES), gone).await;
    assert!(gone.is_ok(), "the server still holds {} clients", connections().await);
    server.stop().await;
    Ok(())
}
