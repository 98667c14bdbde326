//! The cases of one policy: loaded once, and everything that is verified is verified once.

use std::path::{Path, PathBuf};

use countersign::{Checker, PolicyFiles};
use countersign_core::{
    Approvals, Decision, Gap, GapClass, Limits, Loaded, PolicySet, ReasonCode, Request, Resolution,
    UnixTime, decide,
};

use super::case::{Asked, Bundled, Case};
use super::expect::Found;
use super::roots::CaseRoots;
use crate::args::NamedFile;
use crate::failure::Failure;
use crate::verify_blob::proven;

/// The cases of one policy file or folder.
pub(super) struct Suite {
    pub(super) policy: PathBuf,
    pub(super) files: PolicyFiles,
    pub(super) setups: Vec<Setup>,
}

/// Those of them with the same trust roots.
pub(super) struct Setup {
    trust_roots: Vec<NamedFile>,
    pub(super) roots: CaseRoots,
    pub(super) loaded: Loaded,
    /// None if the policy does not load.
    pub(super) checker: Option<Checker>,
    pub(super) cases: Vec<Case>,
    /// What differs, for each case; filled by [`Suite::run`].
    pub(super) differences: Vec<Vec<String>>,
}

/// Groups cases by policy and trust roots; the order of both is that of the cases.
pub(super) fn of(cases: Vec<Case>) -> Result<Vec<Suite>, Failure> {
    let mut suites: Vec<Suite> = Vec::new();
    for case in cases {
        let suite = match suites.iter().position(|it| it.policy == case.policy) {
            Some(known) => known,
            None => {
                suites.push(Suite::open(&case.policy)?);
                suites.len() - 1
            }
        };
        if let Some(suite) = suites.get_mut(suite) {
            suite.add(case)?;
        }
    }
    Ok(suites)
}

impl Suite {
    fn open(policy: &Path) -> Result<Self, Failure> {
        let files =
            PolicyFiles::open(policy).map_err(|error| Failure::misused(&error.to_string()))?;
        Ok(Self {
            policy: policy.to_owned(),
            files,
            setups: Vec::new(),
        })
    }

    fn add(&mut self, case: Case) -> Result<(), Failure> {
        let known = |setup: &&mut Setup| setup.trust_roots == case.trust_roots;
        if let Some(setup) = self.setups.iter_mut().find(known) {
            setup.cases.push(case);
            return Ok(());
        }
        let roots = CaseRoots::read(&case.trust_roots)?;
        let loaded = roots.load(&self.files);
        self.setups.push(Setup {
            trust_roots: case.trust_roots.clone(),
            roots,
            checker: loaded.policies.clone().map(Checker::new),
            loaded,
            cases: vec![case],
            differences: Vec::new(),
        });
        Ok(())
    }

    /// Judges every case.
    pub(super) async fn run(&mut self) {
        for setup in &mut self.setups {
            let mut differences = Vec::new();
            for case in &setup.cases {
                let found = judged(setup.checker.as_ref(), &setup.loaded, case).await;
                differences.push(case.expected.differences(&found));
            }
            setup.differences = differences;
        }
    }

    /// Whether every case came out as expected.
    pub(super) fn passed(&self) -> bool {
        let mut all = self.setups.iter().flat_map(|setup| &setup.differences);
        all.all(Vec::is_empty)
    }
}

/// What comes out of a case by a policy that was loaded. The checker only knows that policy.
pub(super) async fn judged(checker: Option<&Checker>, loaded: &Loaded, case: &Case) -> Found {
    let (Some(checker), Some(policies)) = (checker, &loaded.policies) else {
        return Found::invalid(&loaded.diagnostics);
    };
    let bundles = case.break_glass.clone();
    // What are too many or too large approvals for a request are none.
    let approvals = Approvals::examine(bundles, policies.trust(), &Limits::default()).ok();
    let given = |request: &Request| match &approvals {
        Some(approvals) => request.clone().with_break_glass(approvals.clone()),
        None => request.clone(),
    };
    let decision = match (&case.asked, &approvals) {
        (Asked::Image(image), Some(approvals)) => {
            let image = image.clone().with_break_glass(approvals.clone());
            checker.check(&image, case.at).await
        }
        (Asked::Image(image), None) => checker.check(image, case.at).await,
        (Asked::Unavailable(image), _) => unasked(policies, &given(image.request()), case.at),
        (Asked::Artifact(bundled), _) => examined(policies, bundled, case.at, given),
    };
    Found::decided(&decision, &loaded.diagnostics)
}

/// What is decided while the registry cannot be asked.
fn unasked(policies: &PolicySet, request: &Request, at: UnixTime) -> Decision {
    let gap = Gap {
        class: GapClass::Unavailable,
        code: ReasonCode::RegistryUnavailable,
        what: request.written().to_owned(),
        cause: "the case says so".to_owned(),
        hides: None,
    };
    let resolution = if policies.needs(request).is_empty() {
        Resolution::NotAsked
    } else {
        Resolution::Unresolved(&gap)
    };
    decide(policies, request, resolution, at)
}

/// What is decided about an artifact by the bundles about it, as `verify-blob` does.
fn examined(
    policies: &PolicySet,
    bundled: &Bundled,
    at: UnixTime,
    given: impl Fn(&Request) -> Request,
) -> Decision {
    let findings = proven(&bundled.artifact, &bundled.bundles, policies.trust());
    let digest = findings.as_ref().map(|findings| *findings.image());
    let request = match &bundled.name {
        Some(name) => Request::named(name)
            .written_as(&bundled.written)
            .pinned(digest),
        None => Request::unnamed(&bundled.written, digest),
    };
    let request = match &bundled.namespace {
        Some(namespace) => request.in_namespace(namespace.clone()),
        None => request,
    };
    let request = match bundled.admitted {
        true => request.with_age_relief(),
        false => request,
    };
    let resolution = match &findings {
        Some(findings) => Resolution::Blob(findings),
        None => Resolution::NotAsked,
    };
    decide(policies, &given(&request), resolution, at)
}
