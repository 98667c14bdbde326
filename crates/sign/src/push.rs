//! The writing side of the distribution API (distribution specification 1.1, "Push").

use std::time::Duration;

use countersign::{
    Budget, Call, CallBody, Called, HttpRegistry, Method, RegistryError, Repository, Scope, Target,
};
use countersign_core::{Digest, GapClass};

use crate::CopyError;
use crate::held::Held;
use crate::said::said;

/// How often an upload is begun, the first time included.
const UPLOADS: u32 = 3;
/// The wait before an upload is begun again, which then doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// One repository that is written. What is already there is asked of the registry itself, never of a mirror.
pub(crate) struct Pusher<'a> {
    pub(crate) registry: &'a HttpRegistry,
    pub(crate) repository: &'a Repository,
    pub(crate) budget: &'a Budget,
}

/// An upload that the registry has agreed to, or no longer needs.
pub(crate) enum Begun {
    /// It took the blob from the other repository.
    Mounted,
    /// The bytes go here.
    Upload(Target),
}

/// What stands at a tag.
pub(crate) struct Standing {
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: String,
}

impl Pusher<'_> {
    /// Whether a manifest is there.
    pub(crate) async fn has_manifest(&self, digest: &Digest) -> Result<bool, CopyError> {
        self.has(&format!("manifests/{digest}")).await
    }

    /// Whether a blob is there.
    pub(crate) async fn has_blob(&self, digest: &Digest) -> Result<bool, CopyError> {
        self.has(&format!("blobs/{digest}")).await
    }

    async fn has(&self, path: &str) -> Result<bool, CopyError> {
        let what = || format!("whether {} has {path}", self.repository);
        let called = self.ask(Method::Head, path, &what()).await?;
        match called.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(refused(what(), &called)),
        }
    }

    /// Whether a tag names this digest, as far as the registry tells without the bytes.
    pub(crate) async fn is_tagged(&self, tag: &str, digest: &Digest) -> Result<bool, CopyError> {
        let what = || format!("tag {tag} in {}", self.repository);
        let called = self
            .ask(Method::Head, &format!("manifests/{tag}"), &what())
            .await?;
        match called.status {
            // It is the registry's own word about itself: a lie only costs a push, or its own users a tag.
            200 => Ok(called
                .header("docker-content-digest")
                .is_some_and(|told| told == digest.to_string())),
            404 => Ok(false),
            _ => Err(refused(what(), &called)),
        }
    }

    /// What stands at a tag, hashed here.
    pub(crate) async fn at_tag(&self, tag: &str) -> Result<Option<Standing>, CopyError> {
        let what = || format!("tag {tag} in {}", self.repository);
        let called = self
            .ask(Method::Get, &format!("manifests/{tag}"), &what())
            .await?;
        let media_type = called.header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        match called.status {
            200 => Ok(Some(Standing {
                digest: Digest::of(&called.body),
                media_type: media_type.to_owned(),
                bytes: called.body,
            })),
            404 => Ok(None),
            _ => Err(refused(what(), &called)),
        }
    }

    /// Whether the registry has the referrers API.
    pub(crate) async fn lists_referrers(&self, subject: &Digest) -> Result<bool, CopyError> {
        let what = format!("referrers of {subject} in {}", self.repository);
        let path = format!("referrers/{subject}");
        Ok(self.ask(Method::Get, &path, &what).await?.status == 200)
    }

    /// Pushes a manifest by digest or to a tag; whether the registry says that it lists it as a referrer of `subject`.
    pub(crate) async fn push_manifest(
        &self,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
        subject: Option<&Digest>,
    ) -> Result<bool, CopyError> {
        let what = || format!("push of manifest {reference} to {}", self.repository);
        let call = Call {
            method: Method::Put,
            target: Target::Path(format!("manifests/{reference}")),
            scope: Scope::PullPush,
            headers: vec![("content-type", media_type.to_owned())],
            body: CallBody::Bytes(bytes.to_vec()),
        };
        let called = self
            .registry
            .call(self.repository, call, self.budget)
            .await
            .map_err(CopyError::registry(what()))?;
        match (called.status, called.header("oci-subject"), subject) {
            // 201 by the specification; some answer 200 or 202.
            (200..=202, Some(told), Some(subject)) => Ok(told == subject.to_string()),
            (200..=202, ..) => Ok(false),
            _ => Err(refused(what(), &called)),
        }
    }

    /// Asks for an upload, and to take the blob from another repository of the same registry instead, if one is named.
    pub(crate) async fn begin(
        &self,
        digest: &Digest,
        from: Option<&Repository>,
    ) -> Result<Begun, CopyError> {
        let what = || format!("upload of blob {digest} to {}", self.repository);
        let query = from.map_or_else(String::new, |from| {
            format!("?mount={digest}&from={}", from.path())
        });
        let called = self
            .ask(Method::Post, &format!("blobs/uploads/{query}"), &what())
            .await?;
        match (called.status, called.location()) {
            (201, _) if from.is_some() => Ok(Begun::Mounted),
            (202, Some(target)) => Ok(Begun::Upload(target)),
            (202, None) => Err(CopyError::Refused {
                what: what(),
                status: 202,
                said: "but not where the upload goes on".to_owned(),
            }),
            _ => Err(refused(what(), &called)),
        }
    }

    /// Sends a blob. An upload that fails is begun again, within the deadline.
    pub(crate) async fn upload(
        &self,
        digest: &Digest,
        held: &Held,
        begun: Option<Target>,
    ) -> Result<(), CopyError> {
        let mut begun = begun;
        let mut failures = 0;
        loop {
            let error = match self.try_upload(digest, held, begun.take()).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let wait = FIRST_WAIT * (1 << failures);
            failures += 1;
            if failures == UPLOADS || !may_recover(&error) || self.budget.time_left() <= wait {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_upload(
        &self,
        digest: &Digest,
        held: &Held,
        begun: Option<Target>,
    ) -> Result<(), CopyError> {
        let target = match begun {
            Some(target) => target,
            None => match self.begin(digest, None).await? {
                Begun::Upload(target) => target,
                Begun::Mounted => return Ok(()),
            },
        };
        let what = || format!("upload of blob {digest} to {}", self.repository);
        let mut called = self.put(digest, held, &target, &what()).await?;
        if called.status == 401 {
            // The token ended on the way; there is a new one now.
            called = self.put(digest, held, &target, &what()).await?;
        }
        match called.status {
            200 | 201 | 204 => Ok(()),
            _ => Err(refused(what(), &called)),
        }
    }

    async fn put(
        &self,
        digest: &Digest,
        held: &Held,
        target: &Target,
        what: &str,
    ) -> Result<Called, CopyError> {
        let body = held.body().await.map_err(|cause| CopyError::Disk {
            digest: *digest,
            cause,
        })?;
        let call = Call {
            method: Method::Put,
            target: with_digest(target, digest),
            scope: Scope::PullPush,
            headers: vec![("content-type", "application/octet-stream".to_owned())],
            body,
        };
        self.registry
            .call(self.repository, call, self.budget)
            .await
            .map_err(CopyError::registry(what))
    }

    async fn ask(&self, method: Method, path: &str, what: &str) -> Result<Called, CopyError> {
        let call = Call {
            method,
            target: Target::Path(path.to_owned()),
            scope: Scope::PullPush,
            headers: vec![("accept", MANIFEST_TYPES.to_owned())],
            body: CallBody::Empty,
        };
        self.registry
            .call(self.repository, call, self.budget)
            .await
            .map_err(CopyError::registry(what))
    }
}

/// The place of an upload with the digest added to its query, which may hold the registry's own state.
fn with_digest(target: &Target, digest: &Digest) -> Target {
    let add = |text: &str| {
        let text = text.split('#').next().unwrap_or_default();
        let sign = match text.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{text}{sign}digest={digest}")
    };
    match target {
        Target::Path(path) => Target::Path(add(path)),
        Target::Url(url) => Target::Url(add(url)),
    }
}

/// Whether another upload may do better: what the registry refuses for good, it refuses again.
fn may_recover(error: &CopyError) -> bool {
    match error {
        CopyError::Registry { cause, .. } => {
            cause.class() == GapClass::Unavailable
                && !matches!(
                    cause,
                    RegistryError::Denied { .. } | RegistryError::Configuration { .. }
                )
        }
        // The session is unknown or out of step, or what came there has another digest.
        CopyError::Refused { status, .. } => matches!(status, 400 | 404 | 416),
        _ => false,
    }
}

fn refused(what: String, called: &Called) -> CopyError {
    CopyError::Refused {
        what,
        status: called.status,
        said: said(&called.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_put_into_the_query_is_kept() {
        let digest = Digest::of(b"x");
        for (location, expected) in [
            (
                "https://h/v2/a/blobs/uploads/1",
                "https://h/v2/a/blobs/uploads/1?",
            ),
            ("https://h/u?_state=a%2Bb", "https://h/u?_state=a%2Bb&"),
            ("https://h/u?", "https://h/u?"),
            ("https://h/u#f", "https://h/u?"),
        ] {
            let target = with_digest(&Target::Url(location.to_owned()), &digest);
            assert_eq!(target, Target::Url(format!("{expected}digest={digest}")));
        }
    }
}
