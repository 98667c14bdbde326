//! Connections are used again.

use countersign::{Reference, Registry as _, Repository};
use countersign_core::Needs;
use countersign_testkit::registry::Registry;

use crate::{BUNDLE, budget, check, client, image};

fn signed(registry: &Registry) -> String {
    let digest = registry.push_image("app", "v1");
    for number in 0..5 {
        registry.attach_bundle("app", &digest, &[number; 100]);
    }
    registry.attach_bundle("app", &digest, BUNDLE)
}

#[tokio::test]
async fn a_check_over_tls_uses_one_http_2_connection() {
    let registry = Registry::builder().tls().anonymous_bearer().start();
    signed(&registry);
    let image = image(&registry, "app:v1");
    let client = client(&registry);
    for _ in 0..3 {
        let evidence = check(&client, &image, Needs::ALL).await.unwrap();
        assert_eq!((evidence.items.len(), evidence.gaps.len()), (6, 0));
    }
    assert_eq!(registry.connections(), 1);
    let requests = registry.requests();
    assert!(requests.iter().all(|it| it.version == "HTTP/2.0"));
}

#[tokio::test]
async fn plain_http_keeps_its_connections_through_absences_and_views() {
    let registry = Registry::start();
    signed(&registry);
    let client = client(&registry);
    let repository = Repository::of(&image(&registry, "app:v1"));
    for tag in ["v1", "missing", "v1", "missing"] {
        let view = client.with_credentials(countersign::DockerConfig::default());
        let reference = Reference::Tag(tag.to_owned());
        let fetched = view
            .manifest(&repository, &reference, 1 << 20, &budget())
            .await
            .unwrap();
        assert_eq!(fetched.is_some(), tag == "v1");
    }
    assert_eq!(registry.requests().len(), 4);
    assert_eq!(registry.connections(), 1);
    // As many at once as a check asks, and no more for the second check.
    let image = image(&registry, "app:v1");
    for _ in 0..3 {
        let evidence = check(&client, &image, Needs::ALL).await.unwrap();
        assert_eq!((evidence.items.len(), evidence.gaps.len()), (6, 0));
    }
    assert!(registry.connections() <= 9, "{}", registry.connections());
}
