//! A wait that fails tells what may have gone wrong, as an expectation does.

use std::time::Duration;

use serde_json::json;
use socketio_harness::{
    ClientError, Result, SocketIoClient, close, create_app, create_socketio_client,
};
use socketio_tests::scripted::{self, Websocket};

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
    hints(&message, "check that the server has a handler for \"add\" on namespace /, and that it");
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
