//! Digests for the images of Pods that policies allow (`/mutate`).
//!
//! A Pod keeps its tag (`repo:tag@sha256:…`), and only Pods are changed: what makes them stays as it was written, so that whoever keeps those objects as they
//! stand in a repository sees no difference. Nothing is refused here; what cannot be pinned stays as it is, and the validating door judges the object that
//! comes of it.

use countersign::{Checker, Image};
use countersign_core::{
    GroupKind, ImageField, ImageFields, ImageRef, ImageRole, UnixTime, Verdict,
};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::images::asked;
use crate::placing::{Placed, Surroundings};
use crate::{Operation, Review};

/// Images of one Pod that are pinned at a time.
const AT_A_TIME: usize = 8;

/// What is to be written into a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    /// Where, as a JSON Pointer (RFC 6901).
    pointer: String,
    /// What stands there now.
    written: String,
    /// The same with a digest.
    pinned: String,
}

impl Pin {
    /// The two operations of a JSON Patch (RFC 6902): nothing is written where something else has come to stand meanwhile.
    pub(crate) fn patch(&self) -> [Value; 2] {
        [
            json!({"op": "test", "path": self.pointer, "value": self.written}),
            json!({"op": "replace", "path": self.pointer, "value": self.pinned}),
        ]
    }
}

/// The digests for the images of a Pod that are new or have changed, have none, and that policies allow by it; before the deadline.
pub(crate) async fn pins(
    checker: &Checker,
    now: UnixTime,
    review: &Review,
    surroundings: &Surroundings<'_>,
    deadline: Instant,
) -> Vec<Pin> {
    let pod = GroupKind {
        group: String::new(),
        kind: "Pod".to_owned(),
    };
    let may_change = matches!(review.operation, Operation::Create | Operation::Update);
    if review.kind != pod || !may_change {
        return Vec::new();
    }
    // What cannot be read is refused by the validating door.
    let Ok(asked) = asked(review, &ImageFields::default()) else {
        return Vec::new();
    };
    let fields = asked.fields.into_iter();
    let fields = fields.filter(|field| field.role != ImageRole::Configured);
    let work: Vec<_> = fields
        .map(|field| pin(checker, now, surroundings, field, deadline))
        .collect();
    let pins: Vec<Option<Pin>> = stream::iter(work).buffered(AT_A_TIME).collect().await;
    pins.into_iter().flatten().collect()
}

async fn pin(
    checker: &Checker,
    now: UnixTime,
    surroundings: &Surroundings<'_>,
    field: ImageField,
    deadline: Instant,
) -> Option<Pin> {
    let name = ImageRef::parse(&field.image).ok()?;
    if name.digest().is_some() {
        return None;
    }
    let fields = [field.path.clone()];
    let placed = async |name: ImageRef| {
        let Placed { image, .. } = surroundings
            .place(checker, Image::from(name), &fields)
            .await;
        image
    };
    let work = async {
        let left = || deadline.saturating_duration_since(Instant::now());
        let image = placed(name).await;
        let digest = checker.digest_within(&image, left()).await.ok()??;
        let pinned = format!("{}@{digest}", field.image);
        let image = placed(ImageRef::parse(&pinned).ok()?).await;
        let decision = checker.check_within(&image, now, left()).await;
        (decision.effect() == Verdict::Allow).then_some(pinned)
    };
    let pinned = tokio::time::timeout_at(deadline, work).await.ok()??;
    Some(Pin {
        pointer: pointer(&field.path),
        written: field.image,
        pinned,
    })
}

/// `spec.containers[0].image` as a JSON Pointer. The fields of a PodSpec have neither `/` nor `~` in their names.
fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']);
    steps.fold(String::new(), |mut pointer, step| {
        pointer.push('/');
        pointer.push_str(step.trim_end_matches(']'));
        pointer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_pointer() {
        for (path, expected) in [
            ("spec.containers[0].image", "/spec/containers/0/image"),
            (
                "spec.volumes[12].image.reference",
                "/spec/volumes/12/image/reference",
            ),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
