#![expect(clippy::unused_async, reason = "orders to the official client have to be awaited")]

use std::collections::BTreeMap;

use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use socketio_harness::{
    AckFuture, App, ClientError, Event, EventStream, Responder, SocketIoClient, Transport,
    create_socketio_client,
};

use super::Ticket;
use crate::scenario::Client;
use crate::values::{Arguments, recorded};

/// Clients of the toolkit.
#[derive(Default)]
pub(crate) struct Toolkit {
    clients: BTreeMap<String, Playing>,
    acks: Vec<Option<AckFuture>>,
}

/// A client, or what is left of it.
#[derive(Default)]
struct Playing {
    open: Option<Open>,
    seen: Vec<Value>,
}

struct Open {
    client: SocketIoClient,
    events: EventStream,
    /// Answers while it lives.
    #[expect(dead_code, reason = "held, not used")]
    answers: Responder,
}

impl Toolkit {
    pub(crate) async fn connect(&mut self, name: &str, app: &App, client: &Client) {
        let transports = client.options["transports"].as_array().map_or_else(
            || vec![Transport::Websocket],
            |names| names.iter().map(transport).collect(),
        );
        let path = client.options["path"].as_str().unwrap_or("/socket.io");
        let first = transports.first().copied();
        let mut builder = create_socketio_client(app).path(path).transports(transports);
        builder = builder.namespace(client.namespace());
        if let Some(auth) = client.options.get("auth") {
            builder = builder.auth(auth);
        }
        let connected = builder.await;
        if let Err(ClientError::NotSocketIo { .. } | ClientError::SessionRefused { .. }) = connected
        {
            // In the words of the official client.
            let error = match first {
                Some(Transport::Polling) => "xhr poll error",
                _ => "websocket error",
            };
            let playing = self.clients.entry(name.to_owned()).or_default();
            playing.seen.push(json!(["(connect_error)", error]));
            return;
        }
        self.joined(name, connected);
    }

    pub(crate) async fn open(&mut self, name: &str, over: &str, namespace: &str) {
        let connected = self.client(over).of(namespace).await;
        self.joined(name, connected);
    }

    fn joined(&mut self, name: &str, connected: Result<SocketIoClient, ClientError>) {
        let playing = self.clients.entry(name.to_owned()).or_default();
        match connected {
            Ok(client) => {
                let answer = format!("ack from {name}");
                let answers = client.respond("q", move |_| answer.clone());
                let answers = answers.expect("the engine can answer");
                let events = client.on_any();
                playing.open = Some(Open { client, events, answers });
                playing.seen.push(json!(["(connect)"]));
            }
            Err(ClientError::InvalidNamespace { .. }) => {
                playing.seen.push(json!(["(connect_error)", "Invalid namespace"]));
            }
            Err(ClientError::ConnectError { message, data, .. }) => {
                let mut error = vec![json!("(connect_error)"), json!(message)];
                error.extend(data);
                playing.seen.push(error.into());
            }
            Err(other) => panic!("{name} was not refused, but failed to connect: {other}"),
        }
    }

    pub(crate) async fn emit(&mut self, name: &str, event: &str, args: &[Value]) {
        self.client(name).send(event, Arguments(args)).expect("the client is connected");
    }

    pub(crate) async fn emit_with_ack(
        &mut self,
        name: &str,
        event: &str,
        args: &[Value],
    ) -> Ticket {
        let ack = self.client(name).send_with_ack(event, Arguments(args));
        self.acks.push(Some(ack));
        Ticket(self.acks.len() - 1)
    }

    pub(crate) async fn ack(&mut self, Ticket(number): Ticket) -> Value {
        let ack = self.acks.get_mut(number).and_then(Option::take).expect("an ack awaited once");
        let args = ack.await.expect("the server acks");
        recorded(args.values(), args.attachments()).into()
    }

    pub(crate) async fn ack_so_far(&mut self, Ticket(number): Ticket) -> Option<Value> {
        let ack = self.acks.get_mut(number).and_then(Option::take).expect("an ack awaited once");
        let args = ack.now_or_never()?.expect("the server acks");
        Some(recorded(args.values(), args.attachments()).into())
    }

    pub(crate) async fn wait_for(&mut self, name: &str, count: usize) {
        let Some(playing) = self.clients.get_mut(name) else { return };
        let Some(open) = &mut playing.open else { return };
        while playing.seen.len() < count {
            // What does not come is told by the comparison.
            match open.events.next().await {
                Ok(event) => playing.seen.push(entry(&event)),
                Err(ClientError::Disconnected { reason, .. }) => {
                    playing.seen.push(json!(["(disconnect)", reason.name()]));
                    playing.open = None;
                    return;
                }
                Err(_) => return,
            }
        }
    }

    pub(crate) async fn fence(&mut self, name: &str) {
        let Some(Playing { open: Some(open), .. }) = self.clients.get(name) else { return };
        let refused = open.client.of("/a-fence").await;
        assert!(
            matches!(refused, Err(ClientError::InvalidNamespace { .. })),
            "the server answers {name}: {refused:?}"
        );
    }

    pub(crate) async fn take(&mut self, name: &str) -> Vec<Value> {
        let Some(playing) = self.clients.get_mut(name) else { return Vec::new() };
        if let Some(open) = &mut playing.open {
            while let Some(Some(Ok(event))) = StreamExt::next(&mut open.events).now_or_never() {
                playing.seen.push(entry(&event));
            }
        }
        std::mem::take(&mut playing.seen)
    }

    pub(crate) async fn close(&mut self, name: &str) {
        let Some(playing) = self.clients.get_mut(name) else { return };
        let Some(open) = playing.open.take() else { return };
        open.client.close().await.expect("the client closes");
        let reason = open.client.disconnected().await.expect("the client is closed");
        playing.seen.push(json!(["(disconnect)", reason.name()]));
    }

    pub(crate) fn ids(&self) -> Vec<(String, String)> {
        let open =
            self.clients.iter().filter_map(|(name, playing)| Some((name, playing.open.as_ref()?)));
        open.map(|(name, open)| (name.clone(), open.client.id())).collect()
    }

    fn client(&self, name: &str) -> &SocketIoClient {
        let open = self.clients.get(name).and_then(|playing| playing.open.as_ref());
        &open.unwrap_or_else(|| panic!("{name} is not connected")).client
    }
}

fn entry(event: &Event) -> Value {
    let mut list = vec![json!(event.name())];
    list.extend(recorded(event.args(), event.attachments()));
    list.into()
}

fn transport(name: &Value) -> Transport {
    match name.as_str() {
        Some("polling") => Transport::Polling,
        _ => Transport::Websocket,
    }
}
