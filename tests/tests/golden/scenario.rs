//! What was recorded, and where the reference server is to differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use socketio_fixtures::reference::App;
use socketio_fixtures::reference::config::{Config, Transport};

/// A recorded conversation.
#[derive(Debug, Deserialize)]
pub(crate) struct Scenario {
    #[serde(rename = "scenario")]
    pub(crate) name: String,
    server: Server,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Server {
    fixture: String,
    #[serde(rename = "socketIO")]
    options: Value,
}

/// How a client connects.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Client {
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    pub(crate) options: Value,
}

impl Client {
    /// The namespace it asks for. The original's wrapper takes it as an option.
    pub(crate) fn namespace(&self) -> &str {
        let wrapped = self.options.get("namespace").and_then(Value::as_str);
        self.namespace.as_deref().or(wrapped).unwrap_or("/")
    }
}

/// Something that was done, and what came of it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Step {
    pub(crate) n: u32,
    #[serde(rename = "do")]
    pub(crate) action: Value,
    #[serde(default)]
    pub(crate) timeline: Vec<Value>,
    #[serde(default)]
    pub(crate) received: BTreeMap<String, Value>,
    pub(crate) result: Option<Value>,
}

/// A step that ends otherwise here, and the row of the table that says why.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    pub(crate) scenario: String,
    pub(crate) step: u32,
    pub(crate) reason: String,
    timeline: Vec<Value>,
    result: Option<Value>,
}

impl Scenario {
    /// Reads a recording, with the deviations in the place of what was recorded.
    pub(crate) fn load(name: &str) -> Self {
        let mut scenario: Self = read(&format!("{name}.json"));
        for deviation in deviations().into_iter().filter(|deviation| deviation.scenario == name) {
            let step = scenario.step_mut(deviation.step);
            step.timeline = deviation.timeline;
            step.result = deviation.result;
        }
        scenario
    }

    /// The same without the deviations.
    pub(crate) fn recorded(name: &str) -> Self {
        read(&format!("{name}.json"))
    }

    pub(crate) fn step(&self, n: u32) -> &Step {
        self.steps.iter().find(|step| step.n == n).expect("the recording has the step")
    }

    fn step_mut(&mut self, n: u32) -> &mut Step {
        self.steps.iter_mut().find(|step| step.n == n).expect("the recording has the step")
    }

    /// The application the server ran.
    pub(crate) fn app(&self) -> App {
        match self.server.fixture.rsplit('/').next() {
            Some("base") => App::Base,
            Some("mw") => App::Middleware,
            Some("nsregex") => App::Namespaces,
            Some("attach") => App::Attached,
            Some("filter") => App::Filters,
            other => panic!("no application is called {other:?}"),
        }
    }

    /// The server's options.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        if let Some(path) = self.server.options["path"].as_str() {
            path.clone_into(&mut config.path);
        }
        if self.server.options["transports"] == json!(["websocket"]) {
            config.transports = vec![Transport::Websocket];
        }
        if let Some(milliseconds) = self.server.options["connectTimeout"].as_u64() {
            config.connect_timeout = std::time::Duration::from_millis(milliseconds);
        }
        config
    }

    /// The clients that take part without a step that connects them.
    pub(crate) fn present(&self) -> Vec<&str> {
        let connected_later: BTreeSet<_> = self
            .steps
            .iter()
            .flat_map(|step| &step.timeline)
            .filter(|entry| matches!(entry["recv"].as_str(), Some("(connect)" | "(connect_error)")))
            .filter_map(|entry| entry["at"].as_str())
            .collect();
        self.clients
            .keys()
            .map(String::as_str)
            .filter(|name| !connected_later.contains(name))
            .collect()
    }
}

impl Step {
    /// The lines the server noted.
    pub(crate) fn trace(&self) -> Vec<&str> {
        let server = self.timeline.iter().filter(|entry| entry["at"] == "server");
        server.filter_map(|entry| entry["log"].as_str()).collect()
    }

    /// The clients that are looked at.
    pub(crate) fn watched(&self) -> BTreeSet<String> {
        let acting = self.timeline.iter().filter_map(|entry| entry["at"].as_str());
        let acting = acting.filter(|name| *name != "server").map(str::to_owned);
        self.received.keys().cloned().chain(acting).collect()
    }

    /// Whether an ack is asked for, and none comes.
    pub(crate) fn is_never_acked(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.get("noAckWithinMs").is_some())
    }

    /// What a client received: `[event, ..args]`, or what happened to it.
    pub(crate) fn seen_by(&self, client: &str) -> Vec<Value> {
        let seen = self.timeline.iter().filter(|entry| entry["at"] == client);
        seen.filter_map(|entry| {
            let mut list = vec![entry.get("recv")?.clone()];
            list.extend(
                ["reason", "error", "data"].iter().filter_map(|key| entry.get(key)).cloned(),
            );
            list.extend(entry["args"].as_array().into_iter().flatten().cloned());
            Some(Value::Array(list))
        })
        .collect()
    }
}

/// Everything in which the reference server differs from what was recorded.
pub(crate) fn deviations() -> Vec<Deviation> {
    read("deviations.json")
}

/// A file of `fixtures/golden`.
pub(crate) fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "golden", file].iter().collect()
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
