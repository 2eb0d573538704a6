/// An event should come: [`expect`](crate::SocketIoClient::expect) in one line.
///
/// Arguments are written as JSON, as in `serde_json::json!`. It panics on the line of the macro,
/// and gives the event.
///
/// ```no_run
/// # use socketio_mock_client::{SocketIoClient, assert_emitted, matchers::session_id};
/// # async fn f(client: &SocketIoClient) {
/// assert_emitted!(client, "hello");
/// assert_emitted!(client, "joined", [{"id": session_id(), "room": "lobby"}]);
/// # }
/// ```
#[macro_export]
macro_rules! assert_emitted {
    ($client:expr, $event:expr $(,)?) => {
        $client.expect($event).await
    };
    ($client:expr, $event:expr, $args:tt $(,)?) => {
        $client.expect($event).args($crate::__private::json!($args)).await
    };
}

/// No such event should have been sent: [`expect_none`](crate::SocketIoClient::expect_none) in one
/// line, proved by a fence.
///
/// ```no_run
/// # use socketio_mock_client::{SocketIoClient, assert_not_emitted};
/// # async fn f(client: &SocketIoClient) {
/// assert_not_emitted!(client, "kicked");
/// assert_not_emitted!(client, "joined", [{"room": "secret"}]);
/// # }
/// ```
#[macro_export]
macro_rules! assert_not_emitted {
    ($client:expr, $event:expr $(,)?) => {
        $client.expect_none($event).await
    };
    ($client:expr, $event:expr, $args:tt $(,)?) => {
        $client.expect_none($event).args($crate::__private::json!($args)).await
    };
}
