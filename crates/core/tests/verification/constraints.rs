//! Step 12: name constraints.

use countersign_core::ReasonCode::CertificateUntrusted;
use countersign_core::{Content, TrustRoot};
use countersign_testkit::forge::{Certificate, Forge, Identity, NAME_CONSTRAINTS, San};

use crate::{NOW, World, digest};

/// Name constraints of the issuing authority and of the one above it, for every kind of name that Fulcio issues.
#[test]
fn s12_names_are_within_the_authorities_constraints() {
    type Limit = fn(&mut Certificate);
    let email = |name: &str| San::Email(name.into());
    let uri = |name: &str| San::Uri(name.into());
    let dns = |name: &str| San::Dns(name.into());
    let user = |name: &str| San::OtherName(name.into());
    let cases: [(Limit, Vec<San>, Vec<San>); 7] = [
        (
            |ca| ca.push_permitted_email_domain("acme.example"),
            vec![email("dev@acme.example"), uri("https://evil.example/x")],
            vec![email("dev@evil.example"), email("dev@ci.acme.example")],
        ),
        (
            |ca| ca.push_name_constraints(&[], &[San::Email(".acme.example".into())]),
            vec![email("dev@acme.example"), email("dev@else.example")],
            vec![email("dev@ci.acme.example")],
        ),
        (
            |ca| ca.push_name_constraints(&[San::Uri("github.com".into())], &[]),
            vec![
                uri("https://github.com/acme/app"),
                email("dev@evil.example"),
            ],
            vec![
                uri("https://evil.example/github.com"),
                uri("https://github.com@evil.example/x"),
                uri("https://api.github.com/acme"),
                uri("urn:github.com"),
            ],
        ),
        (
            |ca| ca.push_name_constraints(&[], &[San::Uri(".evil.example".into())]),
            vec![uri("https://github.com/acme/app")],
            vec![uri("https://ci.evil.example/x"), uri("no-host")],
        ),
        (
            |ca| ca.push_name_constraints(&[San::Dns("acme.example".into())], &[]),
            vec![dns("acme.example"), dns("ci.ACME.example")],
            vec![dns("evilacme.example"), dns("acme.example.evil.example")],
        ),
        // what cannot be compared is refused
        (
            |ca| ca.push_name_constraints(&[San::OtherName("acme".into())], &[]),
            vec![email("dev@acme.example")],
            vec![user("acme")],
        ),
        (
            |ca| {
                ca.push_name_constraints(
                    &[
                        San::Email("a.example".into()),
                        San::Email("b.example".into()),
                    ],
                    &[San::Email("mallory@a.example".into())],
                );
            },
            vec![email("dev@a.example"), email("dev@b.example")],
            vec![email("dev@c.example"), email("mallory@a.example")],
        ),
    ];
    for (number, (limit, within, beyond)) in cases.into_iter().enumerate() {
        for forge in [
            Forge::builder(NOW).with_intermediate(limit).build(),
            Forge::builder(NOW).with_root(limit).build(),
        ] {
            let world = World::of(forge);
            let bundle = |san: &San| {
                let mut identity = Identity::email("x", "https://issuer.example");
                identity.san = san.clone();
                world
                    .forge
                    .image_signature(&digest())
                    .keyless(identity)
                    .rekor_v1()
                    .bundle()
            };
            for san in &within {
                let findings = world.examine(Content::Bundle(bundle(san).into()));
                assert!(
                    findings.rejected().is_empty(),
                    "{number} {san:?}: {:?}",
                    findings.rejected()
                );
            }
            for san in &beyond {
                assert_eq!(
                    world.refused(bundle(san)),
                    CertificateUntrusted,
                    "{number} {san:?}"
                );
            }
        }
    }
}

/// An authority's own names are within the constraints above it, or the trust root is refused.
#[test]
fn s12_an_authoritys_names_are_within_constraints_too() {
    let build = |name: &'static str| {
        Forge::builder(NOW)
            .with_root(|ca| ca.push_permitted_email_domain("acme.example"))
            .with_intermediate(move |ca| ca.push_names(&[San::Email(name.into())]))
            .build()
    };
    let read = |forge: &Forge| TrustRoot::from_json("x", forge.trusted_root().as_bytes());
    assert!(read(&build("ca@acme.example")).is_ok());
    let error = read(&build("ca@evil.example")).unwrap_err();
    assert!(error.to_string().contains("ca@evil.example"), "{error}");
}

/// A minimum other than zero has no meaning (RFC 5280, 4.2.1.10): whoever writes one means something that nobody would check.
#[test]
fn s12_bounds_of_constraints_are_refused() {
    let subtree = |more: &[u8]| [b"\x81\x0cacme.example", more].concat();
    let wrapped = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        [&[tag, length], content].concat()
    };
    for (more, good) in [
        (&[][..], true),
        (&[0x80, 1, 1], false),
        (&[0x81, 1, 9], false),
    ] {
        let value = wrapped(0x30, &wrapped(0xa0, &wrapped(0x30, &subtree(more))));
        let forge = Forge::builder(NOW)
            .with_root(|ca| ca.push(NAME_CONSTRAINTS, true, value.clone()))
            .build();
        let read = TrustRoot::from_json("x", forge.trusted_root().as_bytes());
        assert_eq!(read.is_ok(), good, "{more:?}");
    }
}
