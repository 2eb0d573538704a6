//! How a process ends, and that nothing is left of it, however the test ends.

use std::future::IntoFuture;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rstest::rstest;
use socketio_harness::{
    App, ChildProcess, CloseReason, Error, Leftover, Result, close, create_app,
    create_socketio_client,
};
use socketio_tests::becomes;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{SERVER, peer_process, runs, shell};

/// Starts a process that never ends by itself, and the server.
const WITH_CHILDREN: &str = r#"
    sleep 1000 & one=$!
    echo "processes: $one $$"
    exec $SERVER"#;

/// The numbers in the line `processes: 1 2`.
fn processes(output: &str) -> Vec<u32> {
    let line = output.lines().find_map(|line| line.strip_prefix("processes: "));
    let numbers = line.expect("it says so").split_whitespace();
    numbers.map(|number| number.parse().expect("a process id")).collect()
}

/// Until a shell has started the command, it is the shell that runs.
async fn is_asleep(process: u32) {
    let command = || std::fs::read_to_string(format!("/proc/{process}/cmdline"));
    becomes(true, || command().is_ok_and(|command| command.starts_with("sleep"))).await;
}

async fn all_have_ended(processes: &[u32]) {
    becomes(Vec::new(), || processes.iter().copied().filter(|id| runs(*id)).collect::<Vec<_>>())
        .await;
}

#[tokio::test]
async fn one_that_is_asked_to_end_can_tidy_up() -> Result {
    let directory = tempfile::tempdir().expect("a directory");
    // The server is ready before the shell has done what comes next.
    let script = "trap 'kill $!; wait; echo bye >tidied; exit 0' TERM; $SERVER & wait";
    let app = create_app(shell(script).current_dir(directory.path())).await?;
    let client = create_socketio_client(&app).await?;
    close(app).disconnect_clients().await?;
    // The kernel resets a connection whose last pong was not read.
    let reason = client.disconnected().await?;
    let ends = [CloseReason::TransportClose.name(), "transport error"];
    assert!(ends.contains(&reason.name()), "{reason}");
    let tidied = std::fs::read_to_string(directory.path().join("tidied"));
    assert_eq!(tidied.expect("it had the time"), "bye\n");
    Ok(())
}

#[tokio::test]
async fn one_that_does_not_end_is_killed_and_told() -> Result {
    let script = "trap '' TERM; echo \"processes: $$\"; $SERVER; exit";
    let app = create_app(shell(script)).await?;
    let running = app.process().expect("it is one");
    let ids = processes(&running.output());
    let report = close(app).timeout(Duration::from_millis(200)).report().await;
    let told: Vec<_> = report.failures().collect();
    let [Leftover::Process { id, after, .. }] = told[..] else { panic!("{report}") };
    assert_eq!((vec![*id], *after), (ids.clone(), Duration::from_millis(200)));
    assert!(told[0].to_string().contains("did not end within 200ms of SIGTERM"), "{report}");
    all_have_ended(&ids).await;
    // Unless it need not be asked.
    close(create_app(shell(script).killed_on_close()).await?).await
}

#[tokio::test]
async fn an_orphan_is_caught_and_killed() -> Result {
    let app = create_app(shell(WITH_CHILDREN)).await?;
    let ids = processes(&app.process().expect("it is one").output());
    is_asleep(ids[0]).await;
    let report = close(app).timeout(Duration::from_secs(1)).report().await;
    let told: Vec<_> = report.failures().collect();
    let [Leftover::Orphan { id, command, .. }] = told[..] else { panic!("{report}") };
    assert_eq!((*id, command.as_str()), (ids[0], "sleep 1000"));
    assert!(told[0].to_string().contains("behind, which was killed"), "{report}");
    all_have_ended(&ids).await;
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_orphan_that_has_left_the_process_group_is_caught_and_killed() -> Result {
    let script = r#"setsid sh -c 'echo "processes: $$"; exec sleep 1000' & exec $SERVER"#;
    let app = create_app(shell(script).ready_on("processes")).await?;
    let ids = processes(&app.process().expect("it is one").output());
    is_asleep(ids[0]).await;
    let Err(Error::Leftovers(report)) = close(app).timeout(Duration::from_secs(1)).await else {
        panic!("it is left");
    };
    assert!(report.to_string().contains(&format!("process {} (`sleep 1000`)", ids[0])), "{report}");
    all_have_ended(&ids).await;
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_has_left_the_process_group_ends_with_a_server_that_is_killed() -> Result {
    let detaching = |before: &str| {
        let script = r#"setsid sh -c 'echo "processes: $$"; exec sleep 1000' & exec $SERVER"#;
        shell(&format!("{before}{script}")).ready_on("processes")
    };
    let left = |app: &App| processes(&app.process().expect("it is one").output());

    let app = create_app(detaching("").killed_on_close()).await?;
    let ids = left(&app);
    close(app).await?;
    all_have_ended(&ids).await;

    let app = create_app(detaching("trap '' TERM; ")).await?;
    let ids = left(&app);
    let report = close(app).timeout(Duration::from_millis(200)).report().await;
    assert!(matches!(report.leftovers(), [Leftover::Process { .. }]), "{report}");
    all_have_ended(&ids).await;

    let app = create_app(detaching("")).await?;
    let ids = left(&app);
    app.process().expect("it is one").kill();
    all_have_ended(&ids).await;
    close(app).await?;

    let app = create_app(detaching("")).await?;
    let ids = left(&app);
    drop(app);
    all_have_ended(&ids).await;
    Ok(())
}

#[tokio::test]
async fn children_that_end_with_their_server_are_no_orphans() -> Result {
    let script = "tail -s 0.01 --pid=$$ -f /dev/null & exec $SERVER";
    close(create_app(shell(script)).await?).await
}

#[tokio::test]
async fn one_that_had_ended_before_is_told_with_what_it_printed() -> Result {
    let script = "trap 'kill $!; wait; echo out of memory >&2; exit 7' TERM; $SERVER & wait";
    let app = create_app(shell(script)).await?;
    let running = app.process().expect("it is one");
    let killed = Command::new("kill").arg(running.id().to_string()).status().await;
    assert!(killed.expect("kill is a program").success());
    assert_eq!(running.ended().await?.code(), Some(7));
    let report = close(app).report().await;
    let told: Vec<_> = report.failures().map(ToString::to_string).collect();
    let expected = "the server ended before it was closed, with exit status: 7\n  it printed:";
    assert!(told.len() == 1 && told[0].starts_with(expected), "{report}");
    assert!(told[0].contains("\n    out of memory"), "{report}");
    Ok(())
}

#[tokio::test]
async fn one_that_the_test_has_ended_is_in_order() -> Result {
    let app = create_app(shell(WITH_CHILDREN).killed_on_close()).await?;
    let running = app.process().expect("it is one");
    let ids = processes(&running.output());
    let client = create_socketio_client(&app).await?;
    running.kill();
    assert!(!running.ended().await?.success());
    client.disconnected().await?;
    all_have_ended(&ids).await;
    close(app).await?;

    let app = create_app(peer_process()).await?;
    let running = app.process().expect("it is one");
    running.terminate();
    assert_eq!(running.ended().await?.to_string(), "signal: 15 (SIGTERM)");
    close(app).await
}

#[tokio::test]
async fn nothing_is_left_of_an_app_that_is_dropped() -> Result {
    let app = create_app(shell(WITH_CHILDREN)).await?;
    let ids = processes(&app.process().expect("it is one").output());
    assert!(ids.iter().all(|id| runs(*id)));
    drop(app);
    all_have_ended(&ids).await;
    // Nor of one that is never ready, or that nobody waits for any more.
    let directory = tempfile::tempdir().expect("a directory");
    let script = "sleep 1000 & echo $! $$ >ids; mv ids processes; wait";
    let process = || shell(script).current_dir(directory.path());
    let written = directory.path().join("processes");
    let ids = || -> Vec<u32> {
        let written = std::fs::read_to_string(&written).unwrap_or_default();
        written.split_whitespace().map(|id| id.parse().expect("a number")).collect()
    };
    // Long enough for a shell to write its file.
    let never = process().ready_within(Duration::from_secs(3));
    create_app(never).await.expect_err("it is never ready");
    all_have_ended(&ids()).await;
    std::fs::remove_file(&written).expect("it was written");
    let starting = tokio::spawn(create_app(process()).into_future());
    becomes(true, || written.exists()).await;
    starting.abort();
    all_have_ended(&ids()).await;
    Ok(())
}

#[tokio::test]
async fn no_zombie_is_left_of_one_that_cannot_be_started() -> Result {
    let error = create_app(ChildProcess::new("no-such-program")).await.expect_err("there is none");
    assert!(matches!(error, Error::Spawn { .. }), "{error}");
    becomes(0, zombies).await;
    Ok(())
}

/// How many children have ended without being waited for.
fn zombies() -> usize {
    let own = format!("PPid:\t{}\n", std::process::id());
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let statuses =
        processes.filter_map(|of| std::fs::read_to_string(of.path().join("status")).ok());
    statuses.filter(|status| status.contains("State:\tZ") && status.contains(&own)).count()
}

/// What a test prints, and what is left of its server, if it ends so.
#[rstest]
#[case::by_success("returns")]
#[case::by_an_error("returns an error")]
#[case::by_a_panic("panics")]
#[case::by_an_exit("exits")]
#[case::by_an_abort("aborts")]
#[case::with_an_app_that_is_never_dropped("forgets")]
#[case::by_sigkill("waits")]
#[tokio::test]
async fn nothing_outlives_a_test_that_ends(#[case] ending: &str) {
    let mut test = Command::new(env!("CARGO_BIN_EXE_careless-test"))
        .args([ending, WITH_CHILDREN])
        .env("SERVER", SERVER)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(test.stdout.take().expect("its output")).lines();
    let line = lines.next_line().await.expect("its output").expect("a line");
    let ids = processes(&line);
    assert_eq!(ids.len(), 3, "{line}");
    let redis = lines.next_line().await.expect("its output").expect("a line");
    if ending == "waits" {
        assert!(ids.iter().all(|id| runs(*id)), "{line}");
        UnixStream::connect(&redis).expect("it runs, too");
        test.start_kill().expect("it runs");
    }
    let output = test.wait_with_output().await.expect("it ends");
    all_have_ended(&ids).await;
    becomes(false, || UnixStream::connect(&redis).is_ok()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    if ["returns an error", "panics"].contains(&ending) {
        let expected =
            format!(") was not closed, and is killed\n  it printed:\n    processes: {}", ids[0]);
        assert!(said.contains(&expected), "{said}");
    }
}

#[tokio::test]
async fn a_server_under_test_may_run_tests_itself() -> Result {
    let inner = ChildProcess::new(env!("CARGO_BIN_EXE_careless-test"))
        .args([
            "waits",
            "echo \"processes: $$\"; echo listening on http://127.0.0.1:1; exec sleep 1000",
        ])
        .port_from(r"processes: (\d)")
        .killed_on_close();
    let app = create_app(inner).await?;
    let ids = processes(&app.process().expect("it is one").output());
    close(app).await?;
    all_have_ended(&ids).await;
    Ok(())
}
