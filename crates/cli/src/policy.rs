//! `countersign policy …`: what helps to write policies. `init` is a room of its own.

pub(crate) mod deadlines;
pub(crate) mod explain;
pub(crate) mod lint;
pub(crate) mod test;

use countersign_core::{Place, PolicySet};
use serde::Serialize;

use crate::exit::Exit;
use crate::output;

/// `policy schema`.
pub(crate) fn schema(color: anstream::ColorChoice) -> Exit {
    output::deliver(&output::json(&PolicySet::schema()), color, Exit::Allowed)
}

/// Where something stands, as JSON reports tell it.
#[derive(Debug, Serialize)]
pub(crate) struct Position<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

impl<'a> From<&'a Place> for Position<'a> {
    fn from(place: &'a Place) -> Self {
        Self {
            file: &place.file,
            line: place.line,
            column: place.column,
        }
    }
}
