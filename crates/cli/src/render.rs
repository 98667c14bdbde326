//! What a decision looks like outside.

pub(crate) mod blob;
pub(crate) mod break_glass;
mod candidates;
pub(crate) mod evidence;
pub(crate) mod sbom;
pub(crate) mod text;
