use std::{fmt, sync::Arc};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{Context, Failure};

/// One requirement, and the conversation that shows whether a server keeps it.
///
/// ```
/// use socketio_conformance::{Case, Context, Failure, Level, Section, raw::{Session as _, WebSocket}};
///
/// async fn answers_in_unicode(ctx: Context) -> Result<(), Failure> {
///     let mut socket = WebSocket::open(&ctx).await?;
///     socket.connect("/").await?;
///     socket.send(r#"42["message","€"]"#).await?;
///     socket.expect(r#"42["message-back","€"]"#).await
/// }
///
/// let case = Case::new(
///     "own.event.answers_in_unicode",
///     Section::Events,
///     Level::Must,
///     "text is encoded in UTF-8 both ways",
///     answers_in_unicode,
/// );
/// assert_eq!(case.id(), "own.event.answers_in_unicode");
/// ```
#[derive(Clone)]
pub struct Case {
    id: &'static str,
    section: Section,
    level: Level,
    requirement: &'static str,
    run: Arc<Run>,
}

type Run = dyn Fn(Context) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync;

impl Case {
    /// A case named `id` that checks `requirement`, a sentence in the words of the specification.
    pub fn new<F, Fut>(
        id: &'static str,
        section: Section,
        level: Level,
        requirement: &'static str,
        run: F,
    ) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { id, section, level, requirement, run: Arc::new(move |ctx| Box::pin(run(ctx))) }
    }

    /// The stable name, such as `sio.event.echoes_arguments_in_order`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The part of the specification that it belongs to.
    pub fn section(&self) -> Section {
        self.section
    }

    /// How strongly the specification asks for it.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What is required.
    pub fn requirement(&self) -> &'static str {
        self.requirement
    }

    /// Holds the conversation once.
    pub async fn run(&self, ctx: Context) -> Result<(), Failure> {
        (self.run)(ctx).await
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.id)
            .field("section", &self.section)
            .field("level", &self.level)
            .field("requirement", &self.requirement)
            .finish_non_exhaustive()
    }
}

/// How strongly the specification asks for a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// The specification says MUST, or defines what goes over the wire.
    Must,
    /// The specification says SHOULD, or describes behaviour that released clients rely on.
    Should,
    /// Worth knowing; a departure is reported and does not fail the run.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Info => "INFO",
        })
    }
}

/// A part of the two specifications, in the order of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Section {
    /// Engine.IO protocol v4, "Handshake".
    Handshake,
    /// Engine.IO protocol v4, "Message" and "Packet encoding".
    Messages,
    /// Engine.IO protocol v4, "Heartbeat".
    Heartbeat,
    /// Engine.IO protocol v4, "Protocol": the close packet.
    Close,
    /// Engine.IO protocol v4, "Upgrade".
    Upgrade,
    /// Socket.IO protocol v5, "Connection to a namespace".
    Connect,
    /// Socket.IO protocol v5, "Disconnection from a namespace".
    Disconnect,
    /// Socket.IO protocol v5, "Sending and receiving data" and "Acknowledgement".
    Events,
}

impl Section {
    /// The specification, with the heading in it.
    pub fn source(self) -> &'static str {
        match self {
            Self::Handshake => "Engine.IO protocol v4, \"Handshake\"",
            Self::Messages => "Engine.IO protocol v4, \"Message\", \"Packet encoding\"",
            Self::Heartbeat => "Engine.IO protocol v4, \"Heartbeat\"",
            Self::Close => "Engine.IO protocol v4, \"Protocol\"",
            Self::Upgrade => "Engine.IO protocol v4, \"Upgrade\"",
            Self::Connect => "Socket.IO protocol v5, \"Connection to a namespace\"",
            Self::Disconnect => "Socket.IO protocol v5, \"Disconnection from a namespace\"",
            Self::Events => "Socket.IO protocol v5, \"Sending and receiving data\"",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "Engine.IO handshake",
            Self::Messages => "Engine.IO messages",
            Self::Heartbeat => "Engine.IO heartbeat",
            Self::Close => "Engine.IO close",
            Self::Upgrade => "Engine.IO upgrade",
            Self::Connect => "Socket.IO connect",
            Self::Disconnect => "Socket.IO disconnect",
            Self::Events => "Socket.IO events and acks",
        })
    }
}
