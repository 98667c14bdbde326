//! End-to-end tests of countersign with real cosign, registries and Sigstore.
