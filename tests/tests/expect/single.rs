//! One event, or a number of them.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use socketio_harness::{ClientError, Error, Result, close, create_socketio_client};
use socketio_tests::{Peer, Via};

#[rstest]
#[tokio::test]
async fn an_event_is_met_whether_it_came_before_or_comes_after(
    #[values(Peer::Rust, Peer::Node, Peer::Python)] peer: Peer,
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = peer.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;

    let later = client.expect("named").args(json!(["x", {"n": 1}]));
    client.send("emit-named", ("named", "x", json!({"n": 1})))?;
    let event = later.await;
    assert_eq!(event.parse::<(String, serde_json::Value)>()?, ("x".into(), json!({"n": 1})));
    client.expect("named").args(("x", json!({"n": 1}))).await;
    client.expect("named").args_include(json!(["x"])).await;
    client.expect("named").args_include(json!(["x", {}])).await;
    client.expect("named").matching(|event| event.args()[0] == "x").await;

    client.close().await?;
    // The log outlives the connection.
    client.expect("named").await;
    close(app).await
}

#[tokio::test]
async fn looking_claims_nothing_and_counts_as_reading() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("emit-named", ("a", 1))?;
    client.send("emit-named", ("a", 2))?;

    client.expect("a").args([2]).await;
    let unread: Vec<_> = client.log().unread().map(|entry| format!("{:?}", entry.event)).collect();
    assert_eq!(unread, [r#"["a",1]"#]);
    assert_eq!(client.once("a").await?.args(), [json!(1)]);
    assert_eq!(client.once("a").await?.args(), [json!(2)]);

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn a_number_is_exact_unless_at_least_is_said(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    for number in 0..3 {
        client.send("emit-named", ("tick", number))?;
    }

    let ticks = client.expect("tick").times(3).await;
    assert_eq!(ticks.iter().map(|tick| tick.args()[0].clone()).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(client.expect("tick").at_least(2).await.len() >= 2);
    client.expect("never").times(0).await;
    client.expect("tick").args([1]).times(1).await;

    let one_too_many = client.try_expect("tick").times(2).await;
    let error = one_too_many.expect_err("three came, not two").to_string();
    assert!(error.starts_with("expected exactly 2 × event \"tick\"\n  3 came\n"), "{error}");
    let too_few = client.try_expect("tick").times(4).within(Duration::from_millis(20)).await;
    let error = too_few.expect_err("three came, not four").to_string();
    assert!(error.contains("only 3 of 4 came within 20ms"), "{error}");

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn from_now_forgets_what_came_before() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    client.send("emit-named", ("a", 1))?;
    client.expect("a").await;

    let second = client.expect("a").from_now();
    client.send("emit-named", ("a", 2))?;
    assert_eq!(second.await.args(), [json!(2)]);
    client.expect_none("a").from_now().await;

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn an_expected_value_that_makes_no_sense_is_refused_by_name() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;

    let misspelt = client.try_expect("a").args(json!([{"$match": "uid"}])).await;
    let Err(error @ ClientError::InvalidOption { .. }) = misspelt else {
        panic!("there is no matcher of that name: {misspelt:?}");
    };
    assert!(error.to_string().contains(r#"no matcher "uid"; the nearest is "uuid""#), "{error}");

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn a_failure_panics_at_the_line_of_the_await() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    let client = std::sync::Arc::new(client);

    let failing = tokio::spawn({
        let client = std::sync::Arc::clone(&client);
        async move {
            client.expect("never").within(Duration::ZERO).await;
        }
    });
    let panic = failing.await.expect_err("nothing came").into_panic();
    let message = panic.downcast_ref::<String>().expect("a panic carries its message");
    let line = line!() - 5;
    let place = format!("expected at {}:{line}:", file!());
    assert!(message.contains(&place), "{place}\n{message}");

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn the_error_carries_what_came_as_data() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    client.send("emit-named", ("a", json!({"x": 1, "y": 2})))?;
    client.expect("a").await;

    let wrong = client.try_expect("a").args(json!([{"x": 1, "y": 3}])).within(Duration::ZERO).await;
    let error = Error::from(wrong.expect_err("y is 2"));
    let Error::Client(ClientError::Unmet(unmet)) = error else { panic!("{error}") };
    let difference = &unmet.candidates[0].differences[0];
    assert_eq!(difference.path, "[0].y");
    assert_eq!((&difference.expected, &difference.actual), (&Some("3".into()), &Some("2".into())));

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn what_is_one_too_many_stays_unread_whenever_it_came() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).ready("auth").await?;
    client.send("burst", 2)?;
    // Both have come before the first look.
    client.send_with_ack("message-with-ack", ()).await?;
    client.expect("tick").await;
    let unread: Vec<_> = client.log().unread().map(|entry| entry.event.args().to_vec()).collect();
    assert_eq!(unread, [[json!(1)]]);
    client.close().await?;
    close(app).await
}
