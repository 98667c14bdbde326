//! What is to be judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Approvals, Digest, ImageRef};

/// One image that is to be judged: how it was written, what policies match, and the digest that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    written: String,
    name: Option<String>,
    digest: Option<Digest>,
    namespace: Option<Namespace>,
    age_relief: bool,
    approvals: Option<Arc<Approvals>>,
}

/// The namespace of a cluster in which an image is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    name: String,
    labels: Option<BTreeMap<String, String>>,
}

impl Namespace {
    /// A namespace whose labels are not known, or not yet: policies that select by labels cannot tell whether they judge.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: None,
        }
    }

    /// The same namespace with its labels, all of them.
    #[must_use]
    pub fn labelled(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = Some(labels);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its labels, if they are known.
    #[must_use]
    pub const fn labels(&self) -> Option<&BTreeMap<String, String>> {
        self.labels.as_ref()
    }
}

impl Request {
    /// An image that its reference names: policies whose `images` match `host/path` judge it.
    #[must_use]
    pub fn named(image: &ImageRef) -> Self {
        Self {
            written: image.written().to_owned(),
            name: Some(image.name()),
            digest: image.digest().copied(),
            namespace: None,
            age_relief: false,
            approvals: None,
        }
    }

    /// An image without a name that could be believed, such as one in an OCI layout. **Every** policy of the set judges it,
    /// whatever its `images` and `except` say: more policies only make the judgement stricter.
    #[must_use]
    pub fn unnamed(written: &str, digest: Option<Digest>) -> Self {
        Self {
            written: written.to_owned(),
            name: None,
            digest,
            namespace: None,
            age_relief: false,
            approvals: None,
        }
    }

    /// The same request for an image that was written in another way than its name, such as `oci:PATH`.
    #[must_use]
    pub fn written_as(mut self, written: &str) -> Self {
        written.clone_into(&mut self.written);
        self
    }

    /// The same request with a digest that was written elsewhere than in the name.
    #[must_use]
    pub const fn pinned(mut self, digest: Option<Digest>) -> Self {
        self.digest = digest;
        self
    }

    /// The same request for an image that is to run in this namespace: policies whose `namespaces` do not fit it do not judge.
    /// Without a namespace every policy's `namespaces` count as fitting, and the decision says so.
    #[must_use]
    pub fn in_namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// The same request for a Pod that has an owner, whose image was admitted when the owner was: what only has become too
    /// old since is a warning, unless the rule says `ageAlways`. An owner proves nothing, so nothing else is relieved.
    #[must_use]
    pub const fn with_age_relief(mut self) -> Self {
        self.age_relief = true;
        self
    }

    /// The same request with approvals of break-glass statements. They have to be examined under the trust of the policy set that decides;
    /// others do not count. None at all is as if nothing was handed over.
    #[must_use]
    pub fn with_break_glass(mut self, approvals: impl Into<Arc<Approvals>>) -> Self {
        let approvals = approvals.into();
        self.approvals = (!approvals.is_empty()).then_some(approvals);
        self
    }

    /// The image as it was written, for people.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// Canonical `host/path`, which `images` match; none where every policy judges.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The namespace in which the image is to run, if there is one.
    #[must_use]
    pub const fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// Whether age alone denies nothing.
    #[must_use]
    pub const fn age_relief(&self) -> bool {
        self.age_relief
    }

    /// Approvals of break-glass statements, if any were handed over.
    #[must_use]
    pub const fn break_glass(&self) -> Option<&Arc<Approvals>> {
        self.approvals.as_ref()
    }

    /// The digest that was written, which the rule `digest` demands.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_keeps_what_was_written_apart_from_what_matches() {
        let image = ImageRef::parse("nginx:1.27").unwrap();
        let named = Request::named(&image).written_as("oci:nginx");
        assert_eq!(named.name(), Some("docker.io/library/nginx"));
        assert_eq!(named.written(), "oci:nginx");
        let digest = Digest::of(b"x");
        let unnamed = Request::unnamed("oci:nginx", Some(digest));
        assert_eq!((unnamed.name(), unnamed.digest()), (None, Some(&digest)));
    }
}
