//! The demo page in a real browser, with the official client.

use std::path::{Path, PathBuf};

use serde_json::json;
use socketio_fixtures::reference::{App, Config, Running, start};
use socketio_tests::browser::{Browser, Screen, Tab};
use socketio_tests::http_get_at;

async fn server(path: &str) -> Running {
    let config = Config { path: path.into(), ..Config::default() };
    start(&config, App::Base).await.expect("a server that starts")
}

/// Opens the page, and waits until it is connected and upgraded.
async fn open(browser: &mut Browser, server: &Running, screen: Screen) -> Tab {
    let tab = browser.open(&server.url(), screen).await;
    status(browser, tab, "connected").await;
    browser.until(tab, "document.getElementById('transport').textContent === 'websocket'").await;
    tab
}

async fn status(browser: &mut Browser, tab: Tab, state: &str) {
    let script = format!("document.getElementById('status').dataset.state === '{state}'");
    browser.until(tab, &script).await;
}

/// Waits for a line of the page's log.
async fn logged(browser: &mut Browser, tab: Tab, kind: &str, text: &str) {
    let script = format!(
        "[...document.querySelectorAll('#log .{kind}')].some((it) => it.innerText.includes({}))",
        json!(text)
    );
    browser.until(tab, &script).await;
}

async fn join(browser: &mut Browser, tab: Tab, room: &str) {
    browser.type_into(tab, "#room", room).await;
    browser.click(tab, "#join button").await;
    logged(browser, tab, "ack", &format!(r#"join → ["{room}"]"#)).await;
}

async fn say(browser: &mut Browser, tab: Tab, room: &str, text: &str) {
    browser.choose(tab, "#target", room).await;
    browser.type_into(tab, "#text", text).await;
    browser.press(tab, "Enter").await;
    let ack = format!(r#"say → {{"room":"{room}","text":"{text}"}}"#);
    logged(browser, tab, "ack", &ack).await;
}

#[tokio::test]
async fn two_tabs_connect_upgrade_and_talk() {
    let server = server("/chat-path").await;
    let mut browser = Browser::start();
    let first = open(&mut browser, &server, Screen::WIDE).await;
    let second = open(&mut browser, &server, Screen::PHONE).await;
    for tab in [first, second] {
        // Connected by polling, as browsers do, then upgraded.
        logged(&mut browser, tab, "transport", "polling").await;
        logged(&mut browser, tab, "transport", "upgraded to websocket").await;
        let process =
            format!("document.getElementById('process').textContent === '{}'", std::process::id());
        browser.until(tab, &process).await;
    }

    join(&mut browser, first, "lobby").await;
    say(&mut browser, second, "", "to everyone").await;
    logged(&mut browser, first, "received", "everyone · ").await;
    join(&mut browser, second, "lobby").await;
    say(&mut browser, second, "lobby", "to the lobby").await;
    logged(&mut browser, first, "received", "lobby · ").await;
    // The sender gets the ack alone.
    let received = "document.querySelectorAll('#log .received').length";
    assert_eq!(browser.evaluate(second, received).await, 0);
    assert_eq!(browser.evaluate(first, received).await, 2);
    for (name, tab) in [("talk-wide", first), ("talk-phone", second)] {
        browser.no_problems(tab).await;
        picture(&mut browser, tab, name).await;
    }
    browser.close().await;
    server.stop().await;
}

/// The keyboard reaches what the mouse does, in the order of the page.
#[tokio::test]
async fn the_keyboard_is_enough() {
    let server = server("/socket.io").await;
    let mut browser = Browser::start();
    let tab = open(&mut browser, &server, Screen::WIDE).await;
    join(&mut browser, tab, "lobby").await;
    browser.evaluate(tab, "document.getElementById('toggle').focus()").await;
    let mut stops = Vec::new();
    for _ in 0..6 {
        browser.press(tab, "Tab").await;
        let name = "document.activeElement.id || document.activeElement.innerText";
        stops.push(browser.evaluate(tab, name).await);
    }
    assert_eq!(stops, ["room", "Join", "lobby ×", "target", "text", "Send"]);

    browser.evaluate(tab, "document.getElementById('toggle').focus()").await;
    browser.press(tab, "Enter").await;
    status(&mut browser, tab, "disconnected").await;
    browser.press(tab, "Enter").await;
    status(&mut browser, tab, "connected").await;
    // It is in its room again, and still there to be chosen.
    say(&mut browser, tab, "lobby", "back").await;
    browser.no_problems(tab).await;
    browser.close().await;
    server.stop().await;
}

#[tokio::test]
async fn the_page_tells_that_its_server_has_gone() {
    let server = server("/socket.io").await;
    let mut browser = Browser::start();
    let tab = open(&mut browser, &server, Screen::WIDE).await;
    join(&mut browser, tab, "lobby").await;
    server.stop().await;
    logged(&mut browser, tab, "failed", "disconnected: ").await;
    browser
        .until(
            tab,
            "[...document.querySelectorAll('main button:not(#toggle)')].every((it) => it.disabled)",
        )
        .await;
    let id = browser.evaluate(tab, "document.getElementById('id').textContent").await;
    assert_eq!(id, "–");
    picture(&mut browser, tab, "server-gone").await;
    browser.close().await;
}

/// Puts a picture of the page where `SCREENSHOTS` says, if it does, for people to look at.
async fn picture(browser: &mut Browser, tab: Tab, name: &str) {
    if let Some(directory) = std::env::var_os("SCREENSHOTS").map(PathBuf::from) {
        browser.screenshot(tab, &directory.join(format!("{name}.png"))).await;
    }
}

#[tokio::test]
async fn the_page_fits_phones_and_both_themes() {
    let server = server("/socket.io").await;
    let mut browser = Browser::start();
    let mut grounds = Vec::new();
    let all = [Screen::WIDE, Screen::PHONE, Screen::NARROW];
    for screen in all.into_iter().chain(all.map(Screen::dark)) {
        let tab = open(&mut browser, &server, screen).await;
        join(&mut browser, tab, "lobby").await;
        say(&mut browser, tab, "lobby", "Hello").await;
        // Nothing sticks out sideways, and fingers can hit what is to be hit.
        let overflow = "document.documentElement.scrollWidth - innerWidth";
        assert_eq!(browser.evaluate(tab, overflow).await, 0, "{screen:?}");
        let smallest = "Math.min(...[...document.querySelectorAll('button, input, select')]\
                        .map((it) => it.getBoundingClientRect().height))";
        let smallest = browser.evaluate(tab, smallest).await.as_f64();
        assert!(smallest >= Some(36.0), "{screen:?}: {smallest:?}");
        picture(&mut browser, tab, &format!("{}-{}", screen.theme, screen.width)).await;
        grounds
            .push(browser.evaluate(tab, "getComputedStyle(document.body).backgroundColor").await);
        // WCAG 2.2, "Non-text Contrast": 3 to 1 for what shows where a field is.
        let contrast = browser.evaluate(tab, CONTRAST).await.as_f64();
        assert!(contrast >= Some(3.0), "{screen:?}: {contrast:?}");
        // Each field has a name.
        let nameless = "[...document.querySelectorAll('input, select')]\
                        .filter((it) => !it.labels.length).length";
        assert_eq!(browser.evaluate(tab, nameless).await, 0);
        browser.no_problems(tab).await;
    }
    assert!(grounds[..3].iter().all(|ground| *ground == grounds[0]), "{grounds:?}");
    assert_ne!(grounds[0], grounds[3], "the dark has a ground of its own");
    assert!(grounds[3..].iter().all(|ground| *ground == grounds[3]), "{grounds:?}");
    browser.close().await;
    server.stop().await;
}

/// The least contrast between the border of a field and what surrounds it.
const CONTRAST: &str = r"(() => {
    const luminance = (colour) => {
        const parts = colour.match(/\d+/g).slice(0, 3).map((it) => it / 255);
        const linear = parts.map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    };
    const contrasts = [...document.querySelectorAll('input, select')].map((field) => {
        const border = luminance(getComputedStyle(field).borderTopColor);
        const card = luminance(getComputedStyle(field.closest('section')).backgroundColor);
        return (Math.max(border, card) + 0.05) / (Math.min(border, card) + 0.05);
    });
    return Math.min(...contrasts);
})()";

/// The server carries a copy, so that it builds without npm.
#[tokio::test]
async fn the_browser_client_is_the_official_one() {
    let package = ["fixtures", "peers", "node", "node_modules", "socket.io-client", "dist"];
    let file = package
        .iter()
        .fold(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), |it, part| it.join(part));
    let file = file.join("socket.io.min.js");
    let official = std::fs::read_to_string(&file)
        .unwrap_or_else(|_| panic!("{} is missing: run ./tests/run", file.display()));
    let server = server("/socket.io").await;
    let copy = http_get_at(server.address().port(), "/socket.io/socket.io.js").await;
    assert!(copy == official, "copy socket.io.min.js of the package anew");
    server.stop().await;
}
