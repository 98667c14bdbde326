//! The cluster's door: a Kubernetes ValidatingAdmissionWebhook (`admission.k8s.io/v1`) that asks the same [`Checker`](countersign::Checker)
//! as the library and the command, and says in one line why a Pod was refused.
//!
//! An [`AdmissionReview`](Review) comes in; the images that its object would run are judged ([`Reviewer`]); an [`Answer`] goes out. This room knows the
//! protocol and nothing of evidence, registries or policies: what is decided is decided below.

mod answer;
mod answering;
mod config;
mod crd;
mod credentials;
mod emergency;
mod events;
mod gate;
mod health;
mod images;
mod keeper;
mod kubernetes;
mod log;
mod message;
mod metrics;
mod pin;
mod placing;
mod plan;
mod policies;
mod record;
mod resources;
mod review;
mod reviewer;
mod router;
mod run;
mod selftest;
mod serve;
mod sitting;
mod spans;
mod tls;
mod trust;
mod yaml;

pub use answer::Answer;
pub use config::{Config, ConfigError, SelfMade, TlsConfig, Typed, WebhookConfiguration};
pub use crd::crds;
pub use kubernetes::{KubernetesError, Which};
pub use placing::Aside;
pub use plan::plan;
pub use review::{BadReview, Operation, Review};
pub use reviewer::{Answered, Door, Judged, Outcome, Reviewer, Witness};
pub use router::Doors;
pub use run::{RunError, run};
