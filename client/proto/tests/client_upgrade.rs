//! The client's side of "Upgrade": from polling to websocket without losing a packet.

mod support;

use socketio_proto::connection::{ClientConfig, Connection, Upgrade};
use support::{OPEN_UPGRADABLE, Polling, Script, Websocket, args};

/// A client whose websocket is being opened for the upgrade.
fn upgrading() -> Script {
    let mut client = Script::connected_by_polling();
    let now = client.now;
    client.call(|client| client.upgrade(now)).gives(["open ws"]);
    client
}

/// A client that has been asked to pause polling.
fn pausing() -> Script {
    let mut client = upgrading();
    client.websocket_opened().gives(["ws 2probe"]);
    client.ws("3probe").gives(["pause polling"]);
    client
}

#[test]
fn packets_move_to_the_websocket_once_polling_rests() {
    let mut client = pausing();
    client.polling_paused().gives(["ws 5", "close polling", "* upgraded"]);
    assert_eq!(client.connection.transport(), Websocket);
    client.emit("/", "a", args(1)).gives([r#"ws 42["a",1]"#]);
}

#[test]
fn packets_go_by_polling_until_the_probe_is_answered() {
    let mut client = upgrading();
    client.emit("/", "a", args(1)).gives([r#"polling 42["a",1]"#]);
    client.websocket_opened().emit("/", "a", args(2)).gives(["ws 2probe", r#"polling 42["a",2]"#]);
}

#[test]
fn packets_sent_while_polling_pauses_follow_the_upgrade_packet_in_order() {
    let mut client = pausing();
    client.emit("/", "a", args(1)).gives([]);
    client.body("2").emit("/", "a", args(2)).gives([]);
    assert_eq!(client.connection.held_frames(), 3);
    client.polling_paused().gives([
        "ws 5",
        "close polling",
        r#"ws 42["a",1]"#,
        "ws 3",
        r#"ws 42["a",2]"#,
        "* upgraded",
    ]);
}

#[test]
fn packets_received_by_polling_while_it_pauses_are_delivered() {
    let mut client = pausing();
    client.body("42[\"a\"]\u{1e}6").gives(["* event / a []"]);
}

#[test]
fn packets_received_early_on_the_probed_websocket_are_delivered() {
    let mut client = pausing();
    client.ws(r#"42["a"]"#).gives(["* event / a []"]);
}

#[test]
fn an_upgrade_that_takes_too_long_is_given_up() {
    let mut client = upgrading();
    client.websocket_opened().gives(["ws 2probe"]).waits_ms(10_000);
    client.after_ms(10_000).gives(["* upgrade failed: it took too long", "close ws"]);
    client.emit("/", "a", args(1)).gives([r#"polling 42["a",1]"#]).waits_ms(35_000);
}

#[test]
fn a_websocket_that_comes_after_the_upgrade_was_given_up_is_closed() {
    let mut client = upgrading();
    client.after_ms(10_000).gives(["* upgrade failed: it took too long", "close ws"]);
    client.websocket_opened().gives(["close ws"]);
    client.ws("3probe").ws("1").ws("rubbish").lost(Websocket).gives([]);
}

#[test]
fn a_websocket_that_cannot_be_opened_leaves_polling_as_it_is() {
    let mut client = upgrading();
    client.failed(Websocket, "refused").gives(["* upgrade failed: refused"]);
    client.emit("/", "a", args(1)).gives([r#"polling 42["a",1]"#]);
}

#[test]
fn a_websocket_lost_while_polling_pauses_resumes_polling_with_what_was_held() {
    let mut client = pausing();
    client.emit("/", "a", args(1)).lost(Websocket).gives([
        "resume polling",
        r#"polling 42["a",1]"#,
        "* upgrade failed: the websocket was closed",
    ]);
    client.polling_paused().gives([]);
}

#[test]
fn a_wrong_answer_to_the_probe_ends_the_upgrade_and_not_the_session() {
    for (frame, why) in [
        ("3", "unexpected pong packet on the websocket"),
        ("1", "unexpected close packet on the websocket"),
        (OPEN_UPGRADABLE, "unexpected open packet on the websocket"),
        ("x", r#"unknown Engine.IO packet type: expected a digit from 0 to 6, got "x""#),
    ] {
        let mut client = upgrading();
        client.websocket_opened().gives(["ws 2probe"]);
        client.ws(frame).gives([&format!("* upgrade failed: {why}")[..], "close ws"]);
        client.emit("/", "a", args(1)).gives([r#"polling 42["a",1]"#]);
    }
}

#[test]
fn an_upgrade_can_be_tried_again() {
    let mut client = upgrading();
    client.lost(Websocket).gives(["* upgrade failed: the websocket was closed"]);
    let now = client.now;
    client.call(|client| client.upgrade(now)).gives(["open ws"]);
    client.websocket_opened().gives(["ws 2probe"]);
}

#[test]
fn an_upgrade_begins_once_and_only_where_it_makes_sense() {
    let mut client = upgrading();
    let now = client.now;
    client.call(|client| client.upgrade(now)).gives([]);
    Script::connected().call(|client| client.upgrade(now)).gives([]);
    Script::client(Polling).call(|client| client.upgrade(now)).gives([]);

    let mut config = ClientConfig::new(Polling);
    config.upgrade = Upgrade::Never;
    Script::client_with(config).body(OPEN_UPGRADABLE).gives(["* opened e"]);
}

#[test]
fn the_close_of_the_polling_transport_after_the_upgrade_means_nothing() {
    let mut client = pausing();
    client.polling_paused().gives(["ws 5", "close polling", "* upgraded"]);
    client.lost(Polling).gives([]);
    client
        .lost(Websocket)
        .gives(["* disconnected /: transport close", "* closed: transport close"]);
}

#[test]
fn closing_while_polling_pauses_resumes_polling_and_loses_nothing() {
    let mut client = pausing();
    client.emit("/", "bye", args(())).call(Connection::close).gives([
        "resume polling",
        r#"polling 42["bye"]"#,
        "polling 41",
        "polling 1",
        "close polling",
        "close ws",
        "* disconnected /: io client disconnect",
        "* closed: io client disconnect",
    ]);
}

#[test]
fn both_transports_are_closed_when_the_server_ends_the_session_during_the_upgrade() {
    let mut client = upgrading();
    client.websocket_opened().gives(["ws 2probe"]);
    client.body("1").gives([
        "close polling",
        "close ws",
        "* disconnected /: transport close",
        "* closed: transport close",
    ]);
}

#[test]
fn the_probed_websocket_is_closed_when_polling_fails() {
    let mut client = upgrading();
    client.websocket_opened().gives(["ws 2probe"]);
    client.failed(Polling, "502").gives([
        "close ws",
        "* disconnected /: transport error (502)",
        "* closed: transport error (502)",
    ]);
}

#[test]
fn pings_while_polling_pauses_are_bounded() {
    let mut config = ClientConfig::new(Polling);
    config.limits.max_early_packets = 2;
    let mut client = Script::client_with(config);
    client.body(OPEN_UPGRADABLE).websocket_opened().ws("3probe").drain();
    client.body("2\u{1e}2").gives([]);
    client.body("2").gives([
        "resume polling",
        "polling 3",
        "polling 3",
        "polling 1",
        "close polling",
        "close ws",
        "* closed: parse error (number of frames held back of 3 exceeds the limit of 2)",
    ]);
}

#[test]
fn never_is_never() {
    let mut config = ClientConfig::new(Polling);
    config.upgrade = Upgrade::Never;
    let mut client = Script::client_with(config);
    client.body(OPEN_UPGRADABLE).gives(["* opened e"]);
    let now = client.now;
    client.call(|client| client.upgrade(now)).gives([]);
}
