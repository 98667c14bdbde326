//! A real API server: what it serves, what it asks a webhook, and what comes of the answers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod certificates;
mod contacts;
mod controllers;
mod credentials;
mod custom;
mod down;
mod enforce;
mod exceptions;
mod identified;
mod labels;
mod leaders;
mod load;
mod openapi;
mod pinned;
mod pull_secrets;
mod recorded;
mod reload;
mod replicas;
mod resources;
mod restarted;
mod rotation;
mod scenarios;
mod scene;
mod service;
mod told;
mod warn;
mod weather;
