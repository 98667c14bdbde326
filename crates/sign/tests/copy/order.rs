//! Nobody sees an image at the destination whose evidence is not there yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_sign::{Done, PieceKind};
use countersign_testkit::registry::{Fault, Registry};

use crate::scene::{REPO, copy, filled, holdings, is_write, writable, writes};

fn destinations() -> [Registry; 2] {
    [
        writable().start(),
        writable().without_referrers_api().start(),
    ]
}

/// An index of one platform, with a bundle and `.sig`: each kind of write, not many of each.
fn small() -> Registry {
    let registry = writable().start();
    let platform = registry.push_image(REPO, "amd64");
    let index = registry.push_index(REPO, "v1", &[&platform]);
    registry.attach_bundle(REPO, &index, b"a bundle");
    let annotations = BTreeMap::from([("signature".to_owned(), "one".to_owned())]);
    registry.attach_sig(REPO, &index, b"payload", &annotations);
    registry
}

#[tokio::test]
async fn the_images_tag_is_written_last() {
    let from = filled(writable());
    for to in destinations() {
        copy(&from, &to).await.unwrap();
        let paths: Vec<String> = writes(&to).into_iter().map(|it| it.path).collect();
        let place = |part: &str| {
            let is_it = |path: &String| path.contains(part);
            (
                paths.iter().position(is_it).unwrap(),
                paths.iter().rposition(is_it).unwrap(),
            )
        };
        let (_, last_blob) = place("/blobs/");
        let (first_manifest, _) = place("/manifests/");
        assert!(last_blob < first_manifest, "{paths:#?}");
        let index = from.digest_at(REPO, "v1").unwrap();
        let (by_digest, _) = place(&format!("/manifests/{index}"));
        let (first_tag, last_tag) = place("/manifests/sha256-");
        assert!(by_digest < first_tag, "{paths:#?}");
        assert!(paths.last().unwrap().ends_with("/manifests/v1"));
        assert!(last_tag < paths.len() - 1);
    }
}

#[tokio::test]
async fn a_failure_at_any_write_leaves_no_tag_and_another_run_goes_on() {
    let from = small();
    let there = holdings(&from).await;
    for without_api in [false, true] {
        let start = || match without_api {
            true => writable().without_referrers_api().start(),
            false => writable().start(),
        };
        let unharmed = start();
        copy(&from, &unharmed).await.unwrap();
        let steps = writes(&unharmed).len();
        assert!(steps > 12, "{steps}");
        for step in 0..steps {
            let to = start();
            let seen = Arc::new(AtomicUsize::new(0));
            // What is refused for good is not tried again.
            to.fault(
                move |request| is_write(request) && seen.fetch_add(1, Ordering::Relaxed) >= step,
                Fault::Status(403),
            );
            let failed = copy(&from, &to).await.unwrap_err();
            assert_eq!(to.digest_at(REPO, "v1"), None, "step {step}");
            let message = failed.to_string();
            assert!(message.contains(&to.host()), "{message}");
            let before = failed.so_far.unwrap();
            to.heal();
            let after = copy(&from, &to).await.unwrap();
            let found = after.counts(Done::Present);
            for (kind, pushed) in before.counts(Done::Pushed) {
                // An index that lists all that it should is not looked at again.
                let is_found = found.get(&kind).is_some_and(|found| *found >= pushed);
                assert!(is_found || kind == PieceKind::FallbackIndex, "{kind:?}");
            }
            assert!(after.counts(Done::Pushed).contains_key(&PieceKind::Tag));
            assert_eq!(holdings(&to).await, there, "step {step}");
        }
    }
}

#[tokio::test]
async fn a_push_whose_answer_gets_lost_is_found_by_the_next_run() {
    let (from, to) = (filled(writable()), writable().start());
    to.fault_times(
        1,
        |request| request.method == "PUT" && request.path.contains("/manifests/"),
        Fault::Silence,
    );
    let failed = copy(&from, &to).await.unwrap_err();
    assert_eq!(to.digest_at(REPO, "v1"), None, "{failed}");
    copy(&from, &to).await.unwrap();
    assert_eq!(holdings(&to).await, holdings(&from).await);
}
