//! Each way a connection can fail has an error of its own, which says what to check.

mod namespaces;
mod own_side;
mod servers;

use socketio_harness::{ClientError, Transport};

type Failure = ClientError;

const BOTH: [Transport; 2] = [Transport::Websocket, Transport::Polling];

#[track_caller]
fn says(error: &Failure, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    assert_eq!(format!("{error:?}"), text, "a failing test prints Debug");
}
