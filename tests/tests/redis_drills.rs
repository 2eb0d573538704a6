//! Redis fails while clients talk: what is lost is known, nothing hangs, and it is over when Redis
//! is back.
#![expect(clippy::indexing_slicing, reason = "JSON answers nothing for a key that is not there")]

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use socketio_fixtures::reference::config::Adapter;
use socketio_fixtures::reference::{App, Config, Running, start};
use socketio_harness::{
    EventStream, Redis, Result, SocketIoClient, create_redis, create_socketio_client, scaled,
};
use socketio_tests::http_get_at;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

async fn node(redis: String) -> Running {
    let config = Config { adapter: Adapter::Redis(redis), ..Config::default() };
    start(&config, App::Base).await.expect("a node that starts")
}

async fn client(node: &Running) -> Result<SocketIoClient> {
    Ok(create_socketio_client(node.url()).namespace("/demo").await?)
}

/// What the node says of its Redis.
async fn redis_of(node: &Running) -> Value {
    let body = http_get_at(node.address().port(), "/status").await;
    let mut status: Value = serde_json::from_str(&body).expect("the status is JSON");
    status["redis"].take()
}

/// Waits for what nobody tells of.
async fn becomes(node: &Running, key: &str, expected: impl Into<Value>) {
    let expected = expected.into();
    let becoming = async { while redis_of(node).await[key] != expected {} };
    let became = tokio::time::timeout(scaled(Duration::from_secs(10)), becoming).await;
    assert!(became.is_ok(), "{key} should become {expected}: {}", redis_of(node).await);
}

/// Says a numbered text to everyone else; tells whether the other node was reached, as far as the
/// caller learns.
async fn say(client: &SocketIoClient, number: usize) -> Result<bool> {
    let said: Value = client.send_with_ack("say", ("", number.to_string())).await?.parse()?;
    if said["text"] == json!(number.to_string()) {
        return Ok(true);
    }
    let message = said["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("only the clients of this process were reached: "), "{said}");
    Ok(false)
}

/// The number that is heard next.
async fn hear(stream: &mut EventStream) -> Result<usize> {
    let event = stream.next().await?;
    let text = event.args().first().and_then(|said| said["text"].as_str()).unwrap_or_default();
    Ok(text.parse().expect("a number"))
}

/// How a client fares that talks all the time.
#[derive(Clone, Copy, Debug, Default)]
struct Talk {
    said: usize,
    failed: usize,
}

/// Talks without a pause until `stop`.
async fn talk(client: SocketIoClient, talk: watch::Sender<Talk>, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let number = talk.borrow().said;
        let reached = say(&client, number).await.expect("an answer in time");
        talk.send_modify(|talk| {
            talk.said += 1;
            talk.failed += usize::from(!reached);
        });
    }
    client.close().await.expect("it closes");
}

#[tokio::test]
async fn a_redis_that_dies_under_traffic_costs_what_both_sides_have_counted() -> Result {
    let redis = create_redis().await?;
    let (here, there) = (node(redis.url()).await, node(redis.url()).await);
    let (near, far) = (client(&here).await?, client(&there).await?);
    let (mut heard_near, mut heard_far) = (near.on("said"), far.on("said"));

    let (told, mut talking) = watch::channel(Talk::default());
    let (stop, stopped) = watch::channel(false);
    let talker = tokio::spawn(talk(client(&here).await?, told, stopped));
    let mut far_numbers = Vec::new();
    for _ in 0..50 {
        far_numbers.push(hear(&mut heard_far).await?);
    }
    redis.stop().await?;
    talking.wait_for(|talk| talk.failed >= 50).await.expect("it talks on");
    redis.start().await?;
    let failed = talking.borrow().failed;
    // Those that came before the end may still be in the stream; then it goes on.
    while far_numbers.last().is_none_or(|last| *last < failed + 100) {
        far_numbers.push(hear(&mut heard_far).await?);
    }
    stop.send(true).expect("somebody talks");
    talker.await.expect("it talks to the end");
    let Talk { said, failed } = *talking.borrow();
    // One more, which tells that all before it have come or are lost.
    let last = client(&here).await?;
    assert!(say(&last, said).await?);
    while far_numbers.last() != Some(&said) {
        far_numbers.push(hear(&mut heard_far).await?);
    }

    for number in 0..=said {
        assert_eq!(hear(&mut heard_near).await?, number, "the same node hears everything");
    }
    assert!(far_numbers.is_sorted_by(|one, next| one < next), "none doubled, all in order");
    let missed = said + 1 - far_numbers.len();
    let there_now = redis_of(&there).await;
    assert_eq!(there_now, json!({ "connected": true, "lost": 0, "missed": missed }));
    let here_now = redis_of(&here).await;
    assert_eq!(here_now, json!({ "connected": true, "lost": failed, "missed": 0 }));
    // The two need not agree: of some that Redis had taken when it died the sender has not heard so,
    // and the first node that is back is heard by nobody until the other one is.
    assert!(missed > 0, "Redis was away");
    eprintln!("{} said, {failed} reported as local only, {missed} missed elsewhere", said + 1);

    for client in [near, far, last] {
        client.close().await?;
    }
    here.stop().await;
    there.stop().await;
    redis.close().await
}

/// The way of one node to Redis, which can be cut.
struct Way {
    directory: TempDir,
    redis: PathBuf,
    task: Option<JoinHandle<()>>,
}

impl Way {
    fn to(redis: &Redis) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut way = Self { directory, redis: redis.socket(), task: None };
        way.mend();
        way
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("way.sock")
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Ends what goes through, and lets nothing more through.
    async fn cut(&mut self) {
        let task = self.task.take().expect("a way that stands");
        task.abort();
        task.await.expect_err("it was aborted");
        std::fs::remove_file(self.socket()).expect("the socket was there");
    }

    fn mend(&mut self) {
        let listener = UnixListener::bind(self.socket()).expect("nobody else has it");
        let redis = self.redis.clone();
        self.task = Some(tokio::spawn(async move {
            let mut through = tokio::task::JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let redis = redis.clone();
                through.spawn(async move {
                    let mut to = UnixStream::connect(redis).await?;
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        }));
    }
}

/// The others can send, so that nobody is told of a loss but the one who could not hear.
#[tokio::test]
async fn a_node_that_was_cut_off_alone_learns_what_it_has_missed() -> Result {
    let redis = create_redis().await?;
    let mut way = Way::to(&redis);
    let (here, there) = (node(redis.url()).await, node(way.url()).await);
    let (near, far) = (client(&here).await?, client(&there).await?);
    let (mut heard_near, mut heard_far) = (near.on("said"), far.on("said"));
    for number in 0..5 {
        assert!(say(&near, number).await?);
        assert_eq!(hear(&mut heard_far).await?, number);
    }

    way.cut().await;
    becomes(&there, "connected", false).await;
    for number in 5..12 {
        assert!(say(&near, number).await?, "it does reach Redis");
    }
    assert!(!say(&far, 100).await?, "and this one does not");
    assert_eq!(redis_of(&there).await, json!({ "connected": false, "lost": 1, "missed": 0 }));

    way.mend();
    // Nothing more is said: the node asks, and is told.
    becomes(&there, "missed", 7).await;
    becomes(&here, "missed", 1).await;
    assert!(say(&near, 12).await? && say(&far, 101).await?);
    assert_eq!(hear(&mut heard_far).await?, 12);
    assert_eq!(hear(&mut heard_near).await?, 101);
    assert_eq!(redis_of(&here).await, json!({ "connected": true, "lost": 0, "missed": 1 }));
    assert_eq!(redis_of(&there).await, json!({ "connected": true, "lost": 1, "missed": 7 }));

    near.close().await?;
    far.close().await?;
    here.stop().await;
    there.stop().await;
    redis.close().await
}
