//! Keeps policies and certificates what their files say, and the last good ones where the files are wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use countersign_core::Digest;
use serde_json::json;

use crate::credentials::OwnCredentials;
use crate::emergency::ApprovalFiles;
use crate::health::Health;
use crate::log::{Level, Log};
use crate::metrics::Metrics;
use crate::policies::{Bad, Good, Look, PolicySource};
use crate::tls::{Reload, Tls};
use crate::{Reviewer, selftest};

/// While files are being changed they are looked at again after this.
const SETTLE: Duration = Duration::from_millis(100);

/// What it keeps, and whom it tells.
pub(crate) struct Keeper {
    pub(crate) source: PolicySource,
    /// Where approvals for emergencies are, if anywhere.
    pub(crate) approvals: Option<ApprovalFiles>,
    pub(crate) credentials: OwnCredentials,
    pub(crate) tls: Arc<Tls>,
    pub(crate) reviewer: Arc<Reviewer>,
    pub(crate) health: Arc<Health>,
    pub(crate) log: Log,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) in_force: Option<Digest>,
    /// What was wrong when it was looked last, so that it is said once.
    pub(crate) wrong: Option<String>,
    /// How many questions had found it overloaded when that was said last.
    pub(crate) overloaded: u64,
}

impl Keeper {
    /// Looks again and again, for ever. It reads files and compiles policies, so it needs a thread that may block.
    pub(crate) fn keep(mut self, interval: Duration) {
        loop {
            // Whatever goes wrong in one round, there is a next: what is in force stays so.
            let round = catch_unwind(AssertUnwindSafe(|| self.look()));
            match round {
                Ok(true) => self.source.wait(interval),
                Ok(false) => std::thread::sleep(SETTLE),
                Err(_) => {
                    let message = "countersign failed inside while it looked at its files; what is in force stays in force; please report it";
                    self.log
                        .event(Level::Error, "failed-inside", message, json!({}));
                    std::thread::sleep(interval);
                }
            }
        }
    }

    /// Whether the files were at rest.
    fn look(&mut self) -> bool {
        self.look_at_certificates();
        self.tell_of_overload();
        self.look_at_approvals();
        self.look_at_credentials();
        self.look_at_policies()
    }

    /// Credentials that cannot be read change nothing.
    fn look_at_credentials(&mut self) {
        match self.credentials.look() {
            None => {}
            Some(Ok(keyring)) => {
                self.reviewer.replace_credentials(keyring);
                let message = "registries are read with what the docker config holds now";
                self.log
                    .event(Level::Info, "credentials-in-use", message, json!({}));
            }
            Some(Err(error)) => self.log.event(
                Level::Error,
                "credentials-refused",
                "the docker config cannot be read; the credentials that were read before stay in use",
                json!({"errors": error.to_string()}),
            ),
        }
    }

    /// Approvals that cannot be read change nothing: those before count on, until their own end.
    fn look_at_approvals(&mut self) {
        let Some(look) = self.approvals.as_mut().and_then(ApprovalFiles::look) else {
            return;
        };
        match look {
            Ok(bundles) => {
                self.reviewer.replace_approvals(bundles.clone());
                self.log.event(
                    Level::Warn,
                    "break-glass-approvals",
                    "other approvals of break-glass statements are handed over with every question; the policies say which count",
                    json!({"approvals": bundles.len()}),
                );
            }
            Err(why) => self.log.event(
                Level::Error,
                "break-glass-refused",
                "the approvals of break-glass statements cannot be read; those that were read before count on",
                json!({"errors": why}),
            ),
        }
    }

    fn look_at_policies(&mut self) -> bool {
        match self.source.look(self.in_force, self.reviewer.now()) {
            Look::Changing => return false,
            Look::Same => {
                self.metrics.policies_checked(self.reviewer.now());
                self.source.is_in_force(None);
                if self.wrong.take().is_some() {
                    let message = "the policies are again what is in force";
                    self.log
                        .event(Level::Info, "policies-mended", message, json!({}));
                }
            }
            Look::Other(good) => self.put_in_force(*good),
            Look::Broken(bad) => self.keep_last(bad),
            Look::Missing(why) => self.health.waits_for(&format!(
                "the policy resources of the cluster have not been read yet: {why}"
            )),
        }
        true
    }

    fn put_in_force(&mut self, good: Good) {
        if self.in_force.is_none()
            && let Err(why) = selftest::run()
        {
            return self.keep_last(Bad {
                text: format!("the self-test failed: {why}"),
                diagnostics: Vec::new(),
            });
        }
        let digest = good.policies.digest().to_string();
        let trust = good.policies.trust().fingerprint().to_string();
        self.reviewer.replace_policies(good.policies);
        self.in_force = Some(good.mark);
        self.wrong = None;
        self.source.is_in_force(Some(good.diagnostics));
        if let Some(checker) = self.reviewer.checker() {
            self.metrics
                .policies_in_force(&checker, self.reviewer.now());
        }
        self.health.has_policies();
        self.log.event(
            Level::Info,
            "policies-in-force",
            "other policies are in force",
            json!({"policyDigest": digest, "trustFingerprint": trust, "warnings": good.warnings}),
        );
    }

    fn keep_last(&mut self, bad: Bad) {
        let why = bad.text;
        self.source.is_refused(bad.diagnostics, &why);
        if self.wrong.as_deref() == Some(why.as_str()) {
            return;
        }
        self.metrics.policies_refused();
        let message = match self.in_force {
            Some(_) => {
                "the policies cannot be put in force; the last good ones stay in force; mend them"
            }
            None => {
                "the policies cannot be put in force, and there were none before: nothing is decided until they are mended"
            }
        };
        self.health
            .waits_for("no policies that are good are in force yet; the log says what is wrong");
        let path = self.source.name();
        self.log.event(
            Level::Error,
            "policies-refused",
            message,
            json!({"path": path, "errors": why}),
        );
        self.wrong = Some(why);
    }

    fn look_at_certificates(&self) {
        match self.tls.reload() {
            Reload::Unchanged => {}
            Reload::Changed(expires) => {
                self.metrics.certificate(expires);
                self.health.has_certificate();
                let expires = expires.map(|at| at.to_string());
                self.log.event(
                    Level::Info,
                    "certificate-in-use",
                    "new connections are served with another certificate",
                    json!({"expires": expires}),
                );
            }
            Reload::Broken(error) => {
                self.metrics.certificate_refused();
                self.log.event(
                    Level::Error,
                    "certificate-refused",
                    "what is there now cannot be served; the last good certificate stays in use",
                    json!({"errors": error.to_string()}),
                );
            }
        }
    }

    /// Once for all questions of an interval: whoever sends too many must not fill the log as well.
    fn tell_of_overload(&mut self) {
        let all = self.metrics.overloaded_in_all();
        let more = all - self.overloaded;
        self.overloaded = all;
        if more > 0 {
            self.log.event(
                Level::Warn,
                "overloaded",
                "questions came that nobody had the time to judge; more replicas or a higher most-reviews may help",
                json!({"questions": more}),
            );
        }
    }
}
