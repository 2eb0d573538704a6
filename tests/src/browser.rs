//! A headless Chromium, driven as a person would: pages are opened, clicked, typed into, looked at.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use socketio_harness::scaled;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The browser; it ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    program: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// A tab of a [`Browser`].
#[derive(Debug, Clone, Copy)]
pub struct Tab(u64);

/// How a page is shown.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Pixels across; below 600 it is a phone with a touch screen.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// `light` or `dark`, as the system would say.
    pub theme: &'static str,
}

impl Screen {
    /// A desk.
    pub const WIDE: Self = Self { width: 1280, height: 800, theme: "light" };
    /// A phone.
    pub const PHONE: Self = Self { width: 390, height: 844, theme: "light" };

    /// The smallest phone, or a page at four times its size.
    pub const NARROW: Self = Self { width: 320, height: 640, theme: "light" };

    /// The same at night.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { theme: "dark", ..self }
    }
}

impl Browser {
    /// Starts Chromium; needs Node and what `tests/run` installs.
    ///
    /// # Panics
    /// If a program is missing.
    pub fn start() -> Self {
        let directory = super::peers("node");
        super::installed(&directory.join("node_modules").join("puppeteer-core"));
        let chromium = super::program("chromium");
        let mut program = Command::new(super::program("node"))
            .arg("browser.js")
            .env("CHROMIUM", chromium)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let commands = program.stdin.take().expect("stdin is piped");
        let answers = program.stdout.take().expect("stdout is piped");
        Self { program, commands, answers: BufReader::new(answers).lines() }
    }

    /// Opens a page in a tab of its own.
    ///
    /// # Panics
    /// If it cannot be opened, as everything here does that does not work.
    pub async fn open(&mut self, url: &str, screen: Screen) -> Tab {
        let Screen { width, height, theme } = screen;
        let command = json!({
            "command": "open", "url": url, "width": width, "height": height, "theme": theme,
        });
        Tab(self.run(command).await.as_u64().expect("a tab has a number"))
    }

    /// Clicks, or taps, the first element that the CSS selector finds.
    pub async fn click(&mut self, tab: Tab, selector: &str) {
        self.run(json!({"command": "click", "tab": tab.0, "selector": selector})).await;
    }

    /// Chooses an option of a `select`.
    pub async fn choose(&mut self, tab: Tab, selector: &str, value: &str) {
        let command =
            json!({"command": "choose", "tab": tab.0, "selector": selector, "value": value});
        self.run(command).await;
    }

    /// Types into a field.
    pub async fn type_into(&mut self, tab: Tab, selector: &str, text: &str) {
        self.run(json!({"command": "type", "tab": tab.0, "selector": selector, "text": text}))
            .await;
    }

    /// Presses a key, named as in `KeyboardEvent.key`.
    pub async fn press(&mut self, tab: Tab, key: &str) {
        self.run(json!({"command": "press", "tab": tab.0, "key": key})).await;
    }

    /// The value of a JavaScript expression in the page.
    pub async fn evaluate(&mut self, tab: Tab, script: &str) -> Value {
        self.run(json!({"command": "evaluate", "tab": tab.0, "script": script})).await
    }

    /// Waits until a JavaScript expression becomes true.
    pub async fn until(&mut self, tab: Tab, script: &str) -> Value {
        self.run(json!({"command": "until", "tab": tab.0, "script": script})).await
    }

    /// Writes a PNG of the whole page.
    pub async fn screenshot(&mut self, tab: Tab, path: &Path) {
        self.run(json!({"command": "screenshot", "tab": tab.0, "path": path})).await;
    }

    /// Fails if the page threw, complained on the console, or asked for what it did not get.
    ///
    /// # Panics
    /// If it did.
    pub async fn no_problems(&mut self, tab: Tab) {
        let problems = self.run(json!({"command": "problems", "tab": tab.0})).await;
        assert_eq!(problems, json!([]));
    }

    /// Ends the browser and waits until it is gone.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn close(self) {
        let Self { mut program, commands, answers } = self;
        drop((commands, answers));
        let ended = tokio::time::timeout(scaled(PATIENCE), program.wait()).await;
        assert!(ended.is_ok_and(|status| status.is_ok()), "the browser did not end");
    }

    async fn run(&mut self, command: Value) -> Value {
        let line = format!("{command}\n");
        let exchange = async {
            self.commands.write_all(line.as_bytes()).await?;
            self.answers.next_line().await
        };
        let answer = tokio::time::timeout(scaled(PATIENCE), exchange).await;
        let answer = answer.expect("the browser answers in time");
        let answer = answer.expect("the browser runs").expect("the browser has not ended");
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer.get("ok").cloned().unwrap_or_default()
    }
}

/// Chromium takes its time to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
