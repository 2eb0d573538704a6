//! The message of the panic that is unwinding this thread, which `Drop` is not told.

use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers panics from now on; they are printed as before.
pub(crate) fn remember() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A thread that is being torn down has no memory left.
            let _ = LAST.try_with(|last| *last.borrow_mut() = Some(describe(info)));
            before(info);
        }));
    });
}

/// The last panic of this thread.
pub(crate) fn last() -> Option<String> {
    LAST.with(|last| last.borrow().clone())
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    // Expectations that are not met panic in colour on a terminal.
    let message = info.payload_as_str().unwrap_or("Box<dyn Any>");
    let message = anstream::adapter::strip_str(message);
    match info.location() {
        Some(place) => format!("{message}\n  panicked at {}:{}", place.file(), place.line()),
        None => message.to_string(),
    }
}
