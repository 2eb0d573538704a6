//! Expectations: that they hold when they should, fail when they should, and what they print then.

mod absence;
mod colour;
mod endings;
mod failures;
mod groups;
mod in_order;
mod json;
mod simulated;
mod single;
mod snapshots_of_conversations;
