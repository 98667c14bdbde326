//! Registries that lie, fail or lead elsewhere.

use countersign::{Registries, RegistryError, RegistryHost};
use countersign_core::GapClass;
use countersign_sign::{Copier, CopyError};
use countersign_testkit::registry::{Fault, Registry};

use crate::scene::{
    PASSWORD, REPO, USER, client, copy, filled, named, refused, route, writable, writes,
};

#[tokio::test]
async fn wrong_bytes_are_not_passed_on() {
    for (part, bytes) in [("/blobs/", 5), ("/blobs/", 4_000_000), ("/manifests/", 5)] {
        let from = writable().start();
        let image = from.push_image(REPO, "v1");
        from.attach_bundle(REPO, &image, &vec![7; bytes]);
        let to = writable().start();
        let carrier = from.attach_bundle(REPO, &image, &vec![7; bytes]);
        let bad = countersign_testkit::sha256_digest(&vec![7; bytes]);
        let about = if part == "/blobs/" {
            bad.clone()
        } else {
            carrier
        };
        from.fault(
            move |request| request.path.contains(part) && request.path.ends_with(&about),
            Fault::WrongBytes,
        );
        let error = refused(copy(&from, &to).await);
        assert!(error.to_string().contains("lies"), "{error}");
        assert_eq!(to.digest_at(REPO, "v1"), None);
        let sent = writes(&to)
            .into_iter()
            .filter(|it| it.path.contains(&bad))
            .count();
        assert_eq!(sent, 0, "the bytes were sent on");
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_whole_is_not_copied() {
    for (part, fault) in [
        ("/referrers/", Fault::Status(503)),
        ("/referrers/", Fault::Status(401)),
        (".sig", Fault::Status(429)),
        (".att", Fault::Silence),
        ("/manifests/sha256:", Fault::Status(404)),
    ] {
        let (from, to) = (filled(writable()), writable().start());
        from.fault(move |request| request.path.contains(part), fault);
        let error = refused(copy(&from, &to).await);
        assert!(matches!(&error, CopyError::Source(gaps) if !gaps.is_empty()));
        assert!(error.to_string().contains(&from.host()), "{error}");
        assert_eq!(to.requests(), [], "{part}");
    }
}

#[tokio::test]
async fn a_blob_that_is_not_there_ends_the_copy() {
    let (from, to) = (filled(writable()), writable().start());
    from.fault(
        |request| request.path.contains("/blobs/"),
        Fault::Status(404),
    );
    let error = refused(copy(&from, &to).await);
    assert!(matches!(error, CopyError::Missing { .. }), "{error}");
    assert_eq!(to.digest_at(REPO, "v1"), None);
}

#[tokio::test]
async fn an_upload_that_goes_on_elsewhere_gets_no_credential() {
    let from = filled(writable());
    let to = writable().basic(USER, PASSWORD).start();
    let elsewhere = Registry::start();
    to.fault(
        |request| request.method == "POST",
        Fault::Header(
            "location",
            format!("{}/store/1?key=signed", elsewhere.url()),
        ),
    );
    let may = RegistryHost::new().address("loopback").unwrap();
    let registries = Registries::new().host(&elsewhere.host(), may).unwrap();
    let client = client(&[&from, &to, &elsewhere]).registries(registries);
    let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app"));
    let error = refused(Copier::new(client).copy(&route).await);
    assert!(matches!(error, CopyError::Refused { .. }), "{error}");
    let asked = elsewhere.requests();
    assert!(!asked.is_empty(), "nobody went there");
    for request in asked {
        assert!(
            request
                .path
                .starts_with("/store/1?key=signed&digest=sha256:")
        );
        assert_eq!(request.header("authorization"), None);
    }
    assert_eq!(to.digest_at(REPO, "v1"), None);
}

#[tokio::test]
async fn an_upload_does_not_go_on_without_tls_nor_at_an_address_that_nobody_named() {
    let from = filled(writable());
    let elsewhere = Registry::start();
    let port = elsewhere.host().rsplit_once(':').unwrap().1.to_owned();
    let secure = writable().tls().start();
    let plain = writable().start();
    for (to, location) in [
        (&secure, elsewhere.url()),
        (&plain, elsewhere.url()),
        (&plain, format!("http://localhost:{port}")),
        (&plain, format!("http://user:pass@{}", elsewhere.host())),
        (&plain, "file:///etc/passwd".to_owned()),
    ] {
        to.heal();
        to.fault(
            |request| request.method == "POST",
            Fault::Header("location", format!("{location}/store")),
        );
        let mut client = client(&[&from]).allow_typed(to.host());
        client = match to.ca_pem() {
            Some(pem) => client.ca_file(pem.as_bytes()).unwrap(),
            None => client.plain_http(to.host()),
        };
        let copier = Copier::new(client);
        let route = route(&named(&from, "acme/app:v1"), &named(to, "acme/app"));
        let error = refused(copier.copy(&route).await);
        let CopyError::Registry { cause, .. } = &error else {
            panic!("{location}: {error}");
        };
        assert_eq!(cause.class(), GapClass::Hostile, "{location}: {error}");
        assert!(elsewhere.requests().is_empty(), "{location}");
        assert_eq!(to.digest_at(REPO, "v1"), None);
    }
}

#[tokio::test]
async fn a_write_is_not_sent_on_by_a_redirect() {
    let (from, to) = (filled(writable()), writable().start());
    let elsewhere = Registry::start();
    to.fault(
        |request| request.method == "PUT",
        Fault::RedirectTo(elsewhere.url()),
    );
    let client = client(&[&from, &to, &elsewhere]);
    let copier = Copier::new(client);
    let route = route(&named(&from, "acme/app:v1"), &named(&to, "acme/app"));
    let error = refused(copier.copy(&route).await);
    assert!(
        matches!(
            error,
            CopyError::Refused { status: 307, .. }
                | CopyError::Registry {
                    cause: RegistryError::Redirect { .. },
                    ..
                }
        ),
        "{error}"
    );
    assert_eq!(elsewhere.requests(), []);
}

#[tokio::test]
async fn what_the_registry_says_is_told_in_few_words() {
    let (from, to) = (filled(writable()), writable().start());
    to.fault(
        |request| request.method == "PUT" && request.path.contains("/manifests/"),
        Fault::Status(413),
    );
    let error = refused(copy(&from, &to).await).to_string();
    assert!(error.contains(&to.host()), "{error}");
    assert!(
        error.contains("413") && error.contains("TESTKIT"),
        "{error}"
    );
}
