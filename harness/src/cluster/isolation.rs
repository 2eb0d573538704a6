use super::node::ClusterNode;
use crate::faults::{Fault, Faults};

/// Keeps a node cut off until it is dropped; see [`ClusterNode::isolate`].
#[derive(Debug, Default)]
#[must_use = "it heals as soon as it is dropped"]
pub struct Isolation {
    cuts: Vec<Cut>,
}

/// One link of a node that is down.
#[derive(Debug)]
pub(super) struct Cut {
    refused: Option<Fault>,
    /// Whom the balancer is to know of again.
    node: Option<ClusterNode>,
}

impl Isolation {
    /// Heals now rather than at the end of the scope.
    pub fn heal(self) {
        drop(self);
    }

    pub(super) fn also(&mut self, other: Self) {
        self.cuts.extend(other.cuts);
    }
}

impl FromIterator<Cut> for Isolation {
    fn from_iter<I: IntoIterator<Item = Cut>>(cuts: I) -> Self {
        Self { cuts: cuts.into_iter().collect() }
    }
}

impl Cut {
    /// Refuses what would be opened, and ends what is open.
    pub(super) fn all(faults: &Faults) -> Self {
        let refused = faults.refuse();
        faults.cut();
        Self { refused: Some(refused), node: None }
    }

    pub(super) fn and_then(mut self, node: ClusterNode) -> Self {
        self.node = Some(node);
        self
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        drop(self.refused.take());
        if let Some(node) = &self.node {
            node.reach_clients_again();
        }
    }
}
