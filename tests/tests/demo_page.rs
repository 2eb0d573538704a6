//! The demo page in a real browser, with the official client.

use std::path::Path;

use serde_json::json;
use socketio_fixtures::reference::{App, Config, Running, start};
use socketio_tests::devtools::{Browser, Tab};
use socketio_tests::http_get_at;

async fn server(path: &str) -> Running {
    let config = Config { path: path.into(), ..Config::default() };
    start(&config, App::Base).await.expect("a server that starts")
}

async fn open<'a>(browser: &'a Browser, server: &Running) -> Tab<'a> {
    let tab = browser.open(&server.url()).await;
    tab.until("document.getElementById('status').dataset.state === 'connected'").await;
    tab
}

fn logged(kind: &str, text: &str) -> String {
    format!(
        "[...document.querySelectorAll('#log .{kind}')].some((it) => it.innerText.includes({}))",
        json!(text)
    )
}

async fn focus(tab: &Tab<'_>, id: &str) {
    tab.eval(&format!("document.getElementById('{id}').focus()")).await;
}

async fn join(tab: &Tab<'_>, room: &str) {
    focus(tab, "room").await;
    tab.type_text(room).await;
    tab.press("Enter").await;
    tab.until(&logged("ack", &format!(r#"join → ["{room}"]"#))).await;
}

async fn say(tab: &Tab<'_>, room: &str, text: &str) {
    tab.eval(&format!("document.getElementById('target').value = '{room}'")).await;
    focus(tab, "text").await;
    tab.type_text(text).await;
    tab.press("Enter").await;
    tab.until(&logged("ack", &format!(r#"say → {{"room":"{room}","text":"{text}"}}"#))).await;
}

#[tokio::test]
async fn two_tabs_connect_upgrade_and_talk() {
    let server = server("/chat-path").await;
    let browser = Browser::start().await;
    let (first, second) = (open(&browser, &server).await, open(&browser, &server).await);
    // Connected by polling, as browsers do, then upgraded.
    for tab in [&first, &second] {
        tab.until("document.getElementById('transport').textContent === 'websocket'").await;
        let loaded = "performance.getEntriesByType('resource').map((it) => it.name).join(' ')";
        let loaded = tab.eval(loaded).await.to_string();
        assert!(loaded.contains("transport=polling"), "{loaded}");
        tab.until("document.getElementById('process').textContent !== '–'").await;
    }

    join(&first, "lobby").await;
    say(&second, "", "to everyone").await;
    first.until(&logged("received", "to everyone")).await;
    join(&second, "lobby").await;
    say(&second, "lobby", "to the lobby").await;
    first.until(&logged("received", "lobby · ")).await;
    // The sender gets the ack alone.
    let received = second.eval("document.querySelectorAll('#log .received').length").await;
    assert_eq!(received, 0);

    // The keyboard reaches what the mouse does, in the order of the page.
    focus(&first, "toggle").await;
    let mut stops = Vec::new();
    for _ in 0..6 {
        first.press("Tab").await;
        let name = "document.activeElement.id || document.activeElement.innerText";
        stops.push(first.eval(name).await);
    }
    assert_eq!(stops, ["room", "Join", "lobby ×", "target", "text", "Send"]);
    focus(&first, "toggle").await;
    first.press("Enter").await;
    first.until("document.getElementById('status').dataset.state === 'disconnected'").await;
    first.press("Enter").await;
    first.until("document.getElementById('status').dataset.state === 'connected'").await;
    // It is in its room again.
    first.until("socket.connected && rooms.has('lobby')").await;
    server.stop().await;
    second.until("document.getElementById('status').dataset.state === 'disconnected'").await;
}

#[tokio::test]
async fn the_page_fits_phones_and_both_themes() {
    let server = server("/socket.io").await;
    let browser = Browser::start().await;
    let tab = open(&browser, &server).await;
    join(&tab, "lobby").await;
    say(&tab, "lobby", "Hello").await;
    let mut grounds = Vec::new();
    for theme in ["light", "dark"] {
        for width in [375, 1280] {
            tab.look(width, theme).await;
            // Nothing sticks out sideways, and fingers can hit what is to be hit.
            tab.until(&format!("innerWidth === {width}")).await;
            let overflow = "document.documentElement.scrollWidth - innerWidth";
            assert_eq!(tab.eval(overflow).await, 0, "{theme} at {width}");
            let smallest = "Math.min(...[...document.querySelectorAll('button, input, select')]\
                            .map((it) => it.getBoundingClientRect().height))";
            assert!(tab.eval(smallest).await.as_f64() >= Some(36.0), "{theme} at {width}");
            if let Ok(directory) = std::env::var("SCREENSHOTS") {
                let file = Path::new(&directory).join(format!("{theme}-{width}.png"));
                tab.screenshot(&file).await;
            }
        }
        grounds.push(tab.eval("getComputedStyle(document.body).backgroundColor").await);
    }
    assert_ne!(grounds[0], grounds[1], "a theme of its own");
    // Each field has a name.
    let nameless =
        "[...document.querySelectorAll('input, select')].filter((it) => !it.labels.length).length";
    assert_eq!(tab.eval(nameless).await, 0);
    server.stop().await;
}

/// The server carries a copy, so that it builds without npm.
#[tokio::test]
async fn the_browser_client_is_the_official_one() {
    let package = [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", "peers", "node", "node_modules"];
    let package: std::path::PathBuf = package.iter().collect();
    let file = package.join("socket.io-client").join("dist").join("socket.io.min.js");
    let official = std::fs::read_to_string(&file)
        .unwrap_or_else(|_| panic!("{} is missing: run ./tests/run", file.display()));
    let server = server("/socket.io").await;
    let copy = http_get_at(server.address().port(), "/socket.io/socket.io.js").await;
    assert!(copy == official, "copy socket.io.min.js of the package anew");
    server.stop().await;
}
