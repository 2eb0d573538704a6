//! The client's side of "Heartbeat": it answers pings and gives up a silent server.

mod support;

use support::{Script, Websocket};

#[test]
fn a_ping_is_answered_with_its_data() {
    let mut client = Script::opened();
    client.ws("2").gives(["ws 3"]);
    client.ws("2probe").gives(["ws 3probe"]);
}

#[test]
fn a_server_silent_for_interval_and_timeout_is_given_up() {
    let mut client = Script::connected();
    client.waits_ms(45_000);
    client.after_ms(44_999).gives([]).waits_ms(1);
    client.after_ms(1).gives([
        "close ws",
        "* disconnected /: ping timeout",
        "* closed: ping timeout",
    ]);
    client.waits_ms(None);
}

#[test]
fn each_ping_grants_the_full_time_again() {
    let mut client = Script::connected();
    for _ in 0..3 {
        client.after_ms(40_000).ws("2").gives(["ws 3"]).waits_ms(45_000);
    }
    client.after_ms(45_000);
    assert!(client.connection.is_closed());
}

#[test]
fn other_packets_do_not_replace_the_ping() {
    let mut client = Script::connected();
    client.after_ms(40_000).ws("6").ws(r#"42["a"]"#).gives(["* event / a []"]).waits_ms(5_000);
}

#[test]
fn a_pong_from_the_server_ends_the_session() {
    Script::opened().ws("3").gives([
        "close ws",
        "* closed: parse error (unexpected pong packet: a server sends it only to answer a probe)",
    ]);
}

#[test]
fn a_dead_server_on_polling_is_told_by_a_close_packet() {
    let mut client = Script::connected_by_polling();
    client.after_ms(45_000).gives([
        "polling 1",
        "close polling",
        "* disconnected /: ping timeout",
        "* closed: ping timeout",
    ]);
}

#[test]
fn absurd_intervals_do_not_overflow_the_clock() {
    let mut client = Script::client(Websocket);
    client.ws(r#"0{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":1}"#);
    client.gives(["* opened a"]).waits_ms(10 * 365 * 24 * 3_600_000);
}

#[test]
fn pings_go_unanswered_when_told_and_the_session_stays() {
    let mut client = Script::connected();
    client.call(|client| client.set_answer_pings(false));
    client.after_ms(40_000).ws("2").gives([]).waits_ms(45_000);
    client.after_ms(40_000).ws("2").gives([]);
    assert_eq!(client.connection.withheld_heartbeats(), 2);
    client.call(|client| client.set_answer_pings(true)).ws("2").gives(["ws 3"]);
    assert_eq!(client.connection.withheld_heartbeats(), 2);
}

#[test]
fn a_probe_is_answered_even_when_pings_are_not() {
    let mut server = Script::serving_by_polling();
    server.call(|server| server.set_answer_pings(false));
    server.websocket_opened().ws("2probe").gives(["ws 3probe"]);
}

#[test]
fn a_server_told_not_to_ping_does_not_miss_the_pong() {
    let mut server = Script::serving();
    server.call(|server| server.set_answer_pings(false));
    server.after_ms(25_000).gives([]).waits_ms(25_000).after_ms(25_000).gives([]);
    assert_eq!(server.connection.withheld_heartbeats(), 2);
    server.call(|server| server.set_answer_pings(true)).after_ms(25_000).gives(["ws 2"]);
}
