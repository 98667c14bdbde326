//! `countersign policy …`: what helps to write policies. `init` is a room of its own.

pub(crate) mod lint;
pub(crate) mod test;
