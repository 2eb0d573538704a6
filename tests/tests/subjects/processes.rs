//! How a process is started, told its port, and known to be ready.

use std::future::IntoFuture;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::{join_all, try_join_all};
use rstest::rstest;
use serde_json::json;
use socketio_fixtures::peer;
use socketio_harness::{
    App, ChildProcess, Error, ReservedPort, Result, close, create_app, create_socketio_client,
    scaled,
};
use socketio_tests::becomes;
use tokio::io::AsyncWriteExt;

use super::{SERVER, peer_process, shell};

async fn works(process: ChildProcess) -> Result<App> {
    let app = create_app(process).await?;
    let client = create_socketio_client(&app).await?;
    let ack = client.send_with_ack("message-with-ack", 1).await?;
    assert_eq!(ack.values(), [json!(1)]);
    client.close().await?;
    Ok(app)
}

async fn fails(process: ChildProcess) -> String {
    create_app(process).await.expect_err("it is not ready").to_string()
}

#[rstest]
#[case::printed_in_a_url(peer_process())]
#[case::printed_in_other_words(
    peer_process().env("SAYS", "on port {} with 4 workers").port_from(r"port (\d+)")
)]
#[case::printed_after_others(shell("echo 'see http://localhost/docs' >&2; exec $SERVER"))]
#[case::given_in_the_variable(peer_process().env("SAYS", "").given_port())]
#[case::given_in_another_variable(
    shell("PORT=$MY_PORT exec $SERVER").env("SAYS", "").env_remove("PORT")
        .port_variable("MY_PORT").given_port()
)]
#[case::given_in_an_argument(
    peer_process().env("SAYS", "").env("PORT", "1").args(["--port", "{port}"]).given_port()
)]
#[case::given_in_an_address(
    shell("PORT=${ADDRESS#*:} exec $SERVER").env("SAYS", "").env("ADDRESS", "127.0.0.1:{port}")
        .given_port()
)]
#[case::given_and_ready_on_a_line(
    peer_process().env("SAYS", "all is well").given_port().ready_on("^all is (well|fine)$")
)]
#[case::ready_on_a_line_of_its_own(
    shell("$SERVER & echo 'warmed up' >&2; wait").ready_on("warmed up").killed_on_close()
)]
#[case::ready_on_the_handshake(peer_process().ready_on_handshake())]
#[case::without_an_environment(peer_process().env_clear())]
#[tokio::test]
async fn is_told_or_tells_its_port(#[case] process: ChildProcess) -> Result {
    close(works(process).await?).await
}

#[tokio::test]
async fn has_a_directory_arguments_and_variables() -> Result {
    let directory = tempfile::tempdir().expect("a directory");
    let script = r#"echo "$PWD, $1, $MODE, ${GONE-gone}"; exec $SERVER"#;
    let process = shell(script).args(["sh", "an argument", "{port}"]);
    let process = process.env("MODE", "test").env("GONE", "here").env_remove("GONE");
    let app = works(process.current_dir(directory.path())).await?;
    let output = app.process().expect("it is one").output();
    let expected = format!("{}, an argument, test, gone\n", directory.path().display());
    assert!(output.starts_with(&expected), "{output}");
    close(app).await
}

#[tokio::test]
async fn a_port_that_was_asked_for_is_told() -> Result {
    let port = ReservedPort::pick()?;
    let app = create_app(peer_process()).port(port.number()).await?;
    assert_eq!(app.port(), port.number());
    close(app).await
}

#[tokio::test]
async fn a_path_of_its_own_is_asked_for_readiness() {
    // Long enough for a program to start on a busy machine.
    let process = peer_process().ready_on_handshake().ready_within(Duration::from_secs(3));
    let error = create_app(process).path("/elsewhere").await.unwrap_err().to_string();
    assert!(error.contains("without answering at http://127.0.0.1:"), "{error}");
    assert!(error.contains("/elsewhere (the last time: \"HTTP/1.1 404 Not Found\")"), "{error}");
}

#[tokio::test]
async fn one_that_ends_early_shows_its_status_and_all_it_printed() {
    let script = "echo starting; echo 'no module socket.io' >&2; exit 3";
    for process in [shell(script), shell(script).given_port(), shell(script).ready_on("up")] {
        let error = fails(process).await;
        assert!(error.contains("` ended (exit status: 3) before "), "{error}");
        assert!(error.contains("\n    starting"), "{error}");
        assert!(error.contains("\n    no module socket.io"), "{error}");
    }
}

#[tokio::test]
async fn one_that_is_never_ready_says_what_was_awaited() {
    // Long enough for a busy machine to start a shell in.
    let patience = Duration::from_secs(1);
    let slow = |script| shell(script).ready_within(patience);
    let start = Instant::now();
    let [url, line, port, handshake] = join_all([
        fails(slow("echo hello; exec sleep 60")),
        fails(slow("exec $SERVER").ready_on("^all is well$")),
        fails(slow("exec $SERVER").port_from(r"port (\d+)")),
        fails(slow("exec sleep 60").given_port()),
    ])
    .await
    .try_into()
    .expect("four errors");
    let ran = format!("ran for {:?} without printing the URL it listens on\n", scaled(patience));
    assert!(url.contains(&ran), "{url}");
    assert!(url.contains("\n  let it print one, such as http://127.0.0.1:3000, or say"), "{url}");
    assert!(url.ends_with("it printed:\n    hello"), "{url}");
    assert!(line.contains("without printing a line that matches /^all is well$/"), "{line}");
    assert!(port.contains(r"without printing a line that matches /port (\d+)/"), "{port}");
    assert!(handshake.contains("/socket.io (the last time: Connection refused"), "{handshake}");
    assert!(handshake.contains("\n  it was told the port in the environment"), "{handshake}");
    assert!(handshake.ends_with("it printed nothing"), "{handshake}");
    assert!(start.elapsed() < Duration::from_secs(30), "nobody waits for their ends");
}

#[tokio::test]
async fn one_that_cannot_be_started_is_named() {
    let error = fails(ChildProcess::new("no-such-program").arg("server.js")).await;
    assert!(error.starts_with("cannot start `no-such-program server.js`: "), "{error}");
    let error = fails(peer_process().current_dir("/no/such/directory")).await;
    let expected = "invalid current_dir \"/no/such/directory\": there is no such directory";
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn a_pattern_that_is_none_is_refused() {
    let error = fails(peer_process().ready_on("(")).await;
    assert!(error.starts_with("invalid ready_on \"(\": "), "{error}");
    let error = fails(peer_process().port_from("[")).await;
    assert!(error.starts_with("invalid port_from \"[\": "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_is_refused() {
    let error = fails(peer_process()).await;
    assert!(error.contains("the clock stands still"), "{error}");
}

/// The first port is taken by another between its choice and its use.
#[tokio::test]
async fn a_port_that_is_taken_meanwhile_is_replaced() -> Result {
    let directory = tempfile::tempdir().expect("a directory");
    let script = r#"if mkdir first 2>/dev/null; then
        echo $PORT >ports; echo "Error: listen EADDRINUSE: address already in use" >&2; exec sleep 60
    fi
    echo $PORT >>ports; exec $SERVER"#;
    let process = shell(script).env("SAYS", "").given_port().current_dir(directory.path());
    let app = works(process).await?;
    let ports = std::fs::read_to_string(directory.path().join("ports")).expect("two ports");
    let ports: Vec<_> = ports.lines().collect();
    assert_eq!((ports.len(), ports[1]), (2, app.port().to_string().as_str()));
    assert_ne!(ports[0], ports[1]);
    close(app).await
}

#[tokio::test]
async fn after_five_taken_ports_it_is_given_up() {
    let taken = shell("echo 'OSError: [Errno 98] Address already in use' >&2; exit 1");
    let error = create_app(taken.clone().given_port()).await.unwrap_err();
    let text = error.to_string();
    let Error::PortsInUse { ports, .. } = error else { panic!("{error}") };
    assert_eq!(ports.len(), 5);
    assert!(text.contains("found 5 free ports in use, one after the other: ["), "{text}");
    assert!(text.ends_with("Address already in use"), "{text}");
    // A port that was asked for is not replaced.
    let error = create_app(taken.given_port()).port(1).await.unwrap_err();
    assert!(matches!(error, Error::Process { .. }), "{error}");
}

#[tokio::test]
async fn a_port_that_another_really_holds_is_shown() {
    let held = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("an address").port();
    let error = create_app(peer_process()).port(port).await.unwrap_err().to_string();
    assert!(error.contains("ended (exit status: 1) before"), "{error}");
    assert!(error.contains("in use"), "{error}");
}

/// A server that was left behind by an earlier run, say: it would answer in place of the new one.
#[tokio::test]
async fn a_port_on_which_another_answers_is_in_use() -> Result {
    let other = create_app(peer::router()).await?;
    let process = peer_process().env("SAYS", "").given_port();
    let error = create_app(process).port(other.port()).await.unwrap_err();
    let Error::PortInUse { addr } = error else { panic!("{error}") };
    assert_eq!(addr.port(), other.port());
    close(other).await
}

/// Another has taken the first port meanwhile, and answers on it once the process has ended.
#[tokio::test]
async fn an_answer_of_another_is_none_of_the_process() -> Result {
    let directory = tempfile::tempdir().expect("a directory");
    let script = r#"if mkfifo answer; then
        echo $PORT $$ >first; mv first port; read -r _ <answer
        echo "Error: listen EADDRINUSE: address already in use" >&2; exit 1
    fi
    exec $SERVER"#;
    let process = shell(script).env("SAYS", "").given_port().current_dir(directory.path());
    let other = async {
        let written = directory.path().join("port");
        becomes(true, || written.exists()).await;
        let written = std::fs::read_to_string(written).expect("it was written");
        let (port, id) = written.trim_end().split_once(' ').expect("two numbers");
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("nobody listens");
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
        let (mut asking, _) = listener.accept().await.expect("a question");
        asking.readable().await.expect("a question");
        std::fs::write(directory.path().join("answer"), "\n").expect("it reads");
        becomes(false, || Path::new("/proc").join(id).exists()).await;
        asking.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("it listens");
        port.parse::<u16>().expect("a port")
    };
    let (app, taken) = futures::join!(works(process), other);
    let app = app?;
    assert_ne!(app.port(), taken);
    close(app).await
}

#[tokio::test]
async fn many_are_given_ports_at_once() -> Result {
    let apps = (0..20).map(|_| works(peer_process().env("SAYS", "").given_port()));
    let apps = try_join_all(apps).await?;
    let mut ports: Vec<_> = apps.iter().map(App::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 20);
    try_join_all(apps.into_iter().map(close)).await?;
    Ok(())
}

#[tokio::test]
async fn one_that_prints_much_is_neither_held_up_nor_kept_whole() -> Result {
    let script = "seq 100000; seq 100000 >&2; exec $SERVER";
    let app = works(shell(script)).await?;
    let output = app.process().expect("it is one").output();
    assert_eq!(output.lines().count(), 200, "{output}");
    close(app).await
}

/// As a static app that several tests share: each test has a runtime of its own.
#[test]
fn one_outlives_the_runtime_it_was_started_on() -> Result {
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    };
    // It would stand still if nobody read what it prints.
    let script = "(while seq 10000; do :; done) & exec $SERVER";
    let app = runtime().block_on(create_app(shell(script)).into_future())?;
    runtime().block_on(async {
        let client = create_socketio_client(&app).await?;
        client.send_with_ack("message-with-ack", 1).await?;
        client.close().await
    })?;
    app.process().expect("it is one").kill();
    runtime().block_on(close(app))
}

#[tokio::test]
async fn its_command_is_shown_by_the_app() -> Result {
    let app = create_app(peer_process()).await?;
    let id = app.process().expect("it is one").id();
    let shown = format!("{app:?}");
    assert!(shown.contains(&format!("process {id} (`{SERVER}`) at http://127.0.0.1:")), "{shown}");
    close(app).await
}

#[tokio::test]
async fn it_may_be_given_all_the_time_there_is() -> Result {
    close(works(peer_process()).await?).timeout(Duration::MAX).await
}
