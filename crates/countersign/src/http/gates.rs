//! How many requests go to one host at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::locked::lock;
use crate::{Budget, RegistryError};

/// Hosts that are remembered; of more, those that nobody waits for are forgotten.
const MAX_HOSTS: usize = 4096;

/// One gate for each host, so that a slow one is waited for by its own callers only.
#[derive(Debug)]
pub(super) struct Gates {
    width: usize,
    gates: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Gates {
    fn default() -> Self {
        Self::new(Self::DEFAULT_WIDTH)
    }
}

impl Gates {
    /// As many requests as one host gets at once, if nobody says otherwise.
    pub(super) const DEFAULT_WIDTH: usize = 16;

    pub(super) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            gates: Mutex::default(),
        }
    }

    /// Waits for a place, as long as the check has time. The place is free again when the permit is dropped.
    pub(super) async fn enter(
        &self,
        host: &str,
        budget: &Budget,
    ) -> Result<OwnedSemaphorePermit, RegistryError> {
        let gate = self.gate(host);
        match budget.in_time(gate.acquire_owned()).await {
            Some(Ok(permit)) => Ok(permit),
            // Nobody closes a gate.
            Some(Err(_)) | None => Err(budget.out_of_time(host)),
        }
    }

    fn gate(&self, host: &str) -> Arc<Semaphore> {
        let mut gates = lock(&self.gates);
        if gates.len() >= MAX_HOSTS && !gates.contains_key(host) {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let gate = gates
            .entry(host.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.width)));
        Arc::clone(gate)
    }
}
