//! Two servers that share one Redis, and the same two without.
#![expect(clippy::indexing_slicing, reason = "clients and nodes go by their numbers")]

use futures::TryStreamExt;
use futures::future::try_join_all;
use serde_json::{Value, json};
use socketio_fixtures::reference::config::Adapter;
use socketio_fixtures::reference::{App, Config, Running, start};
use socketio_harness::{EventStream, Result, SocketIoClient, create_redis, create_socketio_client};
use socketio_tests::{http_get_at, in_time};

/// Two nodes with two clients each, as in the recording: clients 0 and 2 on the first node.
struct Cluster {
    nodes: [Running; 2],
    clients: Vec<SocketIoClient>,
    events: Vec<EventStream>,
}

impl Cluster {
    async fn start(adapter: Adapter) -> Result<Self> {
        let config = Config { adapter, ..Config::default() };
        let node = async || start(&config, App::Base).await.expect("a node that starts");
        let nodes = [node().await, node().await];
        let urls = [0, 1, 0, 1].map(|node: usize| nodes[node].url());
        let clients = try_join_all(urls.map(async |url| create_socketio_client(url).await)).await?;
        let events = clients.iter().map(SocketIoClient::on_any).collect();
        Ok(Self { nodes, clients, events })
    }

    async fn ask(&self, client: usize, event: &str, args: impl serde::Serialize) -> Result<Value> {
        self.clients[client].send_with_ack(event, args).await?.parse().map_err(Into::into)
    }

    /// Lets the first client say `event`, then something that reaches all of `hear`, in order:
    /// what each has received by then is all it gets.
    async fn fan(&mut self, event: &str, hear: &[usize]) -> Result<Vec<Vec<Value>>> {
        self.ask(0, event, ()).await?;
        self.ask(0, "b.except", ()).await?;
        let mut received = Vec::new();
        for client in hear {
            received.push(until_fence(&mut self.events[*client]).await?);
        }
        Ok(received)
    }

    async fn status(&self, node: usize) -> Value {
        let body = http_get_at(self.nodes[node].address().port(), "/status").await;
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    async fn stop(self) -> Result {
        try_join_all(self.clients.iter().map(SocketIoClient::close)).await?;
        for node in self.nodes {
            node.stop().await;
        }
        Ok(())
    }
}

/// The events before the fence: the arguments after the name.
async fn until_fence(events: &mut EventStream) -> Result<Vec<Value>> {
    let mut received = Vec::new();
    while let Some(event) = events.try_next().await? {
        if event.name() == "except" {
            return Ok(received);
        }
        let mut parts = vec![json!(event.name())];
        parts.extend_from_slice(event.args());
        received.push(Value::Array(parts));
    }
    Ok(received)
}

const EVERYONE: [usize; 4] = [0, 1, 2, 3];

fn only(hearers: &[usize], event: &Value) -> Vec<Vec<Value>> {
    let heard = |client: usize| hearers.contains(&client).then(|| event.clone());
    EVERYONE.map(|client| heard(client).into_iter().collect()).to_vec()
}

#[tokio::test]
async fn nodes_with_redis_are_one_server() -> Result {
    let redis = create_redis().await?;
    let mut cluster = Cluster::start(Adapter::Redis(redis.url())).await?;

    let all = json!(["all", "x"]);
    assert_eq!(cluster.fan("b.app.emit", &EVERYONE).await?, only(&EVERYONE, &all));
    let local = json!(["hi", "my lovely babies"]);
    assert_eq!(cluster.fan("b.app.local", &EVERYONE).await?, only(&[0, 2], &local));
    let others = json!(["broadcast", "hello friends! "]);
    assert_eq!(cluster.fan("b.broadcast", &EVERYONE).await?, only(&[1, 2, 3], &others));

    let ids: Vec<String> = cluster.clients.iter().map(SocketIoClient::id).collect();
    let found = cluster.ask(0, "fetch", ("game", &ids[3])).await?;
    let mut everyone = ids.clone();
    everyone.sort();
    assert_eq!(found["all"], json!(everyone), "4 of 4");
    assert_eq!(found["byId"][0]["id"], json!(ids[3]), "a client of the other node");
    let counts = cluster.ask(0, "counts", ()).await?;
    assert_eq!(counts["app.of('/').sockets.size"], 2, "of this process");

    cluster.stop().await
}

#[tokio::test]
async fn rooms_span_nodes_with_redis() -> Result {
    let redis = create_redis().await?;
    let mut cluster = Cluster::start(Adapter::Redis(redis.url())).await?;
    cluster.ask(0, "join", "game").await?;
    cluster.ask(1, "join", "game").await?;
    let ids: Vec<String> = cluster.clients.iter().map(SocketIoClient::id).collect();

    // The fence is said to all but the room; the two inside hear the end from another event.
    cluster.ask(0, "b.app.in", ()).await?;
    cluster.ask(0, "b.to", ()).await?;
    cluster.ask(0, "b.except", ()).await?;
    for client in [2, 3] {
        assert_eq!(until_fence(&mut cluster.events[client]).await?, Vec::<Value>::new());
    }
    cluster.ask(0, "b.app.emit", ()).await?;
    let mut heard = Vec::new();
    for client in [0, 1] {
        let mut names = Vec::new();
        while let Some(event) = cluster.events[client].try_next().await?
            && event.name() != "all"
        {
            names.push(event.name().to_owned());
        }
        heard.push(names);
    }
    assert_eq!(heard, [vec!["big-announcement"], vec!["big-announcement", "nice game"]]);

    let found = cluster.ask(3, "fetch", ("game", &ids[3])).await?;
    let mut members = vec![ids[0].clone(), ids[1].clone()];
    members.sort();
    assert_eq!(found["inRoom"], json!(members));

    let answering: Vec<_> =
        cluster.clients[..2].iter().map(|client| client.respond("q", |_| "ack")).collect();
    assert_eq!(cluster.ask(2, "b.ackAll", ()).await?, json!(["ack", "ack"]));
    drop(answering);
    cluster.stop().await
}

#[tokio::test]
async fn nodes_without_redis_are_strangers() -> Result {
    let mut cluster = Cluster::start(Adapter::Memory).await?;
    let all = json!(["all", "x"]);
    assert_eq!(cluster.fan("b.app.emit", &[0, 2]).await?, [[all.clone()], [all]]);
    let ids: Vec<String> = cluster.clients.iter().map(SocketIoClient::id).collect();
    let found = cluster.ask(0, "fetch", ("game", &ids[3])).await?;
    assert_eq!(found["all"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["byId"], json!([]));
    // The others hear their own fence only.
    cluster.ask(1, "b.except", ()).await?;
    for client in [1, 3] {
        assert_eq!(until_fence(&mut cluster.events[client]).await?, Vec::<Value>::new());
    }
    cluster.stop().await
}

#[tokio::test]
async fn a_redis_that_goes_and_comes_back_costs_only_what_was_said_meanwhile() -> Result {
    let redis = create_redis().await?;
    let mut cluster = Cluster::start(Adapter::Redis(redis.url())).await?;
    let all = json!(["all", "x"]);
    assert_eq!(cluster.fan("b.app.emit", &EVERYONE).await?, only(&EVERYONE, &all));

    redis.stop().await?;
    // The clients of the same node hear it; the caller is told that nobody else does.
    assert_eq!(cluster.fan("b.app.emit", &[0, 2]).await?, [[all.clone()], [all.clone()]]);
    let said = cluster.ask(0, "b.app.local", ()).await?;
    assert_eq!(said, Value::Null, "what is local is not affected");
    let failed = cluster.ask(0, "b.except", ()).await?;
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("only the clients of this process were reached"), "{failed}");
    let status = cluster.status(0).await;
    assert_eq!(status["redis"], json!({ "connected": false, "lost": 3, "missed": 0 }));
    // Redis stays away, so an answer proves that nobody waits for it.
    let failed = cluster.ask(0, "fetch", ("game", "nobody")).await?;
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("Redis cannot be reached"), "{failed}");
    for client in [0, 2] {
        let local = json!(["hi", "my lovely babies"]);
        assert_eq!(until_fence(&mut cluster.events[client]).await?, [local]);
    }

    redis.start().await?;
    let back = async {
        for node in [0, 1] {
            while cluster.status(node).await["redis"]["connected"] != true {
                tokio::task::yield_now().await;
            }
        }
    };
    let back = in_time(back).await;
    assert!(back.is_ok(), "{} {}", cluster.status(0).await, cluster.status(1).await);
    assert_eq!(cluster.fan("b.app.emit", &EVERYONE).await?, only(&EVERYONE, &all));
    let counted = json!({ "connected": true, "lost": 3, "missed": 0 });
    assert_eq!(cluster.status(0).await["redis"], counted, "nothing more was lost");
    let counted = json!({ "connected": true, "lost": 0, "missed": 3 });
    assert_eq!(cluster.status(1).await["redis"], counted, "the other node knows, too");
    cluster.stop().await
}

#[tokio::test]
async fn a_cluster_without_its_redis_does_not_start() {
    let adapter = Adapter::Redis("redis://127.0.0.1:1".into());
    let config = Config { adapter, ..Config::default() };
    let error = start(&config, App::Base).await.expect_err("nobody listens there").to_string();
    assert!(error.contains("cannot join the cluster"), "{error}");
}
