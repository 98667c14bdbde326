//! A real API server: what it serves, what it asks a webhook, and what comes of the answers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod controllers;
mod custom;
mod down;
mod enforce;
mod openapi;
mod pinned;
mod recorded;
mod scenarios;
mod scene;
mod told;
mod warn;
