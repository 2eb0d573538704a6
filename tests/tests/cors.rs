//! What pages of other origins may do, as configured; with one origin, as recorded of the original,
//! in `fixtures/tests/golden`.

use socketio_fixtures::reference::config::{AllowOrigins, Cors};
use socketio_fixtures::reference::{App, Config, Running, start};
use socketio_tests::http_exchange;

async fn server(cors: Cors) -> Running {
    let config = Config { cors, ..Config::default() };
    start(&config, App::Base).await.expect("a server that starts")
}

fn of(origins: &[&str]) -> Cors {
    let origins = AllowOrigins::List(origins.iter().map(ToString::to_string).collect());
    Cors { origins, methods: vec!["GET".into(), "POST".into()], ..Cors::default() }
}

/// The status and the headers of an answer, in lower case, those of CORS only.
async fn ask(server: &Running, method: &str, path: &str, headers: &[&str]) -> (u16, Vec<String>) {
    let answer = http_exchange(server.address().port(), method, path, headers).await;
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status");
    let lines = head.lines().skip(1).map(str::to_ascii_lowercase);
    let mut lines: Vec<_> = lines.filter(|line| line.starts_with("access-")).collect();
    lines.sort();
    (status, lines)
}

const HANDSHAKE: &str = "/socket.io/?EIO=4&transport=polling";
const OURS: &str = "origin: http://localhost:8080";
const EVIL: &str = "origin: http://evil.example";

#[tokio::test]
async fn of_several_origins_the_one_that_asks_is_named() {
    let server = server(of(&["http://localhost:8080", "http://localhost:8081"])).await;
    let (_, ours) = ask(&server, "GET", HANDSHAKE, &[OURS]).await;
    assert_eq!(ours, ["access-control-allow-origin: http://localhost:8080"]);
    let (_, evil) = ask(&server, "GET", HANDSHAKE, &[EVIL]).await;
    assert_eq!(evil, [""; 0]);
    server.stop().await;
}

#[tokio::test]
async fn credentials_and_headers_are_allowed_as_configured() {
    let cors = Cors {
        credentials: true,
        allowed_headers: vec!["x-token".into()],
        ..of(&["http://localhost:8080"])
    };
    let server = server(cors).await;
    let (_, answer) = ask(&server, "GET", HANDSHAKE, &[OURS]).await;
    let credentials = "access-control-allow-credentials: true";
    let origin = "access-control-allow-origin: http://localhost:8080";
    assert_eq!(answer, [credentials, origin]);
    let asked =
        [OURS, "access-control-request-method: GET", "access-control-request-headers: x-token"];
    let (_, answer) = ask(&server, "OPTIONS", HANDSHAKE, &asked).await;
    let headers = "access-control-allow-headers: x-token";
    let methods = "access-control-allow-methods: get,post";
    assert_eq!(answer, [credentials, headers, methods, origin]);
    server.stop().await;
}

#[tokio::test]
async fn by_default_nothing_is_said_of_other_origins() {
    let server = server(Cors::default()).await;
    assert_eq!(ask(&server, "GET", HANDSHAKE, &[EVIL]).await, (200, Vec::new()));
    server.stop().await;
}
