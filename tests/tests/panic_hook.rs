//! The hook that finds panics of handlers, beside those of a test. Alone in its process, whose hook
//! is everybody's.

use std::error::Error;
use std::panic::{set_hook, take_hook};

use axum::Router;
use axum::routing::get;
use socketio_harness::{Leftover, close, create_app};
use socketio_tests::http_get;

#[expect(clippy::panic, reason = "a panic is what the test is about")]
async fn a_panic_is_told_once() -> Result<(), Box<dyn Error>> {
    let router = Router::new().route("/boom", get(async || -> String { panic!("boom") }));
    let app = create_app(router).await?;
    http_get(&app, "/boom").await;
    let report = close(app).report().await;
    match report.leftovers() {
        [Leftover::Panic(_)] => Ok(()),
        // Returned, since a panic may not be shown.
        _ => Err(format!("expected one panic:{report}").into()),
    }
}

#[tokio::test]
async fn panics_are_told_whatever_hooks_a_test_sets_and_puts_back() -> Result<(), Box<dyn Error>> {
    let before_any_app = take_hook();
    a_panic_is_told_once().await?;
    set_hook(before_any_app);
    a_panic_is_told_once().await?;

    set_hook(Box::new(|_| {}));
    a_panic_is_told_once().await?;

    let of_the_harness = take_hook();
    set_hook(Box::new(move |panic| of_the_harness(panic)));
    a_panic_is_told_once().await?;

    // Expected on this thread, not on those of apps.
    let of_the_harness = take_hook();
    let this_thread = std::thread::current().id();
    set_hook(Box::new(move |panic| {
        if std::thread::current().id() != this_thread {
            of_the_harness(panic);
        }
    }));
    a_panic_is_told_once().await
}
