//! The rows: which options and methods each tries, and how.

mod control;
mod expectations;
mod methods;
mod options;

use futures::FutureExt;

use crate::Row;

macro_rules! rows {
    ($($module:ident :: $attempt:ident: $($covers:literal),+;)+) => {
        &[$(Row {
            covers: &[$($covers),+],
            attempt: |column| $module::$attempt(column).boxed(),
        }),+]
    };
}

pub(crate) const ROWS: &[Row] = rows! {
    options::query_headers_and_auth:
        "ClientBuilder::query", "ClientBuilder::header", "ClientBuilder::auth";
    options::none: "SocketIoClient::connected", "SocketIoClient::id";
    options::names: "ClientBuilder::name", "SocketIoClient::name";
    options::namespaces:
        "ClientBuilder::namespace", "SocketIoClient::namespace", "SocketIoClient::of",
        "NamespaceBuilder::auth";
    options::path: "ClientBuilder::path";
    options::address: "ClientBuilder::host", "ClientBuilder::port";
    options::transports: "ClientBuilder::transports", "SocketIoClient::transport";
    options::timeout: "ClientBuilder::timeout";
    options::ready: "ClientBuilder::ready";
    options::engine: "ClientBuilder::engine";
    options::protocol_and_parser: "ClientBuilder::protocol", "ClientBuilder::parser";
    options::upgrade:
        "ClientBuilder::upgrade", "SocketIoClient::upgrade", "SocketIoClient::upgraded";
    options::root_certificate: "ClientBuilder::root_certificate";
    options::many: "ClientsBuilder::each";
    options::reconnection:
        "ClientBuilder::reconnection", "SocketIoClient::connection_events",
        "SocketIoClient::recovered", "SocketIoClient::ids", "Reconnection::new",
        "Reconnection::delay", "Reconnection::max_delay", "Reconnection::factor",
        "Reconnection::jitter", "Reconnection::attempts", "Reconnection::seed";
    methods::events: "SocketIoClient::send", "SocketIoClient::once", "Once::timeout";
    methods::acks: "SocketIoClient::send_with_ack", "AckFuture::timeout";
    methods::streams:
        "SocketIoClient::on", "SocketIoClient::on_any", "EventStream::next",
        "EventStream::timeout";
    methods::answers: "SocketIoClient::respond";
    methods::records: "SocketIoClient::log", "SocketIoClient::transcript";
    methods::strays: "SocketIoClient::stray_packets";
    methods::endings: "SocketIoClient::close", "SocketIoClient::disconnected";
    control::reading: "SocketIoClient::pause_reading", "SocketIoClient::resume_reading";
    control::raw_packets: "SocketIoClient::send_raw";
    control::dropping: "SocketIoClient::drop_connection";
    control::pings: "SocketIoClient::answer_pings";
    expectations::refusals:
        "ClientBuilder::expect_connect_error", "ClientBuilder::try_expect_connect_error",
        "NamespaceBuilder::expect_connect_error", "NamespaceBuilder::try_expect_connect_error";
    expectations::events:
        "SocketIoClient::expect", "SocketIoClient::try_expect",
        "SocketIoClient::expect_in_order", "SocketIoClient::try_expect_in_order";
    expectations::absence:
        "SocketIoClient::expect_none", "SocketIoClient::try_expect_none",
        "SocketIoClient::fence", "SocketIoClient::settle", "SocketIoClient::can_settle";
    expectations::endings:
        "SocketIoClient::expect_disconnect", "SocketIoClient::try_expect_disconnect";
};
