//! Decides whether a container image may run: signatures, attestations and policies, as a library.
