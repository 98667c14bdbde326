//! Signatures with services of this process that vouch for them: what the bundle proves, and that no lie of any service leads to one.
#![allow(clippy::unwrap_used)]

#[path = "witnessed/lies.rs"]
mod lies;
#[path = "witnessed/scene.rs"]
mod scene;
#[path = "witnessed/sound.rs"]
mod sound;
