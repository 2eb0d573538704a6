//! By polling: what servers demand of a request, and how their answers come.

use axum::http::Method;
use serde_json::json;
use socketio_harness::{IntoTarget, Result, Transport, close, create_socketio_client};
use socketio_tests::cut::Cut;
use socketio_tests::polling::PollingServer;
use socketio_tests::scripted::{CONNECTED, OPEN};

const POLLING: [Transport; 1] = [Transport::Polling];

/// The numbers of the events in the next POSTs, until `count` have come, by POST.
async fn posted(server: &mut PollingServer, count: usize) -> Vec<Vec<String>> {
    let mut posts = vec![];
    let mut seen = 0;
    while seen < count {
        let packets = server.next(Method::POST).await.packets;
        seen += packets.len();
        posts.push(packets);
    }
    posts
}

#[tokio::test]
async fn a_payload_holds_at_most_sixteen_packets() -> Result {
    let mut server = PollingServer::start([OPEN, CONNECTED]).await?;
    let client = create_socketio_client(&server.app).transports(POLLING).await?;
    server.next(Method::POST).await;
    for number in 0..40 {
        client.send("event", number)?;
    }
    let posts = posted(&mut server, 40).await;
    assert!(posts.iter().all(|packets| packets.len() <= 16), "{posts:?}");
    assert!(posts.iter().any(|packets| packets.len() == 16), "{posts:?}");
    let expected: Vec<_> =
        (0..40).map(|number| format!("42{}", json!(["event", number]))).collect();
    assert_eq!(posts.concat(), expected);
    drop(client);
    close(server.app).await
}

#[tokio::test]
async fn a_payload_is_no_larger_than_the_server_takes() -> Result {
    let open =
        r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100}"#;
    let mut server = PollingServer::start([open, CONNECTED]).await?;
    let client = create_socketio_client(&server.app).transports(POLLING).await?;
    server.next(Method::POST).await;
    for _ in 0..8 {
        // 30 bytes each, in characters of two bytes: three fit with their separators.
        client.send("event", "ßßßßßßßß")?;
    }
    let mut sizes = vec![];
    let mut packets = 0;
    while packets < 8 {
        let post = server.next(Method::POST).await;
        packets += post.packets.len();
        sizes.push(post.size);
    }
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    assert!(sizes.iter().any(|size| *size > 60), "{sizes:?}");
    drop(client);
    close(server.app).await
}

#[tokio::test]
async fn every_post_says_its_length() -> Result {
    let mut server = PollingServer::start([OPEN, CONNECTED]).await?;
    let client = create_socketio_client(&server.app).transports(POLLING).await?;
    let mut requests = vec![server.next(Method::POST).await];
    for size in [0, 10, 100_000] {
        client.send("event", "x".repeat(size))?;
        requests.push(server.next(Method::POST).await);
    }
    client.close().await?;
    requests.push(server.next(Method::POST).await);
    for request in requests {
        let length = request.headers["content-length"].to_str().expect("text");
        assert_eq!(length, request.size.to_string());
        assert!(!request.headers.contains_key("transfer-encoding"));
    }
    close(server.app).await
}

#[tokio::test]
async fn every_request_names_the_session_however_long_its_id() -> Result {
    for (sid, query) in
        [("x", "x"), ("lv_VI97HAXpY6yYWAAAC", "lv_VI97HAXpY6yYWAAAC"), ("a+b/é", "a%2Bb%2F%C3%A9")]
    {
        let open = json!({"sid": sid, "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000});
        let mut server = PollingServer::start([format!("0{open}"), CONNECTED.to_owned()]).await?;
        let client = create_socketio_client(&server.app).transports(POLLING).await?;
        assert_eq!(server.next(Method::GET).await.query, "EIO=4&transport=polling");
        for method in [Method::GET, Method::GET, Method::POST] {
            let request = server.next(method).await;
            assert_eq!(request.query, format!("EIO=4&transport=polling&sid={query}"));
        }
        drop(client);
        close(server.app).await?;
    }
    Ok(())
}

#[tokio::test]
async fn noop_packets_come_at_any_time() -> Result {
    let bodies =
        [OPEN, "6", "6\u{1e}6", "6\u{1e}40{\"sid\":\"s\"}\u{1e}6", "6", "42[\"event\"]\u{1e}6"];
    let server = PollingServer::start(bodies).await?;
    let client = create_socketio_client(&server.app).transports(POLLING).await?;
    client.once("event").await?;
    client.close().await?;
    close(server.app).await
}

#[tokio::test]
async fn an_answer_may_be_split_anywhere() -> Result {
    let together = format!("{CONNECTED}\u{1e}42[\"first\",\"é\"]");
    // What hyper puts before a body, generously, and the longer of the two bodies.
    for cut in 0..=150 + OPEN.len() {
        let server = PollingServer::start([OPEN, &together]).await?;
        let target = (&server.app).into_target()?.connector(Cut(cut));
        let client = create_socketio_client(target).transports(POLLING).await?;
        let first: String = client.once("first").await?.parse()?;
        assert_eq!((client.id().as_str(), first.as_str()), ("socket-id", "é"), "cut at {cut}");
        client.close().await?;
        close(server.app).await?;
    }
    Ok(())
}
