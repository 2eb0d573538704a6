//! Headless Chromium for the time of a test, told what to do in its own protocol (the Chrome
//! `DevTools` Protocol, <https://chromedevtools.github.io/devtools-protocol/>): the few commands that the tests
//! of a page need.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test's helper fails the test")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use socketio_harness::scaled;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A browser. It ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    devtools: Mutex<DevTools>,
    _process: Child,
    _profile: TempDir,
}

#[derive(Debug)]
struct DevTools {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
}

/// A tab of a [`Browser`].
#[derive(Debug)]
pub struct Tab<'a> {
    browser: &'a Browser,
    session: String,
}

impl Browser {
    /// Starts one with a profile of its own.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory");
        let mut process = Command::new("chromium")
            .args(["--headless=new", "--remote-debugging-port=0", "--no-first-run"])
            // Tests run as root in containers, which have neither a sandbox nor much /dev/shm.
            .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium is missing: run ./tests/run, which installs it");
        let mut lines = BufReader::new(process.stderr.take().expect("its log")).lines();
        let mut log = Vec::new();
        let ready = async {
            while let Some(line) = lines.next_line().await.expect("its log") {
                if let Some(url) = line.strip_prefix("DevTools listening on ") {
                    return Some(url.to_owned());
                }
                log.push(line);
            }
            None
        };
        let ready = tokio::time::timeout(scaled(Duration::from_secs(20)), ready).await;
        let Ok(Some(url)) = ready else { panic!("chromium did not start:\n{}", log.join("\n")) };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (socket, _) = connect_async(url).await.expect("the browser's protocol");
        let devtools = Mutex::new(DevTools { socket, last_id: 0 });
        Self { devtools, _process: process, _profile: profile }
    }

    /// Opens a page in a new tab.
    ///
    /// # Panics
    /// If the browser will not.
    pub async fn open(&self, url: &str) -> Tab<'_> {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", attach).await;
        let session = attached["sessionId"].as_str().expect("a session").to_owned();
        let tab = Tab { browser: self, session };
        tab.call("Page.enable", json!({})).await;
        // Each tab behaves as the one in front.
        tab.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await;
        tab.call("Page.navigate", json!({ "url": url })).await;
        tab.until("document.readyState === 'complete' && location.href !== 'about:blank'").await;
        tab
    }

    /// Sends a command and waits for its answer; events are none of our business.
    async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let mut devtools = self.devtools.lock().await;
        devtools.last_id += 1;
        let id = devtools.last_id;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        let answer = async {
            devtools.socket.send(Message::text(command.to_string())).await.expect("it listens");
            loop {
                let message = devtools.socket.next().await.expect("it lives").expect("it talks");
                let Ok(mut message) = serde_json::from_slice::<Value>(&message.into_data()) else {
                    continue;
                };
                if message["id"] == id {
                    assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                    return message["result"].take();
                }
            }
        };
        let answer = tokio::time::timeout(scaled(Duration::from_secs(20)), answer).await;
        answer.unwrap_or_else(|_| panic!("{method}: no answer from the browser"))
    }
}

impl Tab<'_> {
    async fn call(&self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params).await
    }

    /// The value of a JavaScript expression, awaited if it is a promise.
    ///
    /// # Panics
    /// If it throws.
    pub async fn eval(&self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", params).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true; the page looks again with every frame it draws.
    ///
    /// # Panics
    /// If it is not within ten seconds.
    pub async fn until(&self, expression: &str) {
        let waiting = format!(
            "new Promise((resolve) => {{
               const end = performance.now() + 10000;
               const look = () => {{
                 if ({expression}) resolve(true);
                 else if (performance.now() > end) resolve(document.body?.innerText ?? '');
                 else setTimeout(look, 10);
               }};
               look();
             }})"
        );
        let became = self.eval(&waiting).await;
        assert_eq!(became, true, "never true: {expression}");
    }

    /// Types into what has the focus.
    pub async fn type_text(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses and releases a key that moves the focus or acts: `Tab`, `Enter`, `Space`.
    ///
    /// # Panics
    /// If the key has another name.
    pub async fn press(&self, key: &str) {
        let (key, code, number, text) = match key {
            "Tab" => ("Tab", "Tab", 9, ""),
            "Enter" => ("Enter", "Enter", 13, "\r"),
            "Space" => (" ", "Space", 32, " "),
            other => panic!("no such key: {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number,
            });
            if kind == "keyDown" {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Shows the page as on a screen of that width, in the `light` or the `dark` theme.
    pub async fn look(&self, width: u32, theme: &str) {
        let height = 900;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Writes a picture of the page, as PNG.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn screenshot(&self, file: &Path) {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.call("Page.captureScreenshot", params).await;
        let data = picture["data"].as_str().expect("a picture");
        let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, data);
        std::fs::write(file, bytes.expect("base64")).expect("room on the disk");
    }
}
