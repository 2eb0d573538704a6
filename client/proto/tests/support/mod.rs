//! A script for one connection: what comes in, what must come out, line by line.
//!
//! Every input is followed by [`Script::gives`], which drains the connection and compares all of
//! its outputs, one line each:
//!
//! | line | output |
//! |---|---|
//! | `ws 42["a"]`, `polling 1`, `ws <01ff>` | a frame sent, binary in hexadecimal |
//! | `open ws`, `pause polling`, `resume polling`, `close ws` | a request to the caller |
//! | `* event / a 7 [1] <01>` | an event: namespace, name, ack id, arguments, attachments |

#![allow(dead_code, reason = "no test file uses all of it")]

mod lines;
pub(crate) mod shown;

use std::time::{Duration, Instant};

use bytes::Bytes;
use socketio_proto::connection::{ClientConfig, Connection, Input, Output, ServerConfig, Upgrade};
use socketio_proto::engine::{Handshake, Transport};
use socketio_proto::{EncodedArgs, Error, Limits};

pub(crate) use Transport::{Polling, Websocket};

/// The open packet of a websocket session: pings every 25 s, 20 s to answer.
pub(crate) const OPEN: &str =
    r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// The open packet of a polling session that may be upgraded.
pub(crate) const OPEN_UPGRADABLE: &str = r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

pub(crate) struct Script {
    pub(crate) connection: Connection,
    pub(crate) now: Instant,
}

impl Script {
    /// A client whose transport is not open yet; its upgrade may take 10 s.
    pub(crate) fn client(transport: Transport) -> Self {
        Self::client_with(ClientConfig::new(transport))
    }

    pub(crate) fn client_with(config: ClientConfig) -> Self {
        Self { connection: Connection::client(config), now: Instant::now() }
    }

    /// A client whose websocket session is open, without a namespace.
    pub(crate) fn opened() -> Self {
        let mut script = Self::client(Websocket);
        script.websocket_opened().gives([]);
        script.ws(OPEN).gives(["* opened e"]);
        script
    }

    /// A client that is connected to the main namespace over websocket.
    pub(crate) fn connected() -> Self {
        let mut script = Self::opened();
        script.call(|client| client.connect("/", None)).gives(["ws 40"]);
        script.ws(r#"40{"sid":"s"}"#).gives(["* connected / s"]);
        script
    }

    /// A client that is connected to the main namespace over polling, and does not upgrade.
    pub(crate) fn connected_by_polling() -> Self {
        let mut config = ClientConfig::new(Polling);
        config.upgrade = Upgrade::OnRequest;
        let mut script = Self::client_with(config);
        script.call(|client| client.connect("/", None)).gives([]);
        script.body(OPEN_UPGRADABLE).gives(["* opened e", "polling 40"]);
        script.body(r#"40{"sid":"s"}"#).gives(["* connected / s"]);
        script
    }

    /// A server's session: pings every 25 s, 20 s to answer, 45 s to connect.
    pub(crate) fn server(transport: Transport) -> Self {
        Self::server_with(transport, 25_000)
    }

    pub(crate) fn server_with(transport: Transport, ping_interval: u64) -> Self {
        let now = Instant::now();
        let upgrades = match transport {
            Polling => vec!["websocket".into()],
            Websocket => vec![],
        };
        let handshake = Handshake {
            sid: "e".into(),
            upgrades,
            ping_interval,
            ping_timeout: 20_000,
            max_payload: Some(1_000_000),
        };
        let connect_timeout = Duration::from_secs(45);
        let limits = Limits::default();
        let config = ServerConfig { transport, handshake, connect_timeout, limits };
        Self { connection: Connection::server(now, config), now }
    }

    /// A server's websocket session with a client in the main namespace.
    pub(crate) fn serving() -> Self {
        let mut script = Self::server(Websocket);
        script.gives([&format!("ws {OPEN}")[..], "* opened e"]);
        script.ws("40").gives(["* connect requested /"]);
        script.call(|server| server.accept("/", "s")).gives([r#"ws 40{"sid":"s"}"#]);
        script
    }

    /// A server's polling session with a client in the main namespace and no poll pending.
    pub(crate) fn serving_by_polling() -> Self {
        let mut script = Self::server(Polling);
        script.gives(["* opened e"]);
        script.poll().gives([&format!("polling {OPEN_UPGRADABLE}")[..]]);
        script.body("40").gives(["* connect requested /"]);
        script.call(|server| server.accept("/", "s")).gives([]);
        script.poll().gives([r#"polling 40{"sid":"s"}"#]);
        script
    }

    pub(crate) fn ws(&mut self, text: &str) -> &mut Self {
        self.input(Input::Text(text))
    }

    pub(crate) fn ws_binary(&mut self, data: &[u8]) -> &mut Self {
        self.input(Input::Binary(Bytes::copy_from_slice(data)))
    }

    /// A polling body: the answer to a GET, or a POST.
    pub(crate) fn body(&mut self, body: &str) -> &mut Self {
        self.input(Input::Payload(body.as_bytes()))
    }

    /// A GET for packets comes.
    pub(crate) fn poll(&mut self) -> &mut Self {
        self.input(Input::PollRequested)
    }

    pub(crate) fn websocket_opened(&mut self) -> &mut Self {
        self.input(Input::WebsocketOpened)
    }

    pub(crate) fn polling_paused(&mut self) -> &mut Self {
        self.input(Input::PollingPaused)
    }

    pub(crate) fn lost(&mut self, transport: Transport) -> &mut Self {
        self.input(Input::Lost(transport, None))
    }

    pub(crate) fn failed(&mut self, transport: Transport, why: &str) -> &mut Self {
        self.input(Input::Lost(transport, Some(why.into())))
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> &mut Self {
        self.connection.handle_input(self.now, input);
        self
    }

    pub(crate) fn call(&mut self, call: impl FnOnce(&mut Connection)) -> &mut Self {
        call(&mut self.connection);
        self
    }

    /// Emits, and expects that the connection takes it.
    #[track_caller]
    pub(crate) fn emit(&mut self, namespace: &str, name: &str, args: EncodedArgs) -> &mut Self {
        assert_eq!(self.connection.emit(namespace, name, args), Ok(()));
        self
    }

    /// Time passes, and the caller keeps its promise to come back.
    pub(crate) fn after_ms(&mut self, milliseconds: u64) -> &mut Self {
        self.now += Duration::from_millis(milliseconds);
        self.input(Input::Tick)
    }

    /// Everything that comes out now, in order.
    #[track_caller]
    pub(crate) fn gives<const N: usize>(&mut self, expected: [&str; N]) -> &mut Self {
        let lines = self.drain();
        assert_eq!(lines, expected, "what came out (left) is not what the script says (right)");
        self
    }

    /// When the connection wants to be called again.
    #[track_caller]
    pub(crate) fn waits_ms(&mut self, expected: impl Into<Option<u64>>) -> &mut Self {
        let Output::WaitUntil(deadline) = self.connection.poll_output() else {
            assert_eq!(self.drain(), Vec::<String>::new(), "there is more to come out");
            return self;
        };
        let wait = deadline.map(|at| u64::try_from((at - self.now).as_millis()).unwrap_or(0));
        assert_eq!(wait, expected.into());
        self
    }

    pub(crate) fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| match self.connection.poll_output() {
            Output::WaitUntil(_) => None,
            output => Some(lines::line(&output)),
        })
        .collect()
    }
}

pub(crate) fn args(args: impl serde::Serialize) -> EncodedArgs {
    EncodedArgs::new(args).expect("arguments that JSON can hold")
}

/// What `Connection::emit` must answer on a namespace that is not connected.
pub(crate) fn not_connected(namespace: &str) -> Result<(), Error> {
    Err(Error::NotConnected(namespace.into()))
}

/// The bytes of a literal in hexadecimal.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2).filter_map(|at| hex.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}
