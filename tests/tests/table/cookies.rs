//! What a server sets comes back with the requests that follow.

use axum::http::Method;
use futures::TryStreamExt;
use socketio_harness::{Result, Transport, close, create_socketio_client};
use socketio_tests::polling::{Answer, PollingServer};
use socketio_tests::scripted::{CONNECTED, OPEN};

#[tokio::test]
async fn cookies_are_kept_across_polls() -> Result {
    let answers = [
        Answer::from(OPEN).cookie("lb=1; Path=/"),
        Answer::from(CONNECTED).cookie("io=e"),
        Answer::from(r#"42["event"]"#).cookie("lb=; Max-Age=0"),
    ];
    let mut server = PollingServer::start(answers).await?;
    let client = create_socketio_client(&server.app).transports([Transport::Polling]).await?;
    client.on("event").try_next().await?;
    for expected in [None, Some("lb=1"), Some("io=e; lb=1"), Some("io=e")] {
        let request = server.next(Method::GET).await;
        let cookie = request.headers.get("cookie").map(|cookie| cookie.to_str().expect("text"));
        assert_eq!(cookie, expected);
    }
    client.close().await?;
    close(server.app).await
}
