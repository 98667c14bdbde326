//! The program itself, as the API server meets it: started, asked over HTTPS, told to end.

#![allow(clippy::unwrap_used)]

mod counted;
mod credentials;
mod files;
mod life;
mod program;
mod reload;
mod scene;
mod shown;
#[cfg(feature = "otel")]
mod spans;
mod trust;
