//! Images that are revoked: denied whatever policies say, their modes and what is remembered included.

use super::scene::Scene;
use super::{Resolution, excusable};
use crate::{Digest, ReasonCode, RevokedImage, Verdict, Warning};

impl Scene<'_> {
    /// What revokes the image: its digest, as it was written or resolved, or that of a child that could run.
    pub(super) fn revoked(&self) -> Vec<RevokedImage> {
        let written = self.request.digest().copied();
        let resolved = self.digest().filter(|digest| Some(*digest) != written);
        let own: Vec<Digest> = written.into_iter().chain(resolved).collect();
        let children = self.image().map(|image| image.runnable());
        let mut listed: Vec<Digest> = children
            .unwrap_or_default()
            .iter()
            .map(|child| child.digest)
            .filter(|digest| !own.contains(digest))
            .collect();
        listed.sort_unstable();
        listed.dedup();
        let of = |digest: &Digest| {
            let revocation = self.policies.revocations.of_image(digest)?;
            Some(RevokedImage {
                name: revocation.name.clone(),
                place: revocation.place.clone(),
                reason: revocation.reason.clone(),
                digest: *digest,
                child: self.child(digest).filter(|_| !own.contains(digest)),
            })
        };
        own.iter().chain(&listed).filter_map(of).collect()
    }

    /// Whether a revoked image may be behind an index within the index.
    pub(super) fn hides_images(&self) -> bool {
        let listed = self.image().map(|image| image.runnable());
        self.policies.revocations.name_images()
            && listed
                .unwrap_or_default()
                .iter()
                .any(|child| child.is_index())
    }

    /// What follows from revocations: no for what is revoked; and where images are revoked and nobody can tell which one
    /// the reference means, that nobody can tell.
    pub(super) fn revocation(
        &self,
        revoked: &[RevokedImage],
        warnings: &mut Vec<Warning>,
    ) -> (Verdict, Verdict) {
        if !revoked.is_empty() {
            return (Verdict::Deny, Verdict::Deny);
        }
        if self.hides_images() {
            let code = ReasonCode::NestedIndex;
            warnings.push(Warning {
                code,
                policy: None,
                rule: None,
                message: "Images are revoked, and the index lists another index: what is behind it is not looked at.".to_owned(),
            });
            return (Verdict::Unknown, Verdict::Unknown);
        }
        let gap = match self.resolution {
            Resolution::Unresolved(gap) if self.policies.revocations.name_images() => gap,
            _ => return (Verdict::Allow, Verdict::Allow),
        };
        let settings = &self.policies.settings;
        if settings.on_unknown != Verdict::Allow || !excusable([gap]) {
            return (Verdict::Unknown, Verdict::Unknown);
        }
        warnings.push(Warning {
            code: gap.code,
            policy: None,
            rule: None,
            message: format!(
                "{} Whether the image is revoked could not be told (allowed by onUnknown).",
                ReasonCode::ImageRevoked.message()
            ),
        });
        (Verdict::Unknown, Verdict::Allow)
    }
}
