//! Outputs as the lines that scripts expect.

use std::fmt::Write as _;

use socketio_proto::Args;
use socketio_proto::connection::{Event, Output};
use socketio_proto::engine::{Frame, Transport};
use socketio_proto::socket::Packet;

pub(super) fn line(output: &Output) -> String {
    match output {
        Output::Send(transport, Frame::Text(text)) => format!("{} {text}", short(*transport)),
        Output::Send(transport, Frame::Binary(data)) => {
            format!("{} {}", short(*transport), hex(data))
        }
        Output::OpenWebsocket => "open ws".into(),
        Output::PausePolling => "pause polling".into(),
        Output::ResumePolling => "resume polling".into(),
        Output::CloseTransport(transport) => format!("close {}", short(*transport)),
        Output::Event(event) => format!("* {}", event_line(event)),
        Output::WaitUntil(_) => "wait".into(),
    }
}

fn event_line(event: &Event) -> String {
    match event {
        Event::Opened(handshake) => format!("opened {}", handshake.sid),
        Event::Upgraded => "upgraded".into(),
        Event::UpgradeFailed(why) => format!("upgrade failed: {why}"),
        Event::Connected { namespace, sid, .. } => format!("connected {namespace} {sid}"),
        Event::ConnectError { namespace, payload } => {
            format!("connect error {namespace} {payload}")
        }
        Event::ConnectRequested { namespace, query, auth } => {
            let query = query.as_ref().map(|query| format!(" ?{query}")).unwrap_or_default();
            let auth = auth.as_ref().map(|auth| format!(" {auth}")).unwrap_or_default();
            format!("connect requested {namespace}{query}{auth}")
        }
        Event::Event { namespace, id, name, args } => {
            let id = id.map(|id| format!(" {id}")).unwrap_or_default();
            format!("event {namespace} {name}{id} {}", args_line(args))
        }
        Event::Ack { namespace, id, args } => format!("ack {namespace} {id} {}", args_line(args)),
        Event::Stray(packet) => format!("stray {}", packet_line(packet)),
        Event::Disconnected { namespace, reason } => format!("disconnected {namespace}: {reason}"),
        Event::Closed(reason) => format!("closed: {reason}"),
    }
}

fn packet_line(packet: &Packet) -> String {
    let rest = match packet {
        Packet::Connect { payload: Some(payload), .. } | Packet::ConnectError { payload, .. } => {
            format!(" {payload}")
        }
        Packet::Event { name, args, .. } => format!(" {name} {}", args_line(args)),
        Packet::Ack { id, args, .. } => format!(" {id} {}", args_line(args)),
        Packet::Connect { .. } | Packet::Disconnect { .. } => String::new(),
    };
    format!("{} {}{rest}", packet.name(), packet.namespace())
}

fn args_line(args: &Args) -> String {
    let json = serde_json::Value::from(args.values().to_vec()).to_string();
    args.attachments().iter().fold(json, |line, data| format!("{line} {}", hex(data)))
}

fn short(transport: Transport) -> &'static str {
    match transport {
        Transport::Websocket => "ws",
        Transport::Polling => "polling",
    }
}

fn hex(data: &[u8]) -> String {
    let digits = data.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    format!("<{digits}>")
}
