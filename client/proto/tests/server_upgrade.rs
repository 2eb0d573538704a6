//! The server's side of "Upgrade".

mod support;

use std::time::Duration;

use support::{Script, Websocket, args};

/// A polling session whose websocket has been probed; no poll is pending.
fn switching() -> Script {
    let mut server = Script::serving_by_polling();
    server.websocket_opened().gives([]);
    server.ws("2probe").gives(["ws 3probe"]);
    server
}

#[test]
fn the_probe_releases_the_pending_poll() {
    let mut server = Script::serving_by_polling();
    server.poll().gives([]);
    server.websocket_opened().ws("2probe").gives(["ws 3probe", "polling 6"]);
    server.poll().gives(["polling 6"]);
}

#[test]
fn packets_go_by_polling_until_the_upgrade_packet() {
    let mut server = switching();
    server.emit("/", "a", args(())).gives([]);
    server.poll().gives([r#"polling 42["a"]"#]);
    server.emit("/", "b", args(())).gives([]);
    server.ws("5").gives(["close polling", r#"ws 42["b"]"#, "* upgraded"]);
    server.emit("/", "c", args(())).gives([r#"ws 42["c"]"#]);
}

#[test]
fn the_upgrade_packet_releases_a_poll_that_is_still_pending() {
    let mut server = switching();
    server.emit("/", "a", args(())).poll().ws("5");
    server.gives(["polling 6", "close polling", r#"ws 42["a"]"#, "* upgraded"]);
}

#[test]
fn requests_by_polling_after_the_upgrade_do_not_harm_the_session() {
    let mut server = switching();
    server.ws("5").gives(["close polling", "* upgraded"]);
    server.poll().body(r#"42["a"]"#).body("rubbish").gives([]);
    server.ws(r#"42["b"]"#).gives(["* event / b []"]);
}

#[test]
fn a_second_websocket_is_closed_and_the_session_goes_on() {
    let mut server = switching();
    server.websocket_opened().gives(["close ws"]);
    server.ws("5").gives(["close polling", "* upgraded"]);
    server.websocket_opened().gives(["close ws"]);
    server.emit("/", "a", args(())).gives([r#"ws 42["a"]"#]);
}

#[test]
fn an_upgrade_without_a_probe_ends_the_upgrade_and_not_the_session() {
    let mut server = Script::serving_by_polling();
    server.websocket_opened();
    server
        .ws("5")
        .gives(["* upgrade failed: unexpected upgrade packet on the websocket", "close ws"]);
    server.ws("5").gives([]);
    server.body(r#"42["a"]"#).gives(["* event / a []"]);
    server.websocket_opened().ws("2probe").gives(["ws 3probe"]);
}

#[test]
fn a_websocket_lost_during_the_upgrade_leaves_polling() {
    let mut server = switching();
    server.lost(Websocket).gives(["* upgrade failed: the websocket was closed"]);
    server.poll().gives([]);
    server.emit("/", "a", args(())).gives([r#"polling 42["a"]"#]);
}

#[test]
fn a_probe_by_polling_ends_the_session() {
    let mut server = Script::serving_by_polling();
    server.websocket_opened().body("2probe");
    assert!(server.connection.is_closed());
}

#[test]
fn an_upgrade_that_takes_too_long_is_given_up() {
    let mut server = Script::serving_by_polling();
    server.websocket_opened().waits_ms(10_000);
    server.after_ms(6_000).ws("2probe").gives(["ws 3probe"]).waits_ms(4_000);
    server.after_ms(4_000).gives(["* upgrade failed: it took too long", "close ws"]);
    server.ws("5").gives([]).emit("/", "a", args(())).poll().gives([r#"polling 42["a"]"#]);
    server.websocket_opened().ws("2probe").ws("5").gives([
        "ws 3probe",
        "close polling",
        "* upgraded",
    ]);
}

#[test]
fn a_websocket_that_says_nothing_is_given_up_after_the_time_that_was_set() {
    let mut server = Script::serving_by_polling();
    server.connection = server.connection.with_upgrade_timeout(Duration::from_secs(1));
    server.websocket_opened().gives([]).waits_ms(1_000);
    server.after_ms(999).gives([]);
    server.after_ms(1).gives(["* upgrade failed: it took too long", "close ws"]);
    server.waits_ms(24_000);
}
