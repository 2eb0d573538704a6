use std::fmt;
use std::future::Future;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use shared_child::SharedChild;
use socketio_mock_client::{DEFAULT_TIMEOUT, scaled};
use tokio::time::timeout;

use super::group::Group;
use super::output::{Output, Progress, Sought};
use super::survivors::{Mark, Survivor, survivors};
use super::{ChildProcess, Ending};
use crate::patience::Patience;
use crate::report::Leftover;
use crate::{Error, Result};

/// The process of an app that was made from a [`ChildProcess`]; [`App::process`](crate::App::process)
/// gives it.
pub struct RunningProcess {
    command: String,
    child: Arc<SharedChild>,
    group: Group,
    mark: Mark,
    output: Arc<Output>,
    url: String,
    ending: Ending,
    /// The test has asked for its end.
    is_to_end: AtomicBool,
    /// Nothing it has started is left, in its group or elsewhere.
    is_swept: bool,
    is_closed: bool,
}

impl RunningProcess {
    /// Starts the process, and threads that read what it prints and wait for its end.
    pub(super) fn spawn(process: &ChildProcess, port: u16, sought: Sought) -> Result<Self> {
        let command_line = process.command_line();
        process.check_directory()?;
        let cannot_start = |source| Error::Spawn { command: command_line.clone(), source };
        let group = Group::new().map_err(cannot_start)?;
        let mark = Mark::new(group.id());
        let mut command = process.command(port);
        command.env(Mark::VARIABLE, mark.value());
        group.take_in(&mut command);
        let child = Arc::new(SharedChild::spawn(&mut command).map_err(cannot_start)?);
        let running = Self {
            command: command_line.clone(),
            child,
            group,
            mark,
            output: Output::new(sought),
            url: String::new(),
            ending: process.ending,
            is_to_end: AtomicBool::new(false),
            is_swept: false,
            // Until it is ready, what it printed goes into the error.
            is_closed: true,
        };
        running.follow().map_err(cannot_start)?;
        Ok(running)
    }

    fn follow(&self) -> std::io::Result<()> {
        self.output.follow(self.child.take_stdout())?;
        self.output.follow(self.child.take_stderr())?;
        let (child, output) = (Arc::clone(&self.child), Arc::clone(&self.output));
        let end_of_group = self.group.end();
        thread::Builder::new().name("end of a server".into()).spawn(move || {
            if let Ok(status) = child.wait() {
                output.progress().send_modify(|progress| progress.ended = Some(status));
            }
            end_of_group();
            output.progress().send_modify(|progress| progress.group_ended = true);
        })?;
        Ok(())
    }

    pub(super) fn now_ready(mut self, url: String) -> Self {
        self.url = url;
        self.is_closed = false;
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn captured(&self) -> &Arc<Output> {
        &self.output
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last lines it has printed: standard output and standard error, each in its own order, and
    /// mixed as they were read.
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// Resolves when it has ended, with its exit status. Processes that it has started may still
    /// run.
    ///
    /// Fails with [`Error::Process`] if that takes longer than [`DEFAULT_TIMEOUT`].
    pub fn ended(&self) -> impl Future<Output = Result<ExitStatus>> + Send + use<> {
        let (output, command) = (Arc::clone(&self.output), self.command.clone());
        let after = scaled(DEFAULT_TIMEOUT);
        async move {
            match timeout(after, reaches(&output, |now| now.ended)).await {
                Ok(status) => Ok(status),
                Err(_) => Err(Error::Process {
                    command,
                    what: format!("still ran after {after:?}"),
                    output: output.to_string(),
                }),
            }
        }
    }

    /// Asks it to end, by SIGTERM. [`close`](crate::close) takes its end as expected from now on.
    pub fn terminate(&self) {
        self.is_to_end.store(true, Ordering::Release);
        Group::terminate(&self.child);
    }

    /// Kills it and all that it has started, as a crash would. [`close`](crate::close) takes its end
    /// as expected from now on.
    pub fn kill(&self) {
        self.is_to_end.store(true, Ordering::Release);
        self.group.kill(&self.child);
        self.kill_strays();
    }

    /// Kills what has left the group, and does not end with it.
    fn kill_strays(&self) {
        let mut strays = survivors(self.group.id(), &self.mark);
        strays.retain(|stray| !stray.in_group);
        if !strays.is_empty() {
            Group::kill_others(&strays);
        }
    }

    fn status(&self) -> Option<ExitStatus> {
        self.output.progress().borrow().ended
    }

    /// How it has ended, if it has; nothing once it is closed. Asks the system: a client may see the
    /// end of its connection before the thread that waits for the process has run, seldom even
    /// before the system tells.
    pub(crate) fn fate(&self) -> impl Fn() -> Option<ExitStatus> + Send + Sync + use<> {
        let child = Arc::downgrade(&self.child);
        move || child.upgrade()?.try_wait().ok()?
    }

    /// Ends it, and kills what is left. Returns what should not have been left.
    pub(crate) async fn stop(mut self, patience: Patience) -> Vec<Leftover> {
        self.is_closed = true;
        let mut left = Vec::new();
        let was_to_end = self.is_to_end.load(Ordering::Acquire);
        match self.status() {
            Some(status) if !was_to_end => {
                self.all_was_printed().await;
                left.push(Leftover::ServerEnded { outcome: format!("{status}\n{}", self.output) });
            }
            None if self.ending == Ending::Terminated => {
                Group::terminate(&self.child);
                let ended = reaches(&self.output, |now| now.ended);
                if patience.wait_for(ended).await.is_none() {
                    left.push(Leftover::Process {
                        command: self.command.clone(),
                        id: self.id(),
                        after: patience.total,
                    });
                }
            }
            _ => {}
        }
        // One that was killed had no chance to end what it had started.
        let ends_its_own = self.status().is_some() && self.ending == Ending::Terminated;
        if ends_its_own {
            left.extend(self.orphans(patience).await);
        }
        self.group.kill(&self.child);
        let gone = reaches(&self.output, |now| now.group_ended.then_some(()));
        // The kernel may hold on to a process for longer.
        let _ = timeout(scaled(DEFAULT_TIMEOUT), gone).await;
        if !ends_its_own {
            self.kill_strays();
        }
        self.is_swept = true;
        left
    }

    /// What the process has started, and has neither ended nor ends in time.
    async fn orphans(&self, patience: Patience) -> Vec<Leftover> {
        let orphans = loop {
            let orphans = survivors(self.group.id(), &self.mark);
            if orphans.is_empty() || patience.is_over() {
                break orphans;
            }
            // Nobody tells of the end of processes that are not one's own children.
            tokio::time::sleep(LOOK_AGAIN).await;
        };
        if !orphans.is_empty() {
            Group::kill_others(&orphans);
        }
        let told = |Survivor { id, command, .. }| Leftover::Orphan {
            command,
            id,
            server: self.command.clone(),
        };
        orphans.into_iter().map(told).collect()
    }

    /// Both outputs have ended, or a process it has left behind keeps them open.
    pub(super) async fn all_was_printed(&self) {
        let ended = reaches(&self.output, |now| (now.open_streams == 0).then_some(()));
        let _ = timeout(scaled(LAST_WORDS), ended).await;
    }
}

/// What is sought in the progress of a process, as soon as it is there.
pub(super) async fn reaches<T>(output: &Output, look: impl Fn(&Progress) -> Option<T>) -> T {
    let mut progress = output.progress().subscribe();
    loop {
        if let Some(found) = look(&progress.borrow_and_update()) {
            return found;
        }
        if progress.changed().await.is_err() {
            // The sender lives in `output`.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for RunningProcess {
    /// A process whose app was not closed ends all the same. Why it was not closed is most likely to
    /// be found in what it printed.
    fn drop(&mut self) {
        self.group.kill(&self.child);
        if !self.is_swept {
            self.kill_strays();
        }
        if !self.is_closed {
            let (command, id) = (&self.command, self.id());
            eprintln!("`{command}` (process {id}) was not closed, and is killed\n{}", self.output);
        }
    }
}

impl fmt::Debug for RunningProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (`{}`) at {}", self.id(), self.command, self.url)
    }
}

/// Between two looks for processes that were left behind.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long what a process has printed may be under way when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
