//! What the server has left behind.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use futures::future::join_all;
use socketio_fixtures::hello;
use socketio_harness::{
    App, CloseReport, Error, Leftover, Result, Transport, close, create_app,
    create_socketio_client, scaled, serve,
};
use socketioxide::extract::{AckSender, SocketRef};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

use super::{only, server};

fn panicking() -> Router {
    server(|socket| {
        socket.on("break", break_down);
        // By an ack: for a moment after the reply to CONNECT socketioxide refuses to emit, which a
        // handler on another thread may meet.
        socket.on("work", async |ack: AckSender| {
            ack.send(&()).ok();
        });
    })
}

#[expect(clippy::panic, reason = "a panic is what the test is about")]
async fn break_down() {
    panic!("no such account: 7");
}

/// A handler that panics, and an event that is answered after it.
async fn provoke(app: &App) -> Result {
    let client = create_socketio_client(app).await?;
    client.send("break", ())?;
    client.send_with_ack("work", ()).await?;
    Ok(client.close().await?)
}

#[tokio::test]
async fn a_panic_in_a_handler_fails_the_test_with_its_message_and_place() -> Result {
    let app = create_app(panicking()).await?;
    provoke(&app).await?;
    let error = close(app).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("a task of the server panicked at tests/tests/audit/server.rs:"),
        "{text}"
    );
    assert!(text.ends_with(": no such account: 7"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_told_on_a_runtime_of_several_threads_too() -> Result {
    let app = create_app(panicking()).await?;
    provoke(&app).await?;
    let report = close(app).report().await;
    assert!(matches!(only(&report), Leftover::Panic(_)), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_panic_belongs_to_the_app_it_happened_in() -> Result {
    let [guilty, innocent] = [panicking(), panicking()].map(create_app);
    let (guilty, innocent) = (guilty.await?, innocent.await?);
    provoke(&guilty).await?;
    let panicking = tokio::spawn(async { panic!("in the test") });
    panicking.await.unwrap_err();
    close(innocent).await?;
    assert!(matches!(close(guilty).await, Err(Error::Leftovers(_))));
    Ok(())
}

#[tokio::test]
async fn an_expected_panic_is_taken() -> Result {
    let app = create_app(panicking()).await?;
    provoke(&app).await?;
    let panics = app.take_panics();
    assert_eq!(panics[0].message, "no such account: 7");
    close(app).await
}

#[tokio::test]
async fn a_panic_in_a_plain_request_is_told() -> Result {
    let router = hello::router().route("/boom", get(async || -> String { panic!("boom") }));
    let app = create_app(router).await?;
    assert_eq!(socketio_tests::http_get(&app, "/boom").await, "");
    let report = close(app).report().await;
    assert!(only(&report).to_string().ends_with(": boom"), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_handler_that_does_not_return_fails_the_test() -> Result {
    let app = create_app(server(|socket| {
        socket.on("hang", async || pending::<()>().await);
    }))
    .await?;
    let client = create_socketio_client(&app).await?;
    client.send("hang", ())?;
    client.close().await?;
    let closing = close(app).timeout(Duration::from_millis(100));
    let error = closing.await.unwrap_err().to_string();
    assert!(error.contains("1 task of the server still ran 120s (in virtual time)"), "{error}");
    Ok(())
}

#[tokio::test]
async fn handlers_that_wait_for_a_timer_end_in_virtual_time() -> Result {
    let app = create_app(server(|socket| {
        socket.on("later", async || tokio::time::sleep(Duration::from_mins(1)).await);
        // socketioxide gives up an ack after its timeout, whether or not the client is there.
        socket.on("ask", async |socket: SocketRef| {
            if let Ok(answer) = socket.emit_with_ack::<_, ()>("question", &()) {
                answer.await.ok();
            }
        });
    }))
    .await?;
    let client = create_socketio_client(&app).await?;
    client.send("later", ())?;
    client.send("ask", ())?;
    client.once("question").await?;
    client.close().await?;
    let start = std::time::Instant::now();
    close(app).await?;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    Ok(())
}

/// Virtual time, which flies for the timers, brings no answer from another thread.
#[tokio::test]
async fn a_handler_that_waits_for_another_thread_is_given_real_time() -> Result {
    let app = create_app(server(|socket| {
        socket.on_disconnect(async || {
            let (answer, answered) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                // A database at work.
                std::thread::sleep(scaled(Duration::from_millis(300)));
                answer.send(()).ok();
            });
            answered.await.ok();
        });
    }))
    .await?;
    create_socketio_client(&app).await?.close().await?;
    close(app).await
}

#[tokio::test]
async fn background_tasks_are_stopped_where_they_are_expected() -> Result {
    let ticking = || {
        server(|socket| {
            tokio::spawn(async {
                let mut second = tokio::time::interval(Duration::from_secs(1));
                loop {
                    second.tick().await;
                }
            });
            socket.on("tick", async || {});
        })
    };
    let app = create_app(ticking()).background_tasks().await?;
    create_socketio_client(&app).await?.close().await?;
    close(app).await?;

    let app = create_app(ticking()).await?;
    create_socketio_client(&app).await?.close().await?;
    let report = close(app).timeout(Duration::from_secs(1)).report().await;
    assert!(matches!(only(&report), Leftover::Tasks { count: 1, .. }), "{report}");
    assert!(report.to_string().contains("background_tasks()"), "{report}");
    Ok(())
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread_does_not_block_the_test() -> Result {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let (begins, mut begun) = unbounded_channel();
    let app = create_app(server(move |socket| {
        let (begins, blocked) = (begins.clone(), Arc::clone(&blocked));
        socket.on("block", async move || {
            begins.send(()).ok();
            blocked.lock().unwrap().recv().ok();
        });
    }))
    .await?;
    let client = create_socketio_client(&app).await?;
    client.send("block", ())?;
    begun.recv().await.expect("the handler begins");
    let report = close(app).timeout(Duration::from_millis(20)).disconnect_clients().report().await;
    assert!(matches!(only(&report), Leftover::Blocked { .. }), "{report}");
    drop(release);
    Ok(())
}

#[tokio::test]
async fn work_that_blocks_a_thread_of_its_own_is_told_unless_it_should_go_on() -> Result {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let working = || {
        let blocked = Arc::clone(&blocked);
        server(move |socket| {
            let blocked = Arc::clone(&blocked);
            socket.on("work", async move |ack: AckSender| {
                tokio::task::spawn_blocking(move || blocked.lock().unwrap().recv().ok());
                ack.send(&()).ok();
            });
        })
    };
    let work = async |app: App| {
        let client = create_socketio_client(&app).await?;
        client.send_with_ack("work", ()).await?;
        client.close().await?;
        Result::<_>::Ok(close(app).timeout(Duration::from_secs(1)).report().await)
    };
    let report = work(create_app(working()).await?).await?;
    assert!(matches!(only(&report), Leftover::BlockedThread { .. }), "{report}");
    assert!(only(&report).is_grave());
    let report = work(create_app(working()).background_tasks().await?).await?;
    assert!(report.leftovers().is_empty(), "{report}");
    drop(release);
    Ok(())
}

#[tokio::test]
async fn a_connection_the_server_holds_on_to_is_described() -> Result {
    let keep = async |request: Request| {
        let upgrading = hyper::upgrade::on(request);
        tokio::spawn(async move {
            let _kept = upgrading.await;
            pending::<()>().await;
        });
        (axum::http::StatusCode::SWITCHING_PROTOCOLS, [("upgrade", "x"), ("connection", "upgrade")])
    };
    let app = create_app(Router::new().route("/keep", get(keep))).background_tasks().await?;
    let mut stream = TcpStream::connect(("127.0.0.1", app.port())).await.unwrap();
    let request = "GET /keep?me HTTP/1.1\r\nhost: x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    let report = close(app).timeout(Duration::from_millis(50)).report().await;
    let text = only(&report).to_string();
    assert!(text.contains("connection from 127.0.0.1:"), "{text}");
    assert!(text.ends_with("last request: GET /keep?me"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_told() -> Result {
    let app = create_app(serve(async |_| "a bad day")).await?;
    let connecting = create_socketio_client(&app).transports([Transport::Polling]);
    connecting.await.expect_err("the listener is gone");
    let report = close(app).report().await;
    assert_eq!(
        only(&report).to_string(),
        "the server ended before it was closed, with \"a bad day\""
    );
    Ok(())
}

/// Its connections are its own, and end with its runtime.
#[tokio::test]
async fn clients_of_a_server_that_accepts_by_itself_may_be_left_to_be_disconnected() -> Result {
    let echo = async |listener: TcpListener| {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer).await
            });
        }
    };
    let app = create_app(serve(echo)).await?;
    let mut stream = TcpStream::connect(("127.0.0.1", app.port())).await?;
    stream.write_u8(7).await?;
    assert_eq!(stream.read_u8().await?, 7);
    close(app).timeout(Duration::from_secs(1)).disconnect_clients().await?;
    stream.read_u8().await.expect_err("it has ended");
    Ok(())
}

#[tokio::test]
async fn many_apps_in_one_process_keep_their_panics_apart() -> Result {
    let reports = join_all((0..20).map(async |number| -> Result<CloseReport> {
        let app = create_app(panicking()).await?;
        if number % 2 == 0 {
            provoke(&app).await?;
        }
        Ok(close(app).report().await)
    }))
    .await;
    for (number, report) in reports.into_iter().enumerate() {
        assert_eq!(report?.leftovers().len(), (number + 1) % 2);
    }
    Ok(())
}
