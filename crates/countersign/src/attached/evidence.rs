//! From what hangs on an image to what can be verified of it.

use countersign_core::Evidence;

use super::node::Node;
use crate::collect::collect_opened;
use crate::{Budget, Registry, Repository};

impl Node {
    /// The evidence attached to this very image: what [`collect`](crate::collect) finds of all kinds, from the manifests that are already here.
    ///
    /// Blobs that could not be fetched are its gaps; those of the manifests stay with the nodes.
    pub async fn evidence<R: Registry>(&self, registry: &R, budget: &Budget) -> Evidence {
        let mut evidence = Evidence::default();
        let mut repositories: Vec<&Repository> = Vec::new();
        for node in &self.attached {
            if !repositories.contains(&&node.repository) {
                repositories.push(&node.repository);
            }
        }
        for repository in repositories {
            let opened: Vec<_> = self
                .attached
                .iter()
                .filter(|node| node.repository == *repository)
                .filter_map(|node| Some((node.way.found_by()?, node.digest, node.bytes())))
                .collect();
            let more = collect_opened(registry, repository, &self.digest, &opened, budget).await;
            evidence.items.extend(more.items);
            evidence.gaps.extend(more.gaps);
        }
        evidence
    }
}
