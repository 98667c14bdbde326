//! Decisions over findings that are made here; whole chains from bytes are tested with the testkit.
