//! What a decision looks like outside.

pub(crate) mod text;
