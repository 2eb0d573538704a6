//! Acts out a recording, and compares.

use std::ops::RangeInclusive;
use std::time::Duration;

use assert_json_diff::assert_json_eq;
use serde_json::{Value, json};
use socketio_fixtures::reference::{Reference, build};
use socketio_harness::{App, Result, close, create_app, scaled};
use socketio_tests::http_answer;
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;

use crate::player::{Kind, Player};
use crate::scenario::{Client, Scenario, Step};
use crate::values::{replaced, with_ids_in_order};

/// What is done in a step.
pub(crate) enum Action {
    Emit {
        client: String,
        event: String,
        args: Vec<Value>,
        ack: bool,
    },
    Connect(Vec<String>),
    /// Connects clients that share one connection: name and namespace of each.
    Share(Vec<(&'static str, &'static str)>),
    /// Connects a client over another's connection.
    Open {
        name: &'static str,
        over: &'static str,
        namespace: &'static str,
    },
    Close(Vec<String>),
    /// What server code finds out.
    Ask(fn(&SocketIo) -> Value),
    /// A plain request, outside Socket.IO.
    Get(&'static str),
}

impl Action {
    pub(crate) fn emit(client: &str, event: &str, args: &Value) -> Self {
        let args = args.as_array().cloned().unwrap_or_default();
        Self::Emit { client: client.into(), event: event.into(), args, ack: false }
    }

    pub(crate) fn emit_with_ack(client: &str, event: &str, args: &Value) -> Self {
        match Self::emit(client, event, args) {
            Self::Emit { client, event, args, .. } => Self::Emit { client, event, args, ack: true },
            other => other,
        }
    }

    /// What the recording says was done, where a machine can read it.
    fn of(step: &Step) -> Self {
        let action = &step.action;
        if let (Some(client), Some(event)) = (action["client"].as_str(), action["emit"].as_str()) {
            let args = action.get("args").cloned().unwrap_or_else(|| json!([]));
            return if action["ack"] == true {
                Self::emit_with_ack(client, event, &args)
            } else {
                Self::emit(client, event, &args)
            };
        }
        let words: Vec<_> = action.as_str().unwrap_or_default().split_whitespace().collect();
        match words.as_slice() {
            ["connect", name, ..] => Self::Connect(vec![(*name).into()]),
            ["close", one, "and", other] => Self::Close(vec![(*one).into(), (*other).into()]),
            ["close", name] | ["client", name, "closes"] => Self::Close(vec![(*name).into()]),
            _ => panic!("step {} is told in words: the test has to say what to do", step.n),
        }
    }
}

/// A server with the clients of a recording.
pub(crate) struct Stage {
    scenario: Scenario,
    reference: Reference,
    app: App,
    player: Player,
    /// The ids of all clients there ever were, and their placeholders.
    ids: Vec<(String, String)>,
}

impl Stage {
    /// Starts the server, and connects the clients that take part from the beginning.
    pub(crate) async fn set(name: &str, clients: Kind) -> Result<Self> {
        let scenario = Scenario::load(name);
        let config = scenario.config();
        let reference = build::<LocalAdapter>(&config, (), scenario.app());
        let app = create_app(reference.router.clone()).path(&config.path).await?;
        let player = Player::new(clients);
        let mut stage = Self { scenario, reference, app, player, ids: Vec::new() };
        let present = stage.scenario.present().into_iter().filter(|name| stage.takes_part(name));
        let present: Vec<_> = present.map(str::to_owned).collect();
        for name in present {
            stage.connect(&name).await;
            stage.player.take(&name).await;
        }
        Ok(stage)
    }

    /// Whether a client is there from the first step on.
    fn takes_part(&self, name: &str) -> bool {
        self.scenario.steps.first().is_some_and(|step| step.received.contains_key(name))
    }

    async fn connect(&mut self, name: &str) {
        let client = self.scenario.clients.get(name).cloned().unwrap_or_default();
        self.player.connect(name, &self.app, &client).await;
        self.note_ids();
    }

    fn note_ids(&mut self) {
        for (name, id) in self.player.ids() {
            let pair = (id, format!("<id:{name}>"));
            if !self.ids.contains(&pair) {
                self.ids.push(pair);
            }
        }
    }

    /// Acts out some steps as the recording tells them.
    pub(crate) async fn steps(&mut self, steps: RangeInclusive<u32>) {
        for n in steps {
            let action = Action::of(self.scenario.step(n));
            self.step(n, action).await;
        }
    }

    /// Acts out a step that the recording tells in words.
    pub(crate) async fn step(&mut self, n: u32, action: Action) {
        let step = self.scenario.step(n).clone();
        let mut ack = None;
        let mut found = None;
        let mut actor = None;
        match action {
            Action::Emit { client, event, args, ack: wants_ack } => {
                let back: Vec<_> =
                    self.ids.iter().map(|(id, name)| (name.clone(), id.clone())).collect();
                let args: Vec<_> = args.iter().map(|arg| replaced(arg, &back)).collect();
                if wants_ack {
                    ack = Some(self.player.emit_with_ack(&client, &event, &args).await);
                } else {
                    self.player.emit(&client, &event, &args).await;
                }
                actor = Some(client);
            }
            Action::Connect(names) => {
                for name in names {
                    self.connect(&name).await;
                }
            }
            Action::Share(clients) => self.share(clients).await,
            Action::Open { name, over, namespace } => {
                self.player.open(name, over, namespace).await;
                self.note_ids();
            }
            Action::Close(names) => {
                for name in names {
                    self.player.close(&name).await;
                }
            }
            Action::Ask(ask) => found = Some(ask(&self.reference.io)),
            Action::Get(path) => found = Some(get(&self.app, path).await),
        }
        if let Some(ack) = ack {
            if step.is_never_acked() {
                self.settle(&step, actor.as_deref()).await;
                let acked = self.player.ack_so_far(ack).await;
                assert_eq!(acked, None, "step {n} of {}: no ack", self.scenario.name);
            } else {
                found = Some(json!({ "ackArgs": self.player.ack(ack).await }));
            }
        }
        self.settle(&step, actor.as_deref()).await;
        self.compare(&step, found).await;
    }

    async fn share(&mut self, clients: Vec<(&'static str, &'static str)>) {
        let mut first = None;
        for (name, namespace) in clients {
            match first {
                None => {
                    let client = Client { namespace: Some(namespace.into()), ..Client::default() };
                    self.player.connect(name, &self.app, &client).await;
                    first = Some(name);
                }
                Some(over) => self.player.open(name, over, namespace).await,
            }
        }
        self.note_ids();
    }

    /// Waits for what is to come, and then until nothing else can: an answer to the one who acted
    /// shows that the server has handled what came before, an answer to each of the others that it
    /// has received what was sent to it. Test and server share a thread, so that work the server
    /// has left to another task is done in between.
    async fn settle(&mut self, step: &Step, actor: Option<&str>) {
        self.trace_has(step.trace().len()).await;
        for name in &step.watched() {
            self.player.wait_for(name, step.seen_by(name).len()).await;
        }
        let others = self.player.ids().into_iter().map(|(name, _)| name);
        let fenced: Vec<_> = actor.map(str::to_owned).into_iter().chain(others).collect();
        for name in fenced {
            self.player.fence(&name).await;
        }
    }

    async fn trace_has(&self, lines: usize) {
        // What does not come is told by the comparison.
        let limit = scaled(Duration::from_secs(5));
        tokio::time::timeout(limit, self.reference.trace.has(lines)).await.ok();
    }

    async fn compare(&mut self, step: &Step, found: Option<Value>) {
        let trace = self.reference.trace.take();
        let mut seen = serde_json::Map::new();
        let mut expected = serde_json::Map::new();
        for name in &step.watched() {
            seen.insert(name.clone(), self.player.take(name).await.into());
            expected.insert(name.clone(), step.seen_by(name).into());
        }
        let (result, expected_result) = results(step, found);
        let action = format!("{}, step {}: {}", self.scenario.name, step.n, step.action);
        let happened =
            json!({ "step": action, "server": trace, "clients": seen, "result": result });
        let recorded = json!({
            "step": action,
            "server": step.trace(),
            "clients": expected,
            "result": expected_result,
        });
        assert_json_eq!(
            with_ids_in_order(replaced(&happened, &self.ids)),
            with_ids_in_order(recorded)
        );
    }

    /// Whether a client has been let in.
    pub(crate) fn is_connected(&self, name: &str) -> bool {
        self.player.ids().iter().any(|(connected, _)| connected == name)
    }

    /// The io object of the server.
    pub(crate) fn io(&self) -> &SocketIo {
        &self.reference.io
    }

    /// The server.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Closes the server under its clients, and tells what each of them then received.
    pub(crate) async fn close_under_clients(mut self) -> Result<Vec<(String, Vec<Value>)>> {
        let names: Vec<_> = self.player.ids().into_iter().map(|(name, _)| name).collect();
        close(self.app).disconnect_clients().await?;
        let mut seen = Vec::new();
        for name in names {
            self.player.wait_for(&name, 1).await;
            seen.push((name.clone(), self.player.take(&name).await));
        }
        Ok(seen)
    }

    /// Takes everything down.
    pub(crate) async fn strike(mut self) -> Result {
        self.player.leave().await;
        close(self.app).await
    }
}

/// What came of a step beside events, and what was to come. A sentence of the recording may name
/// the ack's arguments, or the one argument, alone.
fn results(step: &Step, found: Option<Value>) -> (Value, Value) {
    let recorded = match &step.result {
        Some(result) if !step.is_never_acked() => result.clone(),
        _ => Value::Null,
    };
    let Some(found) = found else { return (Value::Null, Value::Null) };
    match found.get("ackArgs") {
        Some(args) if recorded.get("ackArgs").is_none() => {
            let alone = if recorded.is_array() { args.clone() } else { args[0].clone() };
            (alone, recorded)
        }
        _ if recorded.is_number() => (found["status"].clone(), recorded),
        _ => (found, recorded),
    }
}

/// Status and body of a plain GET.
async fn get(app: &App, path: &str) -> Value {
    let answer = http_answer(app.port(), path).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer has a head");
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse::<u16>().ok());
    json!({ "status": status, "body": body })
}
