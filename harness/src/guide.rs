//! Longer explanations, by task; the examples are run by the tests.

#[doc = include_str!("../docs/subjects.md")]
pub mod subjects {}

#[doc = include_str!("../docs/asserting-events.md")]
pub mod asserting_events {}

#[doc = include_str!("../docs/trace.md")]
pub mod trace {}

#[doc = include_str!("../docs/faults.md")]
pub mod faults {}

#[cfg(unix)]
#[doc = include_str!("../docs/clusters.md")]
pub mod clusters {}

#[doc = include_str!("../docs/disconnect-reasons.md")]
pub mod disconnect_reasons {}

#[doc = include_str!("../docs/simulation.md")]
pub mod simulation {}

#[cfg(feature = "turmoil")]
#[doc = include_str!("../docs/simulated-network.md")]
pub mod simulated_network {}
