use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use socketio_harness::{App, scaled};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Ticket;
use crate::scenario::Client;

/// Clients of socket.io-client, in a process of Node that does what it is told line by line.
pub(crate) struct Official {
    _process: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    open: BTreeMap<String, String>,
    tickets: usize,
}

impl Official {
    pub(crate) fn start() -> Self {
        let folder: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "peers", "node"].iter().collect();
        let installed = folder.join("node_modules");
        assert!(installed.exists(), "{} is missing: run ./tests/run", installed.display());
        let mut process = Command::new("node")
            .arg("player.js")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is installed: run ./tests/run, which installs it");
        let orders = process.stdin.take().expect("stdin is a pipe");
        let answers = BufReader::new(process.stdout.take().expect("stdout is a pipe")).lines();
        Self { _process: process, orders, answers, open: BTreeMap::new(), tickets: 0 }
    }

    async fn order(&mut self, order: Value) -> Value {
        let work = async {
            self.orders.write_all(format!("{order}\n").as_bytes()).await?;
            self.answers.next_line().await
        };
        // Longer than the program itself waits for anything.
        let answer = timeout(scaled(Duration::from_secs(15)), work).await;
        let line = answer.expect("the program answers in time").expect("the program lives");
        let line = line.unwrap_or_else(|| panic!("the program has ended at {order}"));
        let answer: Value = serde_json::from_str(&line).expect("the program answers in JSON");
        assert!(answer.get("failed").is_none(), "{order}: {answer}");
        answer
    }

    pub(crate) async fn connect(&mut self, name: &str, app: &App, client: &Client) {
        let mut options = json!({ "transports": ["websocket"] });
        if let (Some(options), Some(own)) = (options.as_object_mut(), client.options.as_object()) {
            options.extend(own.clone());
            // Of the original's server.
            options.remove("port");
        }
        let namespace = client.namespace();
        let url = format!("http://127.0.0.1:{}{namespace}", app.port());
        let order = json!({ "do": "connect", "name": name, "url": url, "options": options });
        let answer = self.order(order).await;
        self.joined(name, &answer);
    }

    pub(crate) async fn open(&mut self, name: &str, over: &str, namespace: &str) {
        let order = json!({ "do": "open", "name": name, "over": over, "namespace": namespace });
        let answer = self.order(order).await;
        self.joined(name, &answer);
    }

    fn joined(&mut self, name: &str, answer: &Value) {
        if let Some(id) = answer["id"].as_str() {
            self.open.insert(name.to_owned(), id.to_owned());
        }
    }

    pub(crate) async fn emit(&mut self, name: &str, event: &str, args: &[Value]) {
        self.order(json!({ "do": "emit", "name": name, "event": event, "args": args })).await;
    }

    pub(crate) async fn emit_with_ack(
        &mut self,
        name: &str,
        event: &str,
        args: &[Value],
    ) -> Ticket {
        let ticket = self.tickets;
        self.tickets += 1;
        let order =
            json!({ "do": "emit", "name": name, "event": event, "args": args, "ack": ticket });
        self.order(order).await;
        Ticket(ticket)
    }

    pub(crate) async fn ack(&mut self, Ticket(ticket): Ticket) -> Value {
        self.order(json!({ "do": "ack", "ack": ticket })).await["args"].take()
    }

    pub(crate) async fn ack_so_far(&mut self, Ticket(ticket): Ticket) -> Option<Value> {
        self.order(json!({ "do": "ackSoFar", "ack": ticket })).await.get("args").cloned()
    }

    pub(crate) async fn wait_for(&mut self, name: &str, count: usize) {
        self.order(json!({ "do": "wait", "name": name, "count": count })).await;
    }

    pub(crate) async fn fence(&mut self, name: &str) {
        if self.open.contains_key(name) {
            self.order(json!({ "do": "fence", "name": name })).await;
        }
    }

    pub(crate) async fn take(&mut self, name: &str) -> Vec<Value> {
        let mut answer = self.order(json!({ "do": "take", "name": name })).await;
        let seen = answer["seen"].take();
        seen.as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn close(&mut self, name: &str) {
        if self.open.remove(name).is_some() {
            self.order(json!({ "do": "close", "name": name })).await;
        }
    }

    pub(crate) fn ids(&self) -> Vec<(String, String)> {
        self.open.clone().into_iter().collect()
    }
}
