//! Failures that pass.

use countersign_sign::CopyError;
use countersign_testkit::registry::{Fault, Registry, Request};

use crate::scene::{REPO, copy, holdings, refused, writable, writes};

fn small() -> Registry {
    let registry = writable().start();
    let image = registry.push_image(REPO, "v1");
    registry.attach_bundle(REPO, &image, b"a bundle");
    registry
}

fn is_upload(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/uploads/")
}

/// All uploads of one blob.
fn uploads(registry: &Registry) -> usize {
    let digest = countersign_testkit::sha256_digest(b"a bundle");
    let writes = writes(registry);
    let own = writes.iter().filter(|it| it.path.contains(&digest));
    own.count()
}

#[tokio::test]
async fn an_upload_that_fails_is_begun_again() {
    let digest = countersign_testkit::sha256_digest(b"a bundle");
    for fault in [Fault::Status(503), Fault::Status(404), Fault::CutAfter(0)] {
        let (from, to) = (small(), writable().start());
        let own = digest.clone();
        to.fault_times(
            2,
            move |request| is_upload(request) && request.path.contains(&own),
            fault,
        );
        copy(&from, &to).await.unwrap();
        assert_eq!(holdings(&to).await, holdings(&from).await);
    }
}

#[tokio::test]
async fn an_upload_is_begun_three_times_at_most() {
    let (from, to) = (small(), writable().start());
    let digest = countersign_testkit::sha256_digest(b"a bundle");
    to.fault(
        move |request| is_upload(request) && request.path.contains(&digest),
        Fault::Status(500),
    );
    let error = refused(copy(&from, &to).await);
    assert!(matches!(error, CopyError::Registry { .. }), "{error}");
    assert_eq!(uploads(&to), 3);
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let (from, to) = (small(), writable().start());
    let digest = countersign_testkit::sha256_digest(b"a bundle");
    to.fault(
        move |request| is_upload(request) && request.path.contains(&digest),
        Fault::Status(403),
    );
    refused(copy(&from, &to).await);
    assert_eq!(uploads(&to), 1);
}
