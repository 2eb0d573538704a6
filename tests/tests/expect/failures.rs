//! What a failing test prints: each snapshot should suffice to find the mistake.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use socketio_harness::{
    ClientError, CloseReason, Result, SocketIoClient, close, create_app, create_socketio_client,
    event, group,
};
use socketio_tests::{Peer, scripted};

/// The text of a failure, times, ids and places replaced.
fn printed<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    result.expect_err("the expectation should fail").to_string()
}

macro_rules! assert_printed {
    ($result:expr) => {{
        let text = printed($result);
        insta::with_settings!({
            omit_expression => true,
            filters => [
                (r" +\d+\.\d ms", "   #.# ms"),
                (r#""sid":"[^"]*""#, r#""sid":"<sid>""#),
                (r"tests/tests/expect/failures\.rs:\d+:\d+", "<here>"),
            ],
        }, { insta::assert_snapshot!(text) });
    }};
}

const NOW: Duration = Duration::ZERO;

async fn client_of(peer: &socketio_harness::App) -> Result<SocketIoClient> {
    Ok(create_socketio_client(peer).ready("auth").await?)
}

#[tokio::test]
async fn wrong_arguments() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    let result = json!({"name": "harry", "result": 6, "tags": ["a"], "at": "2026-01-01"});
    client.send("emit-named", ("myEventResult", result))?;
    client.expect("myEventResult").await;
    let expected = json!([{"name": "harry", "result": 7, "tags": ["a", "b"], "unit": "kg"}]);
    assert_printed!(client.try_expect("myEventResult").args(expected).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_misspelt_name() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("my_event_result", 6))?;
    client.expect("my_event_result").await;
    assert_printed!(client.try_expect("myEventResult").args([6]).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn the_wrong_namespace() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    let custom = client.of("/custom").await?;
    custom.expect("auth").await;
    custom.send("emit-named", ("news", 1))?;
    custom.expect("news").await;
    assert_printed!(client.try_expect("news").args([1]).within(NOW).await);
    custom.close().await?;
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn an_ack_instead_of_an_event() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send_with_ack("message-with-ack", json!({"result": 6})).await?;
    let expected = json!([{"result": 6}]);
    assert_printed!(client.try_expect("message-result").args(expected).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_handler_that_is_not_there() -> Result {
    let silent = scripted::websocket(async |mut socket| {
        socket.accept().await;
        socket.drain().await;
    });
    let client = create_socketio_client(silent.await.expect("a free port")).await?;
    client.send("myEvent", (1, 2, 3))?;
    assert_printed!(client.try_expect("myEventResult").within(NOW).await);
    client.close().await?;
    Ok(())
}

#[tokio::test]
async fn an_array_instead_of_arguments() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("pair", vec![1, 2]))?;
    client.expect("pair").await;
    assert_printed!(client.try_expect("pair").args(json!([1, 2])).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn text_instead_of_json() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("state", r#"{"ready":true}"#))?;
    client.expect("state").await;
    assert_printed!(client.try_expect("state").args(json!([{"ready": true}])).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn one_too_many() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    for number in 0..3 {
        client.send("emit-named", ("tick", number))?;
    }
    assert_printed!(client.try_expect("tick").times(2).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn something_that_should_not_have_come() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("secret", json!({"for": "admins"})))?;
    assert_printed!(client.try_expect_none("secret").await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn the_wrong_order() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    for name in ["joined", "left", "message"] {
        client.send("emit-named", name)?;
    }
    client.expect("message").await;
    let order = [event("joined"), event("message"), event("left")];
    assert_printed!(client.try_expect_in_order(order).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn another_disconnect_reason() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("leave", ())?;
    client.disconnected().await?;
    assert_printed!(client.try_expect_disconnect(CloseReason::PingTimeout).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_refusal_of_another_kind() -> Result {
    let app = Peer::Node.boot().await?;
    let refused = create_socketio_client(&app).namespace("/refused");
    let expected = json!({"message": "not authorized", "data": {"code": 7}});
    assert_printed!(refused.try_expect_connect_error(expected).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_server_that_lets_everybody_in() -> Result {
    let app = create_app(socketio_fixtures::hello::router()).await?;
    let admitted = create_socketio_client(&app).auth(json!({"token": "wrong"}));
    assert_printed!(admitted.try_expect_connect_error("not authorized").await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_condition_that_does_not_hold() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("sum", 6))?;
    client.expect("sum").await;
    assert_printed!(client.try_expect("sum").matching(|sum| sum.args()[0] == 7).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_connection_that_ended_before() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("leave", ())?;
    assert_printed!(client.try_expect("farewell").await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn from_now_too_late() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("emit-named", ("sum", 6))?;
    client.expect("sum").await;
    assert_printed!(client.try_expect("sum").from_now().within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn an_event_that_spares_its_sender() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("news", 1)?;
    client.send_with_ack("message-with-ack", ()).await?;
    assert_printed!(client.try_expect("news").within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn long_texts_that_differ_at_their_ends() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    let page = |title: &str| format!("<html>{}<h1>{title}</h1></html>", "<p>text</p>".repeat(40));
    client.send("emit-named", ("page", page("Hello, Harry"), 1))?;
    client.expect("page").await;
    let wrong = client.try_expect("page").args((page("Hello, Sally"), 1)).within(NOW);
    assert_printed!(wrong.await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn one_element_of_a_long_list() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    let list = |ready: bool| {
        let row = |id| json!({"id": id, "name": format!("player {id}"), "ready": ready || id != 7});
        (0..12).map(row).collect::<Vec<_>>()
    };
    client.send("emit-named", ("players", [list(false)]))?;
    client.send("emit-named", ("players", [Vec::<u8>::new()]))?;
    client.expect("players").at_least(2).await;
    assert_printed!(client.try_expect("players").args([[list(true)]]).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn other_binary() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("echo-bin", ("a.png", Bytes::from_static(b"\x89PNG\r\n")))?;
    client.expect("echo-bin").await;
    let expected = ("a.png", Bytes::from_static(b"\x89PNG\n"));
    assert_printed!(client.try_expect("echo-bin").args(expected).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn someone_of_a_group_got_it_too() -> Result {
    let app = Peer::Rust.boot().await?;
    let mut clients = Vec::new();
    for name in ["alice", "bob", "eve"] {
        clients.push(create_socketio_client(&app).name(name).ready("auth").await?);
    }
    let [alice, bob, eve] = &clients[..] else { panic!("three clients") };
    alice.send("broadcast", ("whispered", "psst"))?;
    eve.expect("whispered").await;
    assert_printed!(group([alice, bob, eve]).try_expect_only([bob], "whispered").await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn what_the_server_did_not_emit() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    client.send("burst", 2)?;
    client.expect("tick").times(2).await;
    assert_printed!(app.try_emitted("tick").args([2]).within(NOW).await);
    close(app).disconnect_clients().await
}

#[tokio::test]
async fn a_long_conversation_is_shown_short() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = client_of(&app).await?;
    let mut text = String::new();
    for number in 0..100 {
        write!(text, "{number} ").expect("a string takes everything");
        client.send("emit-named", ("tick", number))?;
    }
    client.send("emit-named", ("long", text))?;
    client.expect("tick").times(100).await;
    let error = printed(client.try_expect("tock").within(NOW).await);
    assert!(error.lines().count() < 25, "{error}");
    assert!(error.lines().all(|line| line.chars().count() < 220), "{error}");
    assert!(error.contains("\"tick\" came, 100 times"), "{error}");
    close(app).disconnect_clients().await
}
