//! Addresses that must not be connected to, whoever leads there.

use countersign::{HttpRegistry, Registries, RegistryHost};
use countersign_core::{Gap, GapClass, Needs, ReasonCode};
use countersign_testkit::registry::{Fault, Registry};

use crate::{BUNDLE, check, client, gaps, image, on_this_machine};

fn signed() -> Registry {
    let registry = Registry::start();
    let digest = registry.push_image("app", "v1");
    registry.attach_bundle("app", &digest, BUNDLE);
    registry
}

/// The one gap, which says that an address was refused, and how to allow it.
fn refused(gaps: &[Gap], host: &str) {
    let [gap] = gaps else { panic!("{gaps:?}") };
    assert_eq!(
        (gap.class, gap.code),
        (GapClass::Hostile, ReasonCode::RegistryHostile),
        "{gap:?}"
    );
    assert!(
        gap.cause.contains("is refused") && gap.cause.contains(&format!("entry for {host}")),
        "{gap:?}"
    );
}

/// What comes of it when the registry redirects blobs to this base URL.
async fn redirected(client: &HttpRegistry, registry: &Registry, base: String) -> Vec<Gap> {
    registry.heal();
    registry.fault(
        |request| request.path.contains("/blobs/"),
        Fault::RedirectTo(base),
    );
    gaps(check(client, &image(registry, "app:v1"), Needs::ALL).await)
}

fn port(registry: &Registry) -> String {
    registry.host().rsplit_once(':').unwrap().1.to_owned()
}

#[tokio::test]
async fn this_machine_is_no_registry_unless_somebody_named_it() {
    let registry = signed();
    for host in [registry.host(), format!("localhost:{}", port(&registry))] {
        let name = countersign_core::ImageRef::parse(&format!("{host}/app:v1")).unwrap();
        let gaps = gaps(check(&HttpRegistry::new(), &name, Needs::ALL).await);
        refused(&gaps, &host);
    }
    assert_eq!(registry.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_this_machine_is_refused_however_it_is_spelt() {
    let (registry, victim) = (signed(), signed());
    let client = client(&registry);
    let port = port(&victim);
    for (spelling, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("127.9.9.9", "127.9.9.9"),
        ("0.0.0.0", "0.0.0.0"),
        ("[::]", "[::]"),
        ("[::1]", "[::1]"),
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ("[::ffff:7f00:1]", "[::ffff:7f00:1]"),
        ("[64:ff9b::7f00:1]", "[64:ff9b::7f00:1]"),
        ("[2002:7f00:1::]", "[2002:7f00:1::]"),
        ("169.254.169.254", "169.254.169.254"),
        ("[fd00:ec2::254]", "[fd00:ec2::254]"),
        ("[fe80::1]", "[fe80::1]"),
        ("255.255.255.255", "255.255.255.255"),
    ] {
        let gaps = redirected(&client, &registry, format!("http://{spelling}:{port}")).await;
        refused(&gaps, &format!("{host}:{port}"));
    }
    assert_eq!(victim.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_connected_to() {
    let (registry, victim) = (signed(), signed());
    let host = format!("localhost:{}", port(&victim));
    let gaps = redirected(&client(&registry), &registry, format!("http://{host}")).await;
    refused(&gaps, &host);
    assert_eq!(victim.connections(), 0);
    let entry = RegistryHost::new().address("loopback").unwrap();
    let registries = Registries::new().host(&host, entry).unwrap();
    let client = client(&registry).registries(registries);
    let gaps = redirected(&client, &registry, format!("http://{host}")).await;
    assert!(gaps.is_empty(), "{gaps:?}");
    assert!(victim.connections() > 0);
}

#[tokio::test]
async fn a_realm_on_this_machine_is_refused() {
    let service = Registry::builder().anonymous_bearer().start();
    let named = format!("localhost:{}", port(&service));
    for host in [service.host(), named] {
        let registry = Registry::builder()
            .anonymous_bearer()
            .token_realm(&format!("http://{host}/token"))
            .start();
        registry.push_image("app", "v1");
        let image = image(&registry, "app:v1");
        let gaps = gaps(check(&client(&registry), &image, Needs::ALL).await);
        refused(&gaps, &host);
    }
    assert_eq!(service.connections(), 0);
}

#[tokio::test]
async fn what_one_registry_may_is_not_what_it_may_lead_others_to() {
    let (registry, other) = (signed(), signed());
    // Both were typed: each may be asked by its own name, and nobody sends us from one to the other.
    let client = client(&registry).plain_http(other.host());
    let gaps = redirected(&client, &registry, other.url()).await;
    refused(&gaps, &other.host());
    assert_eq!(other.connections(), 0);
    let client = client.registries(on_this_machine(&[&other]));
    let gaps = redirected(&client, &registry, other.url()).await;
    assert!(gaps.is_empty(), "{gaps:?}");
}

#[tokio::test]
async fn private_addresses_are_refused_where_that_is_wanted() {
    let name = countersign_core::ImageRef::parse("10.255.255.1:5000/app:v1").unwrap();
    let client = HttpRegistry::new().refuse_private(true);
    let gaps = gaps(check(&client, &name, Needs::ALL).await);
    refused(&gaps, "10.255.255.1:5000");
}
