//! What a decision looks like outside.

pub(crate) mod blob;
pub(crate) mod text;
