//! Many apps in one process, as under plain `cargo test`, where every test is a thread.

use futures::future::try_join_all;
use rstest::rstest;
use socketio_fixtures::peer;
use socketio_harness::{AppBuilder, Result, create_app};

use super::conversation::converse;
use super::peer_process;

async fn fifty(subject: fn(usize) -> AppBuilder) -> Result {
    let said = try_join_all((0..50).map(async |number| converse(subject(number)).await)).await?;
    let first = said.first().expect("there are fifty");
    assert_eq!(said.iter().filter(|one| *one == first).count(), 50, "conversations are the same");
    Ok(())
}

fn in_this_process(_: usize) -> AppBuilder {
    create_app(peer::router())
}

fn some_in_processes_of_their_own(number: usize) -> AppBuilder {
    if number.is_multiple_of(5) { create_app(peer_process()) } else { in_this_process(number) }
}

#[rstest]
#[case::in_this_process(in_this_process)]
#[case::some_in_processes(some_in_processes_of_their_own)]
#[tokio::test]
async fn fifty_apps_at_once(#[case] subject: fn(usize) -> AppBuilder) -> Result {
    fifty(subject).await
}

#[rstest]
#[case::in_this_process(in_this_process)]
#[case::some_in_processes(some_in_processes_of_their_own)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_apps_at_once_on_several_threads(#[case] subject: fn(usize) -> AppBuilder) -> Result {
    fifty(subject).await
}

/// Each thread has a runtime and a test of its own, as libtest has them.
#[test]
fn fifty_tests_at_once() {
    let test = |number| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(converse(in_this_process(number)))
    };
    let threads: Vec<_> = (0..50).map(|number| std::thread::spawn(move || test(number))).collect();
    for thread in threads {
        thread.join().expect("no panic").expect("no error");
    }
}
