//! Processes that a server has started and left behind.

use std::fmt;

/// A process that still runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survivor {
    pub(crate) id: u32,
    pub(crate) in_group: bool,
    pub(crate) command: String,
}

/// What a process and its descendants carry in their environment. A descendant that has left the
/// process group is found by it.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Unique on this machine.
    own: String,
    /// Those of tests around this one come first.
    value: String,
}

impl Mark {
    pub(crate) const VARIABLE: &str = "SOCKETIO_TEST_PROCESS";

    pub(crate) fn new(group: u32) -> Self {
        let own = format!("{}.{group}", std::process::id());
        let value = match std::env::var(Self::VARIABLE) {
            Ok(outer) => format!("{outer}:{own}"),
            Err(_) => own.clone(),
        };
        Self { own, value }
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (`{}`)", self.id, self.command)
    }
}

/// The processes that belong to the group or carry the mark, and have not ended. Without the
/// group's leader, which is the harness's own.
#[cfg(target_os = "linux")]
pub(crate) fn survivors(group: u32, mark: &Mark) -> Vec<Survivor> {
    let Ok(processes) = procfs::process::all_processes() else { return Vec::new() };
    let survivor = |process: procfs::process::Process| {
        // One that ends while it is looked at is none.
        let stat = process.stat().ok()?;
        let id = u32::try_from(stat.pid).ok()?;
        let in_group = u32::try_from(stat.pgrp) == Ok(group);
        let has_ended = matches!(stat.state, 'Z' | 'X');
        if id == group || has_ended || !(in_group || carries(&process, mark)) {
            return None;
        }
        let command = process.cmdline().unwrap_or_default();
        let command = if command.is_empty() { stat.comm } else { command.join(" ") };
        Some(Survivor { id, in_group, command })
    };
    processes.filter_map(|process| survivor(process.ok()?)).collect()
}

#[cfg(target_os = "linux")]
fn carries(process: &procfs::process::Process, mark: &Mark) -> bool {
    // That of another user cannot be read.
    let Ok(environment) = process.environ() else { return false };
    let value = environment.get(std::ffi::OsStr::new(Mark::VARIABLE));
    let value = value.and_then(|value| value.to_str());
    value.is_some_and(|value| value.split(':').any(|part| part == mark.own))
}

/// Only Linux tells what runs without a program that lists it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn survivors(_group: u32, _mark: &Mark) -> Vec<Survivor> {
    Vec::new()
}
