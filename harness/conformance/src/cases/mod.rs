//! The cases, a module for each section.
//!
//! A new one is a function in the module of its section and an entry in the `cases` there: a
//! stable id, the requirement in the words of the specification, and the function.
//!
//! A case connects to the namespace before it sends what must end the session, and a fence
//! follows that: a reply to the fence shows that the session goes on, and no other timer can end
//! it. What must not come is shown absent in the same way, by a round trip on the same ordered
//! connection, and never by waiting.

mod acks;
mod close;
mod connect;
mod disconnect;
mod events;
mod handshake;
mod heartbeat;
mod messages;
mod upgrade;

use crate::{Case, Context, Failure, Level, Section};

/// All cases, in the order of a report.
pub fn cases() -> Vec<Case> {
    [
        handshake::cases(),
        messages::cases(),
        heartbeat::cases(),
        close::cases(),
        upgrade::cases(),
        connect::cases(),
        disconnect::cases(),
        events::cases(),
        acks::cases(),
    ]
    .concat()
}

impl Section {
    fn must<F, Fut>(self, id: &'static str, requirement: &'static str, run: F) -> Case
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Case::new(id, self, Level::Must, requirement, run)
    }

    fn should<F, Fut>(self, id: &'static str, requirement: &'static str, run: F) -> Case
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Case::new(id, self, Level::Should, requirement, run)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_forty_under_distinct_names() {
        let cases = cases();
        let ids: HashSet<_> = cases.iter().map(Case::id).collect();
        assert_eq!(cases.len(), 40);
        assert_eq!(ids.len(), 40);
    }

    #[test]
    fn they_stand_in_the_order_of_their_sections() {
        assert!(cases().is_sorted_by_key(Case::section));
    }

    #[test]
    fn a_name_says_protocol_subject_and_requirement() {
        for case in cases() {
            let parts: Vec<_> = case.id().split('.').collect();
            let engine = case.section() <= Section::Upgrade;
            assert_eq!(parts[0], if engine { "eio" } else { "sio" }, "{}", case.id());
            assert_eq!(parts.len(), 3, "{}", case.id());
        }
    }
}
