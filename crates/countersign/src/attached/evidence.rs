//! From what hangs on an image to what can be verified of it.

use countersign_core::Evidence;

use super::node::Node;
use crate::collect::collect_opened;
use crate::{Budget, Registry};

impl Node {
    /// The evidence attached to this very image: what [`collect`](crate::collect) finds of all kinds, from the manifests that are already here.
    ///
    /// Blobs that could not be fetched are its gaps; those of the manifests stay with the nodes.
    pub async fn evidence<R: Registry>(&self, registry: &R, budget: &Budget) -> Evidence {
        // All of it is in one repository.
        let Some(first) = self.attached.first() else {
            return Evidence::default();
        };
        let opened: Vec<_> = self
            .attached
            .iter()
            .filter_map(|node| Some((node.way.found_by()?, node.digest, node.bytes())))
            .collect();
        collect_opened(registry, &first.repository, &self.digest, &opened, budget).await
    }
}
