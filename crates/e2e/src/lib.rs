//! End-to-end tests of countersign with real cosign, registries, Sigstore and a Kubernetes control plane.
//!
//! The parts are pinned and built by `crates/e2e/tools`; a test asks for them by [`parts`] and returns when there are
//! none. [`Registry`], [`Sigstore`] and [`Cluster`] run them on free loopback ports and end them when dropped, so that tests
//! can run beside each other; [`WebhookProgram`] runs ours; [`SigningKey`] and [`Sigstore`] sign with real cosign.

mod argocd;
mod authority;
mod balancer;
mod cli;
mod cluster;
mod command;
mod cosign;
mod identity;
mod image;
mod issuer;
mod login;
mod names;
mod node;
mod object;
mod openapi;
mod parts;
mod process;
mod proxy;
mod recorder;
mod registration;
mod registry;
mod replica;
mod service;
mod services;
mod shared;
mod sigstore;
mod syft;
mod tls;
mod token_server;
mod trace;
mod web;
mod webhook;

pub use argocd::{ARGO_CD_PARTS, ArgoCd, Plugin};
pub use balancer::Balancer;
pub use cli::{Countersign, TlsAccess, Verdict, built, workspace};
pub use cluster::{API_SERVER, Answer, CLUSTER_PARTS, Client, Cluster, Grant, eventually};
pub use command::{Output, outcome, run};
pub use cosign::{RELEASE_POLICY, SigningKey};
pub use countersign_testkit::gate::{corpus, root};
pub use identity::{EMAIL_ISSUER, Identity, WORKFLOW_ISSUER};
pub use image::{Contained, Images, Unpacked};
pub use login::{Login, OWNER, READER};
pub use names::NameServer;
pub use node::Node;
pub use object::{deployment, pod};
pub use openapi::{Exception, Walk};
pub use parts::{Parts, gitops_parts, parts};
pub use proxy::{Proxy, Weather, nobody};
pub use recorder::{Recorder, client_config};
pub use registration::{Registered, Registration, pods_alone, workloads};
pub use registry::{REGISTRY_PARTS, Registry, RegistryKind, plain_registries};
pub use replica::{Replica, Wire};
pub use service::ask_service;
pub use shared::Shared;
pub use sigstore::{SIGSTORE_PARTS, Sigstore};
pub use syft::Syft;
pub use tls::LOOPBACK;
pub use trace::{contacts, traced};
pub use webhook::{Serving, Webhook, WebhookProgram};
