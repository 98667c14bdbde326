//! Forges evidence and serves registries with faults, for countersign's tests.
