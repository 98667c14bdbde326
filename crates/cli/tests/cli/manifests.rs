//! `verify -f`: which images of manifests are judged, where they are, and what is never passed over.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use crate::run::command;
use crate::world::World;
use countersign_testkit::registry::Registry;

/// A registry, a policy, and a folder from which the command is run.
pub(crate) struct Scene {
    pub(crate) world: World,
}

impl Scene {
    /// With a signed image at the tag `good` and an unsigned one at `bad`.
    pub(crate) fn new() -> Self {
        let scene = Self {
            world: World::new(Registry::start()),
        };
        scene.signed("good");
        scene.world.registry.push_image("app", "bad");
        scene.write(
            "registries.yaml",
            &format!(
                "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec:\n  registries:\n    - {{host: \"{}\", plainHttp: true, addresses: [loopback]}}\n",
                scene.world.registry.host()
            ),
        );
        scene
    }

    /// A signed image under a tag; its digest.
    pub(crate) fn signed(&self, tag: &str) -> String {
        let digest = self.world.registry.push_image("app", tag);
        let bundle = self.world.keyed(&digest);
        self.world.registry.attach_bundle("app", &digest, &bundle);
        digest
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.world.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("HOST", &self.world.registry.host())).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.path(name)).unwrap()
    }

    /// `COMMAND … --policy … --registries …`, run in the folder.
    pub(crate) fn run(&self, arguments: &[&str], stdin: Option<&str>) -> Ended {
        let policy = [
            "--policy",
            "policy.yaml",
            "--trust-root",
            "forged=forged.json",
        ];
        self.run_with(&[arguments, &policy].concat(), stdin)
    }

    /// The same with a policy that is named in the arguments.
    pub(crate) fn typed(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, None)
    }

    fn run_with(&self, arguments: &[&str], stdin: Option<&str>) -> Ended {
        let all = [arguments, &["--registries", "registries.yaml"]].concat();
        let mut command = command(&all);
        command.current_dir(self.world.path(""));
        if let Some(text) = stdin {
            self.write("stdin", text);
            command.stdin(std::fs::File::open(self.world.path("stdin")).unwrap());
        }
        Ended::new(command.output().unwrap(), &self.world.registry.host())
    }

    pub(crate) fn verify(&self, more: &[&str]) -> Ended {
        self.run(&[&["verify"], more].concat(), None)
    }

    /// `verify -f x.yaml` of this text.
    fn judged(&self, text: &str, more: &[&str]) -> Ended {
        self.write("x.yaml", text);
        self.verify(&[&["-f", "x.yaml"], more].concat())
    }
}

/// What a run printed, with the registry's address taken out.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn new(output: Output, host: &str) -> Self {
        // Markdown has its punctuation as entities.
        let entities = host.replace('.', "&#46;").replace(':', "&#58;");
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(host, "HOST").replace(&entities, "HOST")
        };
        Self {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.stderr))
    }

    /// `line:column image effect` of every place.
    fn places(&self) -> Vec<String> {
        let report = self.json();
        let places = report["places"].as_array().unwrap().iter();
        let text = |it: &Value, name: &str| it[name].to_string().replace('"', "");
        places
            .map(|it| {
                let at = format!("{}:{}", text(it, "line"), text(it, "column"));
                format!("{at} {} {}", text(it, "image"), text(it, "effect"))
            })
            .collect()
    }
}

pub(crate) fn pod(namespace: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}}}\nspec:\n  containers:\n    - name: a\n      image: {image}\n"
    )
}

const JSON: [&str; 2] = ["--format", "json"];

#[test]
fn every_image_is_judged_where_it_stands() {
    let scene = Scene::new();
    let text = "---\n# Source: chart/templates/a.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      \
                initContainers:\n        - {name: i, image: HOST/app:good}\n      containers:\n        - name: a\n          image: \"HOST/app:bad\" # why\n\
                ---\napiVersion: v1\nkind: List\nitems:\n  - apiVersion: batch/v1\n    kind: CronJob\n    metadata: {name: c}\n    spec: {jobTemplate: \
                {spec: {template: {spec: {containers: [{name: x, image: HOST/app:good}]}}}}}\n---\napiVersion: v1\nkind: ConfigMap\ndata: {image: x}\n";
    let ended = scene.judged(text, &JSON);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(
        ended.places(),
        [
            "11:28 HOST/app:good allow",
            "14:18 HOST/app:bad deny",
            "22:81 HOST/app:good allow"
        ]
    );
    let report = ended.json();
    assert_eq!(report["effect"], "deny");
    // Each image once, however often it is written.
    assert_eq!(report["report"]["images"].as_array().unwrap().len(), 2);
    assert_eq!(report["places"][0]["object"], "Deployment.apps web");
    assert_eq!(
        report["places"][0]["field"],
        "spec.template.spec.initContainers[0].image"
    );
    let good = scene.judged(&pod("a", "HOST/app:good"), &[]);
    assert_eq!(good.code, 0, "{}", good.stdout);
    assert!(
        good.stdout
            .contains("at x.yaml:7:14 (Pod a/p, spec.containers[0].image)")
    );
}

#[test]
fn standard_input_and_folders_are_read() {
    let scene = Scene::new();
    let ended = scene.run(
        &["verify", "-f", "-", "--format", "json"],
        Some(&pod("a", "HOST/app:bad")),
    );
    assert_eq!((ended.code, ended.places().len()), (1, 1));
    assert_eq!(ended.json()["places"][0]["file"], "-");
    scene.write("m/b/x.yml", &pod("a", "HOST/app:good"));
    scene.write("m/a.json", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": [{\"name\": \"a\", \"image\": \"HOST/app:bad\"}]}}");
    scene.write("m/README.md", "image: x");
    scene.write("m/.hidden/x.yaml", "broken: [");
    let ended = scene.verify(&["-f", "./m", "--format", "json"]);
    let report = ended.json();
    let files: Vec<&Value> = report["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["file"])
        .collect();
    assert_eq!(files, ["m/a.json", "m/b/x.yml"]);
    // By name and by folder, it is one file.
    let twice = scene.verify(&["-f", "m/a.json", "-f", "m/a.json", "--format", "json"]);
    assert_eq!(twice.places().len(), 1);
}

/// Nothing is judged where something cannot be read: one line each, with file, line and column, and exit 3.
#[test]
fn what_cannot_be_read_is_never_passed_over() {
    let scene = Scene::new();
    let good = pod("a", "HOST/app:good");
    for (bad, told) in [
        ("a: [\n".to_owned(), "not readable as YAML"),
        (
            "a: 1\na: 2\n".to_owned(),
            "x.yaml:10:1: `a` stands here a second time",
        ),
        ("just text\n".to_owned(), "x.yaml:9:1: no Kubernetes object"),
        (
            "a: 1\n".to_owned(),
            "x.yaml:9:1: no Kubernetes object: the object has no `apiVersion`",
        ),
        (
            pod("a", "1.27"),
            "x.yaml:15:14: `spec.containers[0].image` has to be a string",
        ),
        (
            pod("a", "HOST/App:v1"),
            "x.yaml:15:14: `HOST/App:v1` in spec.containers[0].image is no image",
        ),
        (pod("a", "\"${IMAGE}\""), "x.yaml:15:14: `${IMAGE}`"),
        (pod("a", ""), "names no image"),
    ] {
        let ended = scene.judged(&format!("{good}---\n{bad}"), &[]);
        assert_eq!(ended.code, 3, "{bad}: {}", ended.stdout);
        assert_eq!(ended.stdout, "", "{bad}");
        assert!(ended.stderr.contains(told), "{bad}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("1 errors in what -f names"),
            "{}",
            ended.stderr
        );
    }
    assert!(scene.world.registry.requests().is_empty());
    let all = scene.judged("a: [\n---\nb: 1\n---\nc: 1\n", &[]);
    assert!(all.stderr.contains("3 errors"), "{}", all.stderr);
    for missing in ["nowhere.yaml", "registries"] {
        assert_eq!(scene.verify(&["-f", missing]).code, 3, "{missing}");
    }
    std::fs::write(scene.world.path("latin.yaml"), b"a: 1\nb: \xff\n").unwrap();
    let latin = scene.verify(&["-f", "latin.yaml"]);
    assert!(
        latin.stderr.contains("latin.yaml:2: not UTF-8"),
        "{}",
        latin.stderr
    );
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_no_way_around() {
    let scene = Scene::new();
    scene.write("m/a.yaml", &pod("a", "HOST/app:good"));
    scene.write("other/b.yaml", &pod("a", "HOST/app:bad"));
    std::os::unix::fs::symlink(scene.world.path("other"), scene.world.path("m/link")).unwrap();
    let ended = scene.verify(&["-f", "m"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.stderr.contains("m/link: a link to a folder"),
        "{}",
        ended.stderr
    );
}

#[test]
fn nothing_passes_by_emptiness() {
    let scene = Scene::new();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    for text in ["", "---\n---\n", "# nothing\n", map] {
        let ended = scene.judged(text, &[]);
        assert_eq!(ended.code, 3, "{text}");
        assert!(
            ended.stderr.contains("nothing passes by emptiness"),
            "{}",
            ended.stderr
        );
        assert_eq!(scene.judged(text, &["--allow-empty"]).code, 0, "{text}");
    }
    std::fs::create_dir(scene.world.path("empty")).unwrap();
    assert_eq!(scene.verify(&["-f", "empty"]).code, 3);
    // An error is none of it.
    assert_eq!(scene.judged("a: 1\n", &["--allow-empty"]).code, 3);
}

#[test]
fn digests_are_demanded_where_they_are_wanted() {
    let scene = Scene::new();
    let digest = scene.signed("good");
    let require = ["--require-digest", "--format", "json"];
    let tag = scene.judged(&pod("a", "HOST/app:good"), &require);
    assert_eq!(tag.code, 1);
    let place = &tag.json()["places"][0];
    assert_eq!(place["demands"][0]["code"], "digest-required");
    assert_eq!(place["effect"], "deny");
    let pinned = format!("HOST/app:good@{digest}");
    assert_eq!(scene.judged(&pod("a", &pinned), &require).code, 0);
    for more in [
        &["--format", "text"][..],
        &["--format", "sarif"],
        &["--format", "junit"],
    ] {
        let ended = scene.judged(
            &pod("a", "HOST/app:good"),
            &[&["--require-digest"], more].concat(),
        );
        assert_eq!(ended.code, 1);
        assert!(ended.stdout.contains("digest-required"), "{}", ended.stdout);
    }
}

/// The policy counts in namespaces with a label only; elsewhere everything is allowed.
fn by_label(scene: &Scene) {
    let policy = scene
        .read("policy.yaml")
        .replace("unmatched: deny", "unmatched: allow");
    let policy = policy.replace(
        "  rules:\n",
        "  namespaces: {matchLabels: {tier: prod}}\n  rules:\n",
    );
    std::fs::write(scene.world.path("policy.yaml"), policy).unwrap();
}

#[test]
fn images_are_judged_in_their_namespaces() {
    let scene = Scene::new();
    by_label(&scene);
    let bad = |namespace: &str| pod(namespace, "HOST/app:bad");
    let namespace = |name: &str, tier: &str| {
        format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{tier: {tier}}}}}\n"
        )
    };
    let judged = |text: &str, more: &[&str]| scene.judged(text, more).code;
    // Labels of the input; the object's namespace goes before the typed one.
    assert_eq!(judged(&(bad("shop") + &namespace("shop", "prod")), &[]), 1);
    assert_eq!(judged(&(bad("shop") + &namespace("shop", "test")), &[]), 0);
    let both = bad("shop") + &namespace("shop", "test") + &namespace("other", "prod");
    assert_eq!(judged(&both, &["--namespace", "other"]), 0);
    let none = bad("\"\"") + &namespace("other", "prod");
    assert_eq!(judged(&none, &["--namespace", "other"]), 1);
    // Typed labels are those of the typed namespace.
    let typed = |name, labels| ["--namespace", name, "--namespace-labels", labels];
    assert_eq!(judged(&bad("shop"), &typed("shop", "tier=prod")), 1);
    assert_eq!(judged(&bad("shop"), &typed("shop", "tier=test")), 0);
    assert_eq!(judged(&bad("shop"), &typed("other", "tier=test")), 2);
    // Labels that nobody told are neither these nor others; without a namespace every policy counts.
    assert_eq!(judged(&bad("shop"), &[]), 2);
    assert_eq!(judged(&bad("\"\""), &[]), 1);
    // The same image in two namespaces is two questions.
    let two = bad("a") + "---\n" + &bad("b") + &namespace("a", "prod") + &namespace("b", "test");
    let ended = scene.judged(&two, &JSON);
    assert_eq!(
        ended.places(),
        ["7:14 HOST/app:bad deny", "15:14 HOST/app:bad allow"]
    );
    let differ = bad("a") + &namespace("a", "prod") + &namespace("a", "test");
    let ended = scene.judged(&differ, &[]);
    assert_eq!(ended.code, 3);
    assert!(
        ended
            .stderr
            .contains("has other labels than the one in x.yaml:9"),
        "{}",
        ended.stderr
    );
}

#[test]
fn custom_resources_are_judged_where_they_are_configured_and_doubtful_elsewhere() {
    let scene = Scene::new();
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {template: {spec: {containers: [{name: a, image: HOST/app:bad}]}}}\n";
    let text = format!("{}---\n{rollout}", pod("a", "HOST/app:good"));
    let unknown = scene.judged(&text, &[]);
    assert_eq!(unknown.code, 0);
    assert!(
        unknown.stderr.contains("warning: x.yaml:12:56: nothing is known about images in objects of the kind Rollout.argoproj.io"),
        "{}",
        unknown.stderr
    );
    for option in [
        ["--pod-spec-field", "Rollout.argoproj.io=spec.template.spec"],
        [
            "--image-field",
            "Rollout.argoproj.io=spec.template.spec.containers[*].image",
        ],
    ] {
        let ended = scene.judged(&text, &[&option[..], &JSON].concat());
        assert_eq!(ended.code, 1, "{option:?}: {}", ended.stderr);
        assert_eq!(ended.places()[1], "12:56 HOST/app:bad deny");
        assert_eq!(ended.stderr, "");
    }
    let elsewhere = ["--image-field", "Rollout.argoproj.io=spec.image"];
    assert_eq!(scene.judged(&text, &elsewhere).code, 3);
    let optional = ["--image-field", "Rollout.argoproj.io=spec.image?"];
    assert_eq!(scene.judged(&text, &optional).code, 0);
    scene.write(
        "k/kustomization.yaml",
        "images: [{name: a, newName: HOST/app, newTag: good}]\n",
    );
    scene.write("k/x.yaml", &pod("a", "HOST/app:good"));
    let kustomize = scene.verify(&["-f", "k"]);
    assert_eq!(kustomize.code, 0);
    assert!(
        kustomize
            .stderr
            .contains("kustomize builds manifests from this file"),
        "{}",
        kustomize.stderr
    );
}

/// A pull request must not lead the command to loopback addresses or to plain HTTP.
#[test]
fn hosts_that_manifests_name_are_not_trusted() {
    let scene = Scene::new();
    scene.write("registries.yaml", "apiVersion: countersign.dev/v1alpha1\nkind: Registries\nspec: {registries: [{host: example.com}]}\n");
    let ended = scene.judged(&pod("a", "HOST/app:good"), &[]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("127.0.0.1, which is refused"),
        "{}",
        ended.stdout
    );
    assert!(scene.world.registry.requests().is_empty());
    let plain = scene.judged(&pod("a", "HOST/app:good"), &["--plain-http"]);
    assert_eq!(plain.code, 3);
    // What looks like a folder on disk is an image's name, and no good one.
    let layout = scene.judged(&pod("a", "oci:testdata/images/signed-keyed"), &[]);
    assert_ne!(layout.code, 0);
}

/// Purpose 1 of issue 9: 2,000 documents with 500 images, and no registry is asked twice for one thing.
#[test]
fn two_thousand_documents_ask_for_each_thing_once() {
    const IMAGES: usize = 500;
    let scene = Scene::new();
    for number in 0..IMAGES {
        scene.signed(&format!("v{number}"));
    }
    let mut text = String::new();
    for number in 0..2000 {
        let namespace = if number % 3 == 0 { "a" } else { "b" };
        let image = format!("HOST/app:v{}", number % IMAGES);
        text.push_str("---\n");
        text.push_str(&pod(namespace, &image));
    }
    let ended = scene.judged(&text, &["--timeout", "120", "--format", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.places().len(), 2000);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in scene.world.registry.requests() {
        *counts.entry(request.path).or_default() += 1;
    }
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let tags = counts.keys().filter(|path| path.contains("/manifests/v"));
    assert_eq!(tags.count(), IMAGES);
}
