//! A wait that fails tells what may have gone wrong, as an expectation does.

use std::time::Duration;

use serde_json::json;
use socketio_harness::{
    ChildProcess, ClientError, Protocol, Reconnection, ReservedPort, Result, SocketIoClient, close,
    create_app, create_socketio_client,
};
use socketio_tests::scripted::{self, CONNECTED, OPEN, Websocket};
use socketioxide::{SocketIo, extract::SocketRef};

const SHORT: Duration = Duration::from_millis(5);

/// The message of a `once` that comes to nothing.
async fn once(client: &SocketIoClient, event: &str) -> String {
    let error = client.once(event).timeout(SHORT).await.expect_err("it does not come");
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    error.to_string()
}

/// The message of a question that nobody answers.
async fn ack(client: &SocketIoClient, event: &str) -> String {
    let error = client.send_with_ack(event, ()).timeout(SHORT).await.expect_err("it does not come");
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    error.to_string()
}

#[track_caller]
fn hints(message: &str, hint: &str) {
    assert!(message.contains(&format!("\n  hint: {hint}")), "{message}");
}

/// A client of a server that sends these frames once the client has sent something.
async fn told(frames: &'static [&'static str]) -> Result<SocketIoClient> {
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.next().await;
        for frame in frames {
            socket.text(frame).await;
        }
        socket.text("42[\"told\"]").await;
        socket.drain().await;
    };
    let client =
        create_socketio_client(scripted::websocket(script).await.expect("a listener")).await?;
    client.send("question", ())?;
    client.once("told").await?;
    Ok(client)
}

#[tokio::test]
async fn an_event_of_a_similar_name_came() -> Result {
    let client = told(&[r#"42["my-event-result",6]"#]).await?;
    let message = once(&client, "myEventResult").await;
    hints(&message, "\"my-event-result\" came, once: is one of the names misspelt?");
    assert!(message.contains("awaited by nobody: \"my-event-result\" (1)"), "{message}");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_event_came_on_another_namespace() -> Result {
    let client = told(&[r#"42/chat,["news",1]"#]).await?;
    let message = once(&client, "news").await;
    hints(&message, "\"news\" came on namespace /chat, which this client has not joined");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_server_answered_by_an_ack() -> Result {
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.next().await;
        socket.text("430[6]").await;
        socket.drain().await;
    };
    let client =
        create_socketio_client(scripted::websocket(script).await.expect("a listener")).await?;
    client.send_with_ack("add", (1, 2, 3)).await?;
    hints(&once(&client, "sum").await, "the server answered \"add\" by an ack, [6]");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn somebody_else_has_claimed_the_event() -> Result {
    let client = told(&[r#"42["tick",1]"#, r#"42["tick",2]"#]).await?;
    let claimed = client.once("tick");
    let mut stream = client.on("tick");
    assert_eq!(stream.next().await?.args(), [json!(2)]);
    let message = once(&client, "tick").await;
    hints(&message, "\"tick\" came 2 times, but to others, who had asked before: once and on.");

    let message = stream.timeout(SHORT).next().await.expect_err("it does not come").to_string();
    hints(&message, "\"tick\" came once, but to others, who had asked before: once.");
    drop(claimed);
    let mut stream = client.on("tick").timeout(SHORT);
    assert_eq!(stream.next().await?.args(), [json!(1)]);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_stream_that_gave_all_there_was_says_so() -> Result {
    let client = told(&[r#"42["tick",1]"#, r#"42["tick",2]"#]).await?;
    let mut stream = client.on("tick").timeout(SHORT);
    stream.next().await?;
    stream.next().await?;
    let message = stream.next().await.expect_err("it does not come").to_string();
    hints(&message, "it came 2 times before, and this stream has given each");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_named() -> Result {
    let app = create_app(socketio_fixtures::peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.pause_reading()?;
    let paused = "the client reads nothing: pause_reading() is in force";
    hints(&once(&client, "never").await, paused);
    hints(&ack(&client, "message-with-ack").await, paused);
    client.close().await?;
    close(app).await
}

#[tokio::test(start_paused = true)]
async fn a_fence_names_the_client_that_reads_nothing() -> Result {
    let app = create_app(socketio_fixtures::peer::router()).simulated().await?;
    let client = create_socketio_client(&app).await?;
    client.pause_reading()?;
    let message = client.fence().await.expect_err("nobody reads the answer").to_string();
    hints(&message, "the client reads nothing: pause_reading() is in force");
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_server_answered_by_an_event() -> Result {
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.next().await;
        socket.text(r#"42["sum",6]"#).await;
        socket.drain().await;
    };
    let client =
        create_socketio_client(scripted::websocket(script).await.expect("a listener")).await?;
    let unanswered = client.send_with_ack("add", (1, 2, 3)).timeout(SHORT);
    client.once("sum").await?;
    let message = unanswered.await.expect_err("it does not come").to_string();
    hints(&message, "the server emitted \"sum\" since, but acked nothing: if that is its answer,");
    hints(
        &message,
        "check that the server has a handler for \"add\" on namespace /, that it takes",
    );
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_ack_came_on_another_namespace() -> Result {
    let script = async move |mut socket: Websocket| {
        socket.accept().await;
        socket.next().await;
        socket.text("43/chat,0[6]").await;
        socket.text(r#"42["told"]"#).await;
        socket.drain().await;
    };
    let client =
        create_socketio_client(scripted::websocket(script).await.expect("a listener")).await?;
    let unanswered = client.send_with_ack("add", (1, 2, 3)).timeout(SHORT);
    client.once("told").await?;
    let message = unanswered.await.expect_err("it does not come").to_string();
    hints(&message, "an ack 0 came on namespace /chat: the server answers on another one");
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn silence_since_the_last_event_is_told_whatever_came_before() -> Result {
    let app = create_app(socketio_fixtures::peer::router()).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    hints(&once(&client, "news").await, "the client has sent nothing so far: what should make");
    client.send_with_ack("message-with-ack", 1).await?;
    let silent = "the server has emitted nothing since";
    assert!(!once(&client, "news").await.contains(silent), "it has answered");
    client.send("unknown", 1)?;
    client.fence().await?;
    hints(&once(&client, "news").await, &format!("{silent} \"unknown\" was sent. Does it handle"));
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn an_event_of_the_main_namespace_is_told_to_a_client_of_another() -> Result {
    let app = create_app(socketio_fixtures::peer::router()).await?;
    let client = create_socketio_client(&app).await?;
    let custom = client.of("/custom").await?;
    client.send("emit-named", "news")?;
    client.expect("news").await;
    hints(&once(&custom, "news").await, "\"news\" came on the main namespace: expect it on the");
    custom.close().await?;
    client.close().await?;
    close(app).await
}

// In virtual time, where a deadline is over when the server has come to rest, and not before.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_server_is_told_where_it_is_waited_for() -> Result {
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("explode", async || panic!("no such room"));
        socket.emit("ready", &()).ok();
    });
    let app = create_app(axum::Router::new().layer(layer)).simulated().await?;
    let client = create_socketio_client(&app).ready("ready").await?;
    let message = ack(&client, "explode").await;
    let panic = "a task of the server panicked at ";
    hints(&message, panic);
    assert!(message.replace("\n        ", " ").contains(": no such room\n"), "{message}");
    assert!(!message.contains("check that the server has a handler"), "{message}");
    hints(&once(&client, "never").await, panic);
    let unmet = client.try_expect("never").within(SHORT).await.unwrap_err();
    hints(&unmet.to_string(), panic);

    assert_eq!(app.take_panics().len(), 1);
    assert!(!once(&client, "never").await.contains(panic), "the test has taken it");
    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_fault_in_force_is_told_to_those_who_meet_it() -> Result {
    let app = create_app(socketio_fixtures::peer::router()).await?;
    let apart = app.faults().apart();
    let client = create_socketio_client(&app).ready("auth").await?;
    let spared = create_socketio_client(&apart).ready("auth").await?;
    let frozen = app.faults().freeze();
    let told = "a fault is in force that the test began: freeze";
    hints(&once(&client, "never").await, told);
    hints(&ack(&client, "message-with-ack").await, told);
    assert!(!once(&spared, "never").await.contains(told));
    frozen.heal();
    assert!(!once(&client, "never").await.contains(told));
    client.close().await?;
    spared.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_end_of_a_server_process_is_told() -> Result {
    let server = ChildProcess::new("sh").args(["-c", "exec $0", env!("CARGO_BIN_EXE_peer-server")]);
    // So that the client meets nobody else's server.
    let port = ReservedPort::pick()?;
    let app = create_app(server).port(port.number()).await?;
    let reconnecting = Reconnection::new().delay(Duration::from_millis(1));
    let client = create_socketio_client(&app).reconnection(reconnecting).ready("auth").await?;
    let process = app.process().expect("it is one");
    process.kill();
    process.ended().await?;
    hints(&once(&client, "never").await, "the server's process has ended (signal: 9");
    client.close().await?;
    close(app).await
}

/// The message of a `once` that the end of the connection cuts short.
async fn cut_short(client: &SocketIoClient) -> String {
    let error = client.once("never").await.expect_err("the connection ends");
    assert!(matches!(error, ClientError::Disconnected { .. }), "{error}");
    error.to_string()
}

#[tokio::test]
async fn the_end_of_a_server_process_is_told_where_it_ends_a_wait() -> Result {
    let app = create_app(ChildProcess::new(env!("CARGO_BIN_EXE_peer-server"))).await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    let left = create_socketio_client(&app).ready("auth").await?;
    left.close().await?;
    app.process().expect("it is one").kill();
    app.process().expect("it is one").ended().await?;
    hints(&cut_short(&client).await, "the server's process has ended (signal: 9");
    client.close().await?;
    assert!(!cut_short(&left).await.contains("hint:"), "the test itself has ended it");
    close(app).await
}

#[tokio::test]
async fn a_packet_that_is_too_large_for_the_server_is_told() -> Result {
    let script = async move |mut socket: Websocket| {
        socket.text(&OPEN.replace('}', ",\"maxPayload\":1000}")).await;
        socket.next().await;
        socket.text(CONNECTED).await;
        // Takes it, and goes.
        socket.next().await;
    };
    let target = scripted::websocket(script).await.expect("a listener");
    let client = create_socketio_client(target).await?;
    client.send("upload", "x".repeat(1_000))?;
    let told = "the client has sent 1015 bytes in one packet, and the server takes 1000 at most";
    hints(&cut_short(&client).await, told);
    client.close().await?;
    Ok(())
}

/// A client of a server that accepts it, and then says nothing more.
async fn silent(protocol: Protocol) -> Result<SocketIoClient> {
    let target = scripted::memory(move |mut socket| async move {
        socket.text(OPEN).await;
        if protocol == Protocol::V4 {
            socket.next().await;
        }
        socket.text(CONNECTED).await;
        socket.drain().await;
    });
    Ok(create_socketio_client(target).protocol(protocol).timeout(Duration::from_mins(1)).await?)
}

#[tokio::test(start_paused = true)]
async fn the_silence_of_the_server_is_told_with_its_length() -> Result {
    let client = silent(Protocol::V4).await?;
    let silence = "no ping of the server came for 45s (pingInterval + pingTimeout)";
    hints(&cut_short(&client).await, silence);
    client.close().await?;

    let client = silent(Protocol::V3).await?;
    hints(&cut_short(&client).await, "the server answered no ping for 20s (pingTimeout)");
    client.close().await?;

    let client = silent(Protocol::V4).await?;
    client.pause_reading()?;
    hints(&cut_short(&client).await, "the client reads nothing: pause_reading() is in force");
    client.close().await?;
    Ok(())
}
