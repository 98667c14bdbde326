//! `countersign policy …`: what helps to write policies. `init` is a room of its own.

pub(crate) mod explain;
pub(crate) mod lint;
pub(crate) mod test;

use countersign_core::PolicySet;

use crate::exit::Exit;
use crate::output;

/// `policy schema`.
pub(crate) fn schema(color: anstream::ColorChoice) -> Exit {
    output::deliver(&output::json(&PolicySet::schema()), color, Exit::Allowed)
}
