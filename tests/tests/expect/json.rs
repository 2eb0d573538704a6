//! Expected values: what they fit, what they do not, and that data does the same.

use std::time::Duration;

use bytes::Bytes;
use rstest::rstest;
use serde_json::{Value, json};
use socketio_harness::matchers::{
    about, any, any_binary, any_number, any_string, binary, literal, regex, session_id, uuid,
};
use socketio_harness::{Result, close, create_socketio_client};
use socketio_tests::{Peer, Via};

const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[rstest]
#[case(any(), json!(null), None)]
#[case(any_string(), json!("x"), Some(json!(1)))]
#[case(any_number(), json!(-1.5), Some(json!("1")))]
#[case(about(9.81, 0.01), json!(9.805), Some(json!(9.83)))]
#[case(regex("^a+$"), json!("aaa"), Some(json!("aab")))]
#[case(uuid(), json!(UUID), Some(json!("67e55044-10b1-426f-9247-bb680e5fe0cg")))]
#[case(session_id(), json!("5l8uTGfzXcOIPBVE"), Some(json!("short")))]
#[case(literal(json!({"$match": "any"})), json!({"$match": "any"}), Some(json!("anything")))]
#[case(json!({"$match": "number", "about": 1, "within": 0.5}), json!(1.5), Some(json!(2)))]
#[case(json!(6), json!(6.0), Some(json!(6.5)))]
#[tokio::test]
async fn a_matcher_fits_what_it_stands_for_and_nothing_else(
    #[case] expected: Value,
    #[case] fits: Value,
    #[case] other: Option<Value>,
) -> Result {
    let app = Peer::Node.boot().await?;
    let client = create_socketio_client(&app).await?;

    let place = |value: &Value| json!({"deep": [{"inside": value}]});
    client.send("emit-named", ("fits", place(&fits)))?;
    client.expect("fits").args([place(&expected)]).await;
    if let Some(other) = other {
        client.send("emit-named", ("other", place(&other)))?;
        client.expect("other").await;
        let wrong = client.try_expect("other").args([place(&expected)]).within(Duration::ZERO);
        let error = wrong.await.expect_err("it is something else").to_string();
        assert!(error.contains("[0].deep[0].inside: expected"), "{error}");
    }

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn null_is_an_argument_and_nothing_is_none() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    client.send("emit-named", ("null", Value::Null))?;
    client.send("emit-named", ("nothing",))?;

    client.expect("null").args(Value::Null).await;
    client.expect("null").args(None::<u8>).await;
    client.expect("null").args(json!([null])).await;
    client.expect("nothing").args(()).await;
    client.expect("nothing").args(json!([])).await;
    for (event, wrong) in [
        ("null", client.try_expect("null").args(())),
        ("nothing", client.try_expect("nothing").args(Value::Null)),
    ] {
        assert!(wrong.within(Duration::ZERO).await.is_err(), "{event}");
    }

    client.close().await?;
    close(app).await
}

#[rstest]
#[tokio::test]
async fn binary_is_compared_byte_by_byte(
    #[values(Via::Websocket, Via::Polling)] via: Via,
) -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).transports(via.transports()).await?;
    let data = Bytes::from_static(&[1, 2, 3]);
    client.send("echo-bin", (&data, "name"))?;

    client.expect("echo-bin").args((&data, "name")).await;
    client.expect("echo-bin").args(json!([any_binary(), "name"])).await;
    client.expect("echo-bin").args(json!([{"$match": "binary", "base64": "AQID"}, any()])).await;
    let wrong = client.try_expect("echo-bin").args(json!([binary([1, 2]), "name"]));
    let error = wrong.within(Duration::ZERO).await.expect_err("there are three bytes").to_string();
    assert!(error.contains(r#"expected "<2 bytes: 01 02>""#), "{error}");
    assert!(error.contains(r#"got "<3 bytes: 01 02 03>""#), "{error}");

    client.close().await?;
    close(app).await
}

#[tokio::test]
async fn binary_that_begins_alike_is_shown_where_it_differs() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).await?;
    let (came, mut expected) = (Bytes::from(vec![7; 40]), vec![7; 40]);
    client.send("echo-bin", &came)?;
    expected[20] = 9;

    client.expect("echo-bin").await;
    let wrong = client.try_expect("echo-bin").args(json!([binary(expected)]));
    let error = wrong.within(Duration::ZERO).await.expect_err("a byte differs").to_string();
    let bytes = |differing| format!("<40 bytes from byte 17: 07 07 07 07 {differing} 07");
    assert!(error.contains(&format!("expected \"{}", bytes("09"))), "{error}");
    assert!(error.contains(&format!("got \"{}", bytes("07"))), "{error}");

    client.close().await?;
    close(app).await
}
