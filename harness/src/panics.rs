//! Panics of an app's tasks. tokio catches them, and the servers spawn their handlers without
//! looking at how they end; so a hook looks on.
//!
//! A panic belongs to the app whose runtime the panicking task ran on. An app has a runtime of its
//! own unless it is simulated or was told to live in the test's; then every panic of a *task* on
//! that runtime counts, a task of the test's included, but not one of the test function itself.
//!
//! The same hook remembers what a thread last panicked with: `Drop`, which is run while the thread
//! unwinds, is not told.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::{Handle, Id};

/// A panic in a task of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerPanic {
    /// What was panicked with.
    pub message: String,
    /// `file:line:column`.
    pub location: String,
}

impl fmt::Display for HandlerPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a task of the server panicked at {}: {}", self.location, self.message)
    }
}

/// The panics of one app.
#[derive(Debug, Default)]
pub(crate) struct Panics {
    caught: Mutex<Vec<HandlerPanic>>,
}

impl Panics {
    /// Collects the panics on a runtime for as long as the app lives.
    pub(crate) fn watch(self: &Arc<Self>, runtime: Id) {
        install_hook();
        let mut watchers = watchers();
        // What is left of closed apps goes with the next one.
        watchers.retain(|_, apps| {
            apps.retain(|app| app.strong_count() > 0);
            !apps.is_empty()
        });
        watchers.entry(runtime).or_default().push(Arc::downgrade(self));
    }

    /// What has come so far, once.
    pub(crate) fn take(&self) -> Vec<HandlerPanic> {
        std::mem::take(&mut self.lock())
    }

    /// What has come so far, and has not been taken.
    pub(crate) fn so_far(&self) -> Vec<HandlerPanic> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<HandlerPanic>> {
        self.caught.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks on at every panic of the process from now on; they are printed as before. A hook that is
/// set in its place drops this one, as around a panic that a test expects; then it is set again.
pub(crate) fn install_hook() {
    // One at a time: between the two steps the default hook is in force.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    // A thread that panics may change no hook.
    if std::thread::panicking() || INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let hook = Hook { previous: std::panic::take_hook() };
    std::panic::set_hook(Box::new(move |panic| hook.call(panic)));
}

struct Hook {
    previous: Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>,
}

impl Hook {
    fn call(&self, panic: &PanicHookInfo<'_>) {
        // It may be called by another that it calls itself.
        let is_first = !TELLING.replace(true);
        if is_first {
            BEING_TOLD.fetch_add(1, Ordering::AcqRel);
            note(&HandlerPanic::new(panic));
        }
        (self.previous)(panic);
        if is_first {
            TELLING.set(false);
            BEING_TOLD.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        INSTALLED.store(false, Ordering::Release);
    }
}

/// Whether a panic of this process is being told at this moment. To print a backtrace takes a tenth
/// of a second, on a busy machine a whole one; the task that panics ends after it.
pub(crate) fn are_being_told() -> bool {
    BEING_TOLD.load(Ordering::Acquire) > 0
}

/// What this thread last panicked with.
pub(crate) fn last_of_this_thread() -> Option<HandlerPanic> {
    LAST.with(|last| last.borrow().clone())
}

impl HandlerPanic {
    fn new(panic: &PanicHookInfo<'_>) -> Self {
        let message = panic.payload_as_str().unwrap_or("something that is no text");
        // Expectations that are not met panic in colour on a terminal.
        let message = anstream::adapter::strip_str(message).to_string();
        let location =
            panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        Self { message, location }
    }
}

fn note(panic: &HandlerPanic) {
    // A thread that is being torn down has no memory left.
    let _ = LAST.try_with(|last| *last.borrow_mut() = Some(panic.clone()));
    // The test function itself runs on a runtime, too, but in no task.
    if tokio::task::try_id().is_none() {
        return;
    }
    let Ok(runtime) = Handle::try_current() else { return };
    let apps: Vec<_> = match watchers().get(&runtime.id()) {
        Some(apps) => apps.iter().filter_map(Weak::upgrade).collect(),
        None => return,
    };
    for app in apps {
        app.lock().push(panic.clone());
    }
}

static BEING_TOLD: AtomicUsize = AtomicUsize::new(0);
/// Whether a hook of ours is there, be it called by another.
static INSTALLED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The hook runs.
    static TELLING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<HandlerPanic>> = const { RefCell::new(None) };
}

type Watchers = HashMap<Id, Vec<Weak<Panics>>>;

fn watchers() -> MutexGuard<'static, Watchers> {
    static WATCHERS: LazyLock<Mutex<Watchers>> = LazyLock::new(Mutex::default);
    WATCHERS.lock().unwrap_or_else(PoisonError::into_inner)
}
