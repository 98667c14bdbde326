//! What runs in CI systems: the action, the templates, the hooks, the example and the release, as far as they need no service of a vendor.
#![cfg(unix)]

mod action;
mod example;
mod release;
mod repository;
mod served;
mod systems;
mod workflow;
