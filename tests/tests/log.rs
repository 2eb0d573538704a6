//! The log tells what came, in order, and what has become of each event.

use futures::StreamExt;
use rstest::rstest;
use serde_json::json;
use socketio_harness::{Claim, Result, close, create_socketio_client};
use socketio_tests::{Peer, Via};

#[rstest]
#[tokio::test]
async fn the_log_holds_everything_since_the_first_byte(
    #[values(Via::Websocket, Via::Polling, Via::Upgrade)] via: Via,
) -> Result {
    let app = Peer::Rust.boot().await?;
    // The greeting, which the server emits while the client connects, is the first entry.
    let client = create_socketio_client(&app).transports(via.transports()).ready("auth").await?;

    for number in 0..3 {
        client.send("emit-named", ("tick", number))?;
    }
    client.send("emit-named", ("last", "é"))?;
    client.once("last").await?;

    let log = client.log();
    let names: Vec<_> = log.iter().map(|entry| entry.event.name().to_owned()).collect();
    assert_eq!(names, ["auth", "tick", "tick", "tick", "last"]);
    let ticks: Vec<_> = log.named("tick").map(|entry| entry.event.args().to_vec()).collect();
    assert_eq!(ticks, [[json!(0)], [json!(1)], [json!(2)]]);
    assert!(log.iter().zip(log.iter().skip(1)).all(|(a, b)| a.at <= b.at), "{log}");

    client.close().await?;
    // The log outlives the connection.
    assert_eq!(client.log().len(), 5);
    close(app).await
}

#[tokio::test]
async fn each_entry_tells_what_has_become_of_it() -> Result {
    let app = Peer::Rust.boot().await?;
    let client = create_socketio_client(&app).ready("auth").await?;

    for number in 0..3 {
        client.send("emit-named", ("tick", number))?;
    }
    client.send("emit-named", ("streamed", 1))?;
    client.send("emit-named", ("streamed", 2))?;
    client.send("emit-named", "last")?;
    client.once("last").await?;

    let awaited = client.once("tick").await?;
    assert_eq!(awaited.args(), [json!(0)]);
    let forgotten = client.once("tick");
    let mut stream = client.on("streamed");
    stream.next().await?;

    let fates = || -> Vec<_> {
        client.log().iter().skip(1).map(|entry| (entry.claim, entry.read)).collect()
    };
    assert_eq!(
        fates(),
        [
            (Claim::Once, true),
            (Claim::Once, false),
            (Claim::Nobody, false),
            (Claim::Stream, true),
            (Claim::Stream, false),
            (Claim::Once, true),
        ]
    );
    let unread: Vec<_> = client.log().unread().map(|entry| format!("{:?}", entry.event)).collect();
    assert_eq!(unread, [r#"["tick",1]"#, r#"["tick",2]"#, r#"["streamed",2]"#]);

    // What is given back is nobody's again.
    drop((forgotten, stream));
    assert_eq!(client.log().iter().nth(2).map(|entry| entry.claim), Some(Claim::Nobody));
    assert_eq!(client.log().iter().nth(5).map(|entry| entry.claim), Some(Claim::Nobody));

    // Looking on claims nothing, and counts as reading.
    let all = client.on_any();
    assert_eq!(all.take(7).count().await, 7);
    assert_eq!(client.log().unread().count(), 0);
    assert_eq!(client.once("tick").await?.args(), [json!(1)]);

    client.close().await?;
    close(app).await
}
