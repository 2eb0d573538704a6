use std::sync::atomic::{AtomicU8, Ordering};

use super::Wants;

/// Who was given an event, and whether anybody has read it.
///
/// A byte beside each event, so that an audit can tell what nobody looked at.
#[derive(Debug, Default)]
pub(crate) struct Marks(AtomicU8);

impl Marks {
    /// For an event whose arguments the client's engine has not delivered.
    pub(super) fn withheld() -> Self {
        Self(AtomicU8::new(WITHHELD))
    }

    pub(super) fn given_to(&self, wants: Wants) {
        self.set(match wants {
            Wants::One => TO_ONCE,
            Wants::All => TO_STREAM,
        });
    }

    pub(super) fn given_back(&self) {
        self.0.fetch_and(!(TO_ONCE | TO_STREAM), Ordering::Relaxed);
    }

    /// Whoever it was given to has it.
    pub(super) fn taken(&self) {
        self.set(READ);
    }

    /// Somebody has seen it without claiming it.
    pub(crate) fn observed(&self) {
        self.set(READ);
    }

    /// Who it was given to, if anybody.
    pub(crate) fn claimed_by(&self) -> Option<Wants> {
        match self.0.load(Ordering::Relaxed) {
            marks if marks & TO_ONCE != 0 => Some(Wants::One),
            marks if marks & TO_STREAM != 0 => Some(Wants::All),
            _ => None,
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.0.load(Ordering::Relaxed) & READ != 0
    }

    /// Whether it came, but nobody can look at it.
    pub(crate) fn is_withheld(&self) -> bool {
        self.0.load(Ordering::Relaxed) & WITHHELD != 0
    }

    fn set(&self, mark: u8) {
        self.0.fetch_or(mark, Ordering::Relaxed);
    }
}

const TO_ONCE: u8 = 1;
const TO_STREAM: u8 = 1 << 1;
const READ: u8 = 1 << 2;
const WITHHELD: u8 = 1 << 3;
