//! A process group that nothing outlives.

use std::io;
use std::process::Command;
use std::sync::Arc;

use shared_child::SharedChild;

use super::survivors::Survivor;

/// The process group of a server.
///
/// Its leader is a shell that waits for the end of its standard input, and then kills the whole
/// group. The other end of that pipe is held here: the group is killed by closing it, and whatever
/// ends the test's process closes it, too. And for as long as the shell lives, no other group can be
/// given the same number.
///
/// (The crates for process groups, `process-wrap` and `command-group`, kill a group only while the
/// test lives to do it, and by a number that may have been given to others since.)
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Group {
    watchdog: Arc<SharedChild>,
    lifeline: std::sync::Mutex<Option<std::process::ChildStdin>>,
}

#[cfg(unix)]
impl Group {
    pub(crate) fn new() -> io::Result<Self> {
        let mut command = shell("read -r _; kill -KILL 0");
        let watchdog = SharedChild::spawn(command.stdin(std::process::Stdio::piped()))?;
        let lifeline = watchdog.take_stdin().into();
        Ok(Self { watchdog: Arc::new(watchdog), lifeline })
    }

    /// The number of the group.
    pub(crate) fn id(&self) -> u32 {
        self.watchdog.id()
    }

    /// Lets a command run in the group.
    pub(crate) fn take_in(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        // A process id that does not fit is none.
        command.process_group(i32::try_from(self.id()).unwrap_or_default());
    }

    /// Kills all that is in the group. Takes effect in a moment.
    pub(crate) fn kill(&self, server: &SharedChild) {
        self.cut();
        // Somebody may have killed the watchdog before.
        if !matches!(self.watchdog.try_wait(), Ok(None)) {
            let _ = server.kill();
        }
    }

    /// Tells the watchdog to kill.
    fn cut(&self) {
        drop(self.lifeline.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
    }

    /// Blocks until the group has been killed.
    pub(crate) fn end(&self) -> impl FnOnce() + Send + 'static {
        let watchdog = Arc::clone(&self.watchdog);
        move || {
            let _ = watchdog.wait();
        }
    }

    /// Asks a server to end.
    pub(crate) fn terminate(server: &SharedChild) {
        use shared_child::unix::SharedChildExt;
        // One that has ended needs no telling.
        let _ = server.send_signal(libc::SIGTERM);
    }

    /// Kills processes that have left the group.
    pub(crate) fn kill_others(others: &[Survivor]) {
        let mut command = shell(r#"kill -KILL "$@""#);
        command.args(others.iter().map(|other| other.id.to_string()));
        // They may have ended since.
        let _ = command.stdin(std::process::Stdio::null()).status();
    }
}

#[cfg(unix)]
impl Drop for Group {
    /// Kills what is left. A watchdog that nobody waits for would stay as a zombie.
    fn drop(&mut self) {
        self.cut();
        if matches!(self.watchdog.try_wait(), Ok(None)) {
            // Without a thread, the zombie goes with the test's process.
            let _ = std::thread::Builder::new().name("end of a group".into()).spawn(self.end());
        }
    }
}

/// A shell in a group of its own, that says nothing. `kill` is built into it.
#[cfg(unix)]
fn shell(script: &str) -> Command {
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "socketio-harness watchdog"]);
    command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}

/// The server alone.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Group;

#[cfg(not(unix))]
impl Group {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn id(&self) -> u32 {
        0
    }

    pub(crate) fn take_in(&self, _command: &mut Command) {}

    pub(crate) fn kill(&self, server: &SharedChild) {
        let _ = server.kill();
    }

    pub(crate) fn end(&self) -> impl FnOnce() + Send + 'static {
        || ()
    }

    pub(crate) fn terminate(server: &SharedChild) {
        let _ = server.kill();
    }

    pub(crate) fn kill_others(_others: &[Survivor]) {}
}
