//! Break-glass against rules that are written down anew: it never changes an allow, never lets in what is hostile or revoked, and
//! never counts fewer people than are asked for.

use countersign_core::{Digest, GapClass, Verdict};
use countersign_testkit::break_glass::{approval, with};
use countersign_testkit::forge::{Algorithm, Identity, Key};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use crate::break_glass::{APP, Night, in_shop, time};
use crate::world::World;

/// One approval of the property.
#[derive(Debug, Clone, Copy)]
struct Said {
    /// Which of four keys signs; the last is a stranger's.
    by: usize,
    /// Which of two texts.
    text: usize,
}

/// What else is so.
#[derive(Debug, Clone, Copy)]
struct Around {
    signed: bool,
    gap: Option<GapClass>,
    image_revoked: bool,
    key_revoked: bool,
    id_revoked: bool,
    expired: bool,
}

fn around() -> impl Strategy<Value = Around> {
    let gap = prop_oneof![
        3 => Just(None),
        1 => Just(Some(GapClass::Unavailable)),
        1 => Just(Some(GapClass::Hostile)),
    ];
    let seldom = || prop::bool::weighted(0.2);
    (
        prop::bool::weighted(0.3),
        gap,
        seldom(),
        seldom(),
        seldom(),
        seldom(),
    )
        .prop_map(
            |(signed, gap, image_revoked, key_revoked, id_revoked, expired)| Around {
                signed,
                gap,
                image_revoked,
                key_revoked,
                id_revoked,
                expired,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn break_glass_lets_in_what_enough_people_approved_and_nothing_else(
        said in vec((0..4_usize, 0..2_usize).prop_map(|(by, text)| Said { by, text }), 1..6),
        threshold in 1..=3_usize,
        around in around(),
    ) {
        let mut world = World::new();
        if around.signed {
            world = world.signed_by(&Identity::default());
        }
        if let Some(class) = around.gap {
            world = world.gap(class, None);
        }
        let digest = world.digest();
        let mut night = Night::of(world);
        if around.id_revoked {
            night.rest.push_str(", revoked: [bg-1]");
        }
        let mut revoked = Vec::new();
        if around.image_revoked {
            revoked.push(format!("digests: [\"{digest}\"]"));
        }
        if around.key_revoked {
            revoked.push("keys: [a/k]".to_owned());
        }
        if !revoked.is_empty() {
            night = night.revoking(&revoked.join(", "));
        }
        let stranger = Key::generate(Algorithm::P256);
        let end = if around.expired { time(0) } else { time(60) };
        let first = with(night.statement(), "/predicate/notAfter", json!(end));
        let second = with(first.clone(), "/predicate/ticket", json!("INC-8"));
        let bundles = said.iter().map(|one| {
            let key = night.people.get(one.by).unwrap_or(&stranger);
            approval(&night.world.forge, [&first, &second][one.text], key)
        });
        let bundles: Vec<Vec<u8>> = bundles.collect();
        let set = night.set().replace("atLeast: 2", &format!("atLeast: {threshold}"));
        let request = in_shop(&format!("{APP}@{digest}"));
        let without = night.decide_by(&set, &request, Vec::new());
        let decision = night.decide_by(&set, &request, bundles);

        let people = |text: usize| {
            let counts = |by: &usize| {
                (*by != 0 || !around.key_revoked) && said.iter().any(|it| it.by == *by && it.text == text)
            };
            (0..3).filter(counts).count()
        };
        let holds = !around.id_revoked && !around.expired && (people(0) >= threshold || people(1) >= threshold);
        let barred = around.image_revoked || around.gap == Some(GapClass::Hostile);
        let is_used = holds && !barred && without.effect() != Verdict::Allow;
        prop_assert_eq!(decision.is_by_break_glass(), is_used);
        prop_assert_eq!(decision.enforced(), without.effect());
        prop_assert_eq!(decision.judged(), without.judged());
        let effect = if is_used { Verdict::Allow } else { without.effect() };
        prop_assert_eq!(decision.effect(), effect);
        let outcome = decision.break_glass().unwrap();
        prop_assert_eq!(outcome.overridden.is_empty(), !is_used);
        // The rest of the decision is the same.
        prop_assert_eq!(format!("{:?}", decision.policies()), format!("{:?}", without.policies()));
        prop_assert_eq!(decision.digest(), Some(&digest.parse::<Digest>().unwrap()));
    }
}
