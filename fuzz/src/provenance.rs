//! What holds of every provenance, whoever wrote it: a rule lets through only builds of the source and workflow that it names.

use std::sync::OnceLock;

use countersign_core::{
    Decision, ExtraRoot, Findings, ImageRef, NoFiles, PolicySet, Request, Resolution, Source, UnixTime, Verdict,
    decide, fuzzing,
};
use serde_json::Value;

use crate::{IMAGE, ROOT, judge, world};

const POLICY: &str = include_str!("provenance.yaml");
const GOOD: &[u8] = include_bytes!("../seeds/provenance/github");
const TYPES: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];
const BUILDER: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";

/// The first byte chooses the predicate type; the rest is the predicate, as if the release workflow of acme/app had signed it.
///
/// # Panics
/// If it passes and is not what the policy asks for, or comes out otherwise when it is judged again.
pub fn only_true_builds_pass(bytes: &[u8]) {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| assert!(judged(GOOD).expect("it is read").1, "the seed passes"));
    let Some((decision, passes)) = judged(bytes) else { return };
    let (again, _) = judged(bytes).expect("it was read before");
    assert_eq!(format!("{decision:?}"), format!("{again:?}"));
    if !passes {
        return;
    }
    let predicate: Value = serde_json::from_slice(&bytes[1..]).expect("what passes is JSON");
    assert_eq!(predicate["runDetails"]["builder"]["id"], BUILDER);
    assert_eq!(predicate["buildDefinition"]["buildType"], BUILD_TYPE);
    let parameters = predicate["buildDefinition"]["externalParameters"].as_object().expect("an object");
    let says = |value: &Value| !(value.is_null() || *value == Value::Array(vec![]) || *value == serde_json::json!({}));
    let told = parameters.iter().filter(|(_, value)| says(value)).map(|(name, _)| name);
    assert!(told.clone().all(|name| name.split('.').next() == Some("workflow")), "{told:?}");
}

/// The decision about the image, and whether it is allowed; nothing for what is no statement.
fn judged(bytes: &[u8]) -> Option<(Decision, bool)> {
    static PROVEN: OnceLock<(Findings, PolicySet)> = OnceLock::new();
    let world = world();
    let (proven, policies) = PROVEN.get_or_init(|| (judge(&world.image, world.item(0), &world.trust), policies()));
    let (version, predicate) = bytes.split_first()?;
    let head = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"{}","predicate":"#,
        world.image.digest().to_string().trim_start_matches("sha256:"),
        TYPES[usize::from(version % 2)],
    );
    let payload = [head.as_bytes(), predicate, b"}"].concat();
    let findings = fuzzing::restated(proven, &payload, IMAGE).ok()?;
    let request = Request::named(&ImageRef::parse("ghcr.io/acme/app").expect("a name"));
    let resolution = Resolution::Examined { image: &world.image, findings: &findings, children: &[] };
    let decision = decide(policies, &request, resolution, UnixTime::from_seconds(world.time.seconds() + 60));
    let passes = decision.effect() == Verdict::Allow;
    Some((decision, passes))
}

fn policies() -> PolicySet {
    let sources = [Source { name: "provenance.yaml".to_owned(), text: POLICY.to_owned() }];
    let root = ExtraRoot { name: Some("forged".to_owned()), json: ROOT.to_vec() };
    let loaded = PolicySet::load(&sources, &NoFiles, &[root]);
    loaded.policies.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}
