//! The sessions of `docs/ci.md` are what happens.

use crate::manifests::Scene;
use crate::run::ROOT;

/// The policy of the page: one key signs everything.
fn scene() -> Scene {
    let scene = Scene::new();
    let policy = scene.read("policy.yaml");
    let documents: Vec<&str> = policy.split("---\n").collect();
    let is_kept = |text: &&&str| !text.contains("metadata: {name: person}");
    let kept: Vec<&str> = documents.iter().filter(is_kept).copied().collect();
    let policy = kept.join("---\n").replace("{any: [mine, person]}", "mine");
    scene.write("policy.yaml", &policy);
    scene.signed("v1");
    scene.world.registry.push_image("app", "v2");
    scene
}

#[test]
fn the_documented_sessions_are_what_happens() {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/ci.md")).unwrap();
    let scene = scene();
    let (_, manifest) = page.split_once("```yaml\n").unwrap();
    let (manifest, _) = manifest.split_once("```\n").unwrap();
    scene.write("deploy/web.yaml", &manifest.replace("ghcr.io/acme", "HOST"));
    let sessions: Vec<&str> = page.split("```console\n$ countersign ").skip(1).collect();
    assert_eq!(sessions.len(), 4);
    for session in sessions {
        let (session, _) = session.split_once("```").unwrap();
        // The manifest as it was before `pin`, for `lock` to find a tag.
        scene.write("deploy/web.yaml", &manifest.replace("ghcr.io/acme", "HOST"));
        let (arguments, printed) = session.split_once('\n').unwrap();
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let ended = scene.typed(&arguments);
        let shown = format!("{}[exit code {}]\n", keyless(&ended.stdout), ended.code);
        assert_eq!(
            shown.replace("HOST", "ghcr.io/acme"),
            printed,
            "{}",
            ended.stderr
        );
    }
}

/// Without the key's fingerprint, which is made anew for each run.
fn keyless(text: &str) -> String {
    let mut parts = text.split("(sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_hexdigit());
        format!("{text}(sha256:…{rest}")
    })
}
