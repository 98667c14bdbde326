//! Copies between registries and layouts that really run in this process.
#![allow(clippy::unwrap_used)]

mod access;
mod fallback;
mod hostile;
mod layout;
mod order;
mod patience;
mod scene;
mod whole;
