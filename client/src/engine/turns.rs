//! Acks one at a time, for an engine that cannot tell two of them apart.

use rustc_hash::FxHashSet;

/// Whose turn it is to ask for an ack.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The ack that has been asked for, and has not come.
    asked: Option<u64>,
    /// Those that were refused while they waited: their events do not leave.
    refused: FxHashSet<u64>,
}

impl Turns {
    /// Asks for this ack. False if another one has to come before.
    pub(crate) fn take(&mut self, id: u64) -> bool {
        let free = self.asked.is_none();
        self.asked.get_or_insert(id);
        free
    }

    /// Whether this ack was refused before its turn, which is asked once.
    pub(crate) fn was_refused(&mut self, id: u64) -> bool {
        self.refused.remove(&id)
    }

    /// The ack has come: makes way for the next. False if it was not the one asked for.
    pub(crate) fn has_come(&mut self, id: u64) -> bool {
        self.asked.take_if(|asked| *asked == id).is_some()
    }

    /// The ack that has been asked for, and has not come.
    pub(crate) fn asked(&self) -> Option<u64> {
        self.asked
    }

    /// Whether this one waits behind another.
    pub(crate) fn is_behind(&self, id: u64) -> bool {
        self.asked.is_some_and(|asked| asked < id)
    }

    /// They will not be asked for any more.
    pub(crate) fn refuse(&mut self, ids: impl IntoIterator<Item = u64>) {
        self.refused.extend(ids);
    }
}

/// What an engine must be able to do for an ack behind one that does not come.
pub(crate) const AFTER_A_LOST_ONE: &str = "an ack after one that never came";
