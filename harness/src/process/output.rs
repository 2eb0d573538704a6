use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::process::ExitStatus;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use regex::Regex;
use tokio::sync::watch;

/// What a process prints, and what is looked for in it while it is printed.
///
/// Read by threads, not by tasks: a server may outlive the runtime it was started on, and must never
/// stand still because nobody takes what it prints.
#[derive(Debug)]
pub(crate) struct Output {
    kept: Mutex<Kept>,
    sought: Sought,
    progress: watch::Sender<Progress>,
}

/// What is looked for in the lines of a process.
#[derive(Debug)]
pub(crate) struct Sought {
    /// Where it listens: the first group, or the whole match.
    pub(crate) address: Option<Regex>,
    pub(crate) ready_line: Option<Regex>,
}

/// What is known of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) address: Option<String>,
    pub(crate) ready_line: bool,
    /// It said that its port is taken.
    pub(crate) port_in_use: bool,
    /// Outputs that have not ended.
    pub(crate) open_streams: usize,
    pub(crate) ended: Option<ExitStatus>,
    /// Its process group was killed.
    pub(crate) group_ended: bool,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
    forgotten: usize,
}

impl Output {
    pub(crate) fn new(sought: Sought) -> Arc<Self> {
        let progress = watch::Sender::new(Progress::default());
        Arc::new(Self { kept: Mutex::default(), sought, progress })
    }

    pub(crate) fn progress(&self) -> &watch::Sender<Progress> {
        &self.progress
    }

    /// Reads a stream to its end.
    pub(crate) fn follow(
        self: &Arc<Self>,
        stream: Option<impl Read + Send + 'static>,
    ) -> io::Result<()> {
        let Some(stream) = stream else { return Ok(()) };
        self.progress.send_modify(|progress| progress.open_streams += 1);
        let output = Arc::clone(self);
        thread::Builder::new().name("output of a server".into()).spawn(move || {
            let mut lines = BufReader::new(stream);
            while let Some(line) = next_line(&mut lines) {
                output.push(&line);
            }
            output.progress.send_modify(|progress| progress.open_streams -= 1);
        })?;
        Ok(())
    }

    fn push(&self, line: &str) {
        // Kept first: who is told of a line may look at it.
        self.keep(line);
        self.look_for(line);
    }

    fn keep(&self, line: &str) {
        let mut kept = self.lock();
        kept.bytes += line.len();
        kept.lines.push_back(line.to_owned());
        while (kept.lines.len() > KEPT_LINES || kept.bytes > KEPT_BYTES)
            && let Some(oldest) = kept.lines.pop_front()
        {
            kept.bytes -= oldest.len();
            kept.forgotten += 1;
        }
    }

    fn look_for(&self, line: &str) {
        let address = self.sought.address.as_ref().and_then(|pattern| first_group(pattern, line));
        let ready_line = self.sought.ready_line.as_ref().is_some_and(|line_| line_.is_match(line));
        let port_in_use = PORT_IN_USE.is_match(line);
        self.progress.send_if_modified(|progress| {
            let found_address = progress.address.is_none() && address.is_some();
            if found_address {
                progress.address = address;
            }
            progress.ready_line |= ready_line;
            progress.port_in_use |= port_in_use;
            found_address || ready_line || port_in_use
        });
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Output {
    /// A block of lines that follows a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.lock();
        if kept.lines.is_empty() {
            return f.write_str("  it printed nothing");
        }
        f.write_str("  it printed:")?;
        if kept.forgotten > 0 {
            write!(f, "\n    … {} earlier lines", kept.forgotten)?;
        }
        kept.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

impl Output {
    /// The lines alone.
    pub(crate) fn text(&self) -> String {
        self.lock().lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

/// The next line, without its end and its colours; a long one in pieces. `None` at the end of the
/// stream.
fn next_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    match stream.take(LONGEST_LINE).read_until(b'\n', &mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => {
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            Some(anstream::adapter::strip_str(line).to_string())
        }
    }
}

fn first_group(pattern: &Regex, line: &str) -> Option<String> {
    let found = pattern.captures(line)?;
    let group = found.get(1).or_else(|| found.get(0))?;
    Some(group.as_str().to_owned())
}

/// How runtimes and libraries say that a port is taken.
static PORT_IN_USE: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"(?i)EADDRINUSE|AddrInUse|address (?:is )?(?:already )?in use|port \d+ (?:of \S+ )?is (?:already )?in use|only one usage of each socket address";
    #[expect(clippy::expect_used, reason = "a literal, compiled by a test below")]
    Regex::new(words).expect("a valid pattern")
});

const KEPT_LINES: usize = 200;
const KEPT_BYTES: usize = 64 << 10;
/// In bytes.
const LONGEST_LINE: u64 = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn output() -> Arc<Output> {
        Output::new(Sought { address: None, ready_line: None })
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_not_is_counted() {
        let output = output();
        for number in 0..KEPT_LINES + 10 {
            output.push(&number.to_string());
        }
        let shown = output.to_string();
        assert!(shown.starts_with("  it printed:\n    … 10 earlier lines\n    10\n"), "{shown}");
        for _ in 0..20 {
            output.push(&"x".repeat(4_000));
        }
        assert!(output.to_string().len() < KEPT_BYTES + 2_000);
        assert!(output.to_string().contains("… 214 earlier lines"), "{output}");
    }

    #[test]
    fn lines_are_read_whatever_they_hold() {
        let long = "x".repeat(5_000);
        let text = format!("\x1b[32mgreen\x1b[0m\r\n\n{long}\nend");
        let mut stream = text.as_bytes().chain(&[b'\n', 0xff][..]);
        let mut stream = BufReader::new(&mut stream);
        let lines: Vec<_> = std::iter::from_fn(|| next_line(&mut stream)).collect();
        assert_eq!(lines, ["green", "", &long[..4096], &long[4096..], "end", "\u{fffd}"]);
    }

    #[test]
    fn a_taken_port_is_understood_in_many_tongues() {
        for line in [
            "Error: listen EADDRINUSE: address already in use 127.0.0.1:3000",
            "OSError: [Errno 98] Address already in use",
            r#"Os { code: 98, kind: AddrInUse, message: "Address in use" }"#,
            "error: port 3000 of 127.0.0.1 is in use",
            "listen tcp :3000: bind: Only one usage of each socket address",
        ] {
            let output = output();
            output.push(line);
            assert!(output.progress().borrow().port_in_use, "{line}");
        }
        let output = output();
        output.push("uses port 3000, in the usual way of addresses");
        assert!(!output.progress().borrow().port_in_use);
    }
}
