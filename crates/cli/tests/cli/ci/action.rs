//! `deploy/ci/action.yml` and its scripts: nothing runs whose sha256 is not the one carried, and a pull request is not judged by what it brings along.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::repository::Repository;
use super::served::{Release, VERSION};
use crate::lock::moved;
use crate::manifests::Ended;
use crate::run::ROOT;

/// The scripts in a folder of their own, with these lines in `checksums`.
fn scripts(lines: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-R", &format!("{ROOT}/deploy/ci/."), "."])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(copied.success());
    std::fs::write(folder.path().join("action/checksums"), lines).unwrap();
    folder
}

fn fetch(
    repository: &Repository,
    scripts: &Path,
    version: &str,
    environment: &[(&str, &str)],
) -> Ended {
    let script = scripts.join("action/fetch.sh");
    let to = repository.beside("program");
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    repository.run(
        script.to_str().unwrap(),
        &[version, to.to_str().unwrap()],
        &environment,
    )
}

/// Runs `verify.sh` as a step of a job about a pull request to this branch; an empty one is another event.
fn verify(repository: &Repository, base: &str, more: &[(&str, &str)]) -> Ended {
    let mut environment = repository.environment();
    for (name, value) in [("GITHUB_ACTIONS", "true"), ("GITHUB_BASE_REF", base)]
        .iter()
        .chain(more)
    {
        environment.insert((*name).to_owned(), (*value).to_owned());
    }
    for (name, file) in [
        ("GITHUB_OUTPUT", "output"),
        ("GITHUB_STEP_SUMMARY", "summary"),
    ] {
        let file = repository.beside(file);
        std::fs::write(&file, "").unwrap();
        environment.insert(name.to_owned(), file.display().to_string());
    }
    repository.run(
        &format!("{ROOT}/deploy/ci/action/verify.sh"),
        &[],
        &environment,
    )
}

#[test]
fn only_the_archive_whose_sha256_is_carried_is_unpacked() {
    let repository = Repository::new();
    let release = Release::serve();
    let carried = format!("# comment\n{}  {}\n", release.sha256, release.name);
    let good = scripts(&carried);
    let from = ("COUNTERSIGN_RELEASES", release.url.as_str());
    let program = repository.beside("program/countersign");

    let other = Release::serve_with("and more");
    let ended = fetch(
        &repository,
        good.path(),
        VERSION,
        &[("COUNTERSIGN_RELEASES", &other.url)],
    );
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("is not the archive that was released"),
        "{}",
        ended.stderr
    );
    assert!(!program.exists());
    assert!(
        !repository
            .beside(&format!("program/{}.part", release.name))
            .exists()
    );

    for (version, environment, code, says) in [
        ("9.8.8", &[from][..], 3, "no sha256 of countersign-9.8.8-"),
        ("../9.8.7", &[from], 3, "is no version"),
        (
            VERSION,
            &[from, ("COUNTERSIGN_SHA256", &"0".repeat(64))],
            3,
            "it should be 000",
        ),
        (
            VERSION,
            &[from, ("COUNTERSIGN_SHA256", "0")],
            3,
            "is no sha256",
        ),
        (
            VERSION,
            &[("COUNTERSIGN_RELEASES", "http://127.0.0.1:1")],
            2,
            "could not be brought",
        ),
        (
            VERSION,
            &[("COUNTERSIGN_RELEASES", "file:///")],
            2,
            "could not be brought",
        ),
    ] {
        let ended = fetch(&repository, good.path(), version, environment);
        assert_eq!(ended.code, code, "{version}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{version}: {}", ended.stderr);
        assert!(!program.exists(), "{version}");
    }

    let ended = fetch(&repository, good.path(), VERSION, &[from]);
    assert_eq!(
        (ended.code, ended.stdout),
        (0, format!("{}\n", program.display())),
        "{}",
        ended.stderr
    );
    let ran = repository.run(program.to_str().unwrap(), &["--version"], &BTreeMap::new());
    assert!(ran.stdout.starts_with("countersign "), "{}", ran.stderr);
}

#[test]
fn what_the_action_carries_is_well_formed() {
    let text = std::fs::read_to_string(format!("{ROOT}/deploy/ci/action/checksums")).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sha256, name) = line.split_once("  ").unwrap();
        assert!(
            sha256.len() == 64 && sha256.bytes().all(|it| it.is_ascii_hexdigit()),
            "{line}"
        );
        assert!(
            name.starts_with("countersign-") && name.ends_with("-linux-gnu.tar.gz"),
            "{line}"
        );
    }
}

#[test]
fn a_pull_request_is_judged_by_the_policy_of_its_base() {
    let repository = Repository::new();
    let ended = verify(&repository, "main", &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        !ended.stderr.contains("policy not used"),
        "{}",
        ended.stderr
    );
    assert_eq!(repository.output(), "policy-changed=false\n");

    repository.weaken();
    repository.change("deploy/pod.yaml", &repository.pod("bad"));
    let ended = verify(&repository, "main", &[]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("::error file=deploy/pod.yaml,"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stderr
            .contains("::warning file=policy.yaml,title=policy not used::"),
        "{}",
        ended.stderr
    );
    assert_eq!(repository.output(), "policy-changed=true\n");
    let summary = std::fs::read_to_string(repository.beside("summary")).unwrap();
    assert!(summary.contains("denied"), "{summary}");

    // The policy of the branch would have let it through: it is the base that kept it out.
    let ended = verify(&repository, "", &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    // A branch of the same name that the clone has is not the base.
    repository.git(&["branch", "--force", "main", "change"]);
    assert_eq!(verify(&repository, "main", &[]).code, 1);
    // Nor without a remote to fetch from, where the base is what was fetched before.
    repository.git(&["remote", "set-url", "origin", "/nowhere"]);
    assert_eq!(verify(&repository, "main", &[]).code, 1);
    repository.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    let ended = verify(&repository, "main", &[]);
    assert_eq!(ended.code, 2, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended
            .stderr
            .contains("can neither be fetched nor is it here"),
        "{}",
        ended.stderr
    );
}

#[test]
fn attributes_of_a_pull_request_do_not_reach_the_base() {
    let repository = Repository::new();
    let attributes = "policy.yaml export-ignore\nregistries.yaml export-ignore\n";
    repository.change(".gitattributes", attributes);
    repository.change("deploy/pod.yaml", &repository.pod("bad"));
    let ended = verify(&repository, "main", &[]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn keys_lock_and_registries_are_the_bases_too() {
    let repository = Repository::new();
    for name in ["registries.yaml", "forged.json"] {
        let text = std::fs::read_to_string(repository.path(name)).unwrap();
        repository.change(name, &format!("{text}\n"));
    }
    repository.change(
        "countersign.lock",
        "a lock of the pull request's own making",
    );
    let ended = verify(&repository, "main", &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    for name in ["registries.yaml", "forged.json"] {
        let warning = format!("::warning file={name},title=policy not used::");
        assert!(ended.stderr.contains(&warning), "{name}: {}", ended.stderr);
    }
    // The lock counts where it is asked for; the base has none.
    let ended = verify(&repository, "main", &[("COUNTERSIGN_LOCKED", "true")]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("countersign.lock is not in 'main'"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_lock_that_a_pull_request_brings_along_locks_nothing() {
    let repository = Repository::new();
    let lock = |more: &[&str]| {
        let words = [
            "lock",
            "-f",
            "deploy",
            "--policy",
            "policy.yaml",
            "--trust-root",
            "forged=forged.json",
            "--registries",
            "registries.yaml",
        ];
        let words = [&words[..], more].concat();
        let program = env!("CARGO_BIN_EXE_countersign");
        let ended = repository.run(program, &words, &BTreeMap::new());
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        repository.commit();
    };
    lock(&[]);
    repository.git(&["push", "--quiet", "origin", "change:refs/heads/locked"]);
    let locked = ("COUNTERSIGN_LOCKED", "true");
    assert_eq!(verify(&repository, "locked", &[locked]).code, 0);
    moved(&repository.scene, true);
    lock(&["--update"]);
    let ended = verify(&repository, "locked", &[locked]);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("title=tag-moved::"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stderr
            .contains("::warning file=countersign.lock,title=policy not used::"),
        "{}",
        ended.stderr
    );
    // By the lock of the branch nothing moved.
    assert_eq!(verify(&repository, "", &[locked]).code, 0);
}

#[test]
fn a_file_that_names_itself_a_command_is_told_of_as_a_file() {
    let repository = Repository::new();
    repository.change("deploy/a,b:c%0A::error::x.yaml", &repository.pod("good"));
    let ended = verify(&repository, "main", &[("COUNTERSIGN_WATCH", "deploy")]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let warning =
        "::warning file=deploy/a%2Cb%3Ac%250A%3A%3Aerror%3A%3Ax.yaml,title=policy not used::";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
}

/// Values of Helm are judged where the step says where images are in them.
#[test]
fn fields_say_where_images_are() {
    let repository = Repository::new();
    let host = repository.scene.world.registry.host();
    let fields =
        "values-path=image.repository/tag/digest\nimage-field=Runner.ci.example=spec.image?";
    for (tag, code) in [("good", 0), ("bad", 1)] {
        let values = format!("image: {{repository: '{host}/app', tag: {tag}}}\n");
        repository.change("deploy/values.yaml", &values);
        let ended = verify(&repository, "main", &[("COUNTERSIGN_FIELDS", fields)]);
        assert_eq!(ended.code, code, "{tag}: {}", ended.stderr);
    }
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_judged() {
    let repository = Repository::new();
    repository.change("new.yaml", &repository.scene.read("policy.yaml"));
    for (more, says) in [
        (
            ("COUNTERSIGN_POLICY", "new.yaml"),
            "new.yaml is not in 'main'",
        ),
        (("COUNTERSIGN_POLICY", ""), "names no policy"),
        (
            ("COUNTERSIGN_POLICY", "../policy.yaml"),
            "is no path in the repository",
        ),
        (
            ("COUNTERSIGN_POLICY_REF", "--upload-pack=x"),
            "is no name of a branch",
        ),
        (("COUNTERSIGN_FILES", ""), "nothing to judge"),
        (
            ("COUNTERSIGN_IMAGES", "registry.example/app"),
            "both files and images",
        ),
        (("COUNTERSIGN_LOCKED", "yes"), "it must be true or false"),
        (
            ("COUNTERSIGN_FIELDS", "policy=new.yaml"),
            "a line begins with values-path=",
        ),
        (
            ("COUNTERSIGN_REQUIRE_DIGEST", "1"),
            "it must be true or false",
        ),
    ] {
        let ended = verify(&repository, "main", &[more]);
        assert_eq!(ended.code, 3, "{more:?}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains(says), "{more:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{more:?}");
    }
    let ended = verify(
        &repository,
        "main",
        &[("COUNTERSIGN_REQUIRE_DIGEST", "true")],
    );
    assert_eq!(ended.code, 1, "{}", ended.stderr);
}

/// Runs the steps of `action.yml` one after the other with these inputs, as a runner does; how the last one ended that ran.
fn act(repository: &Repository, action: &Value, scripts: &Path, given: &[(&str, &str)]) -> Ended {
    let mut outputs = BTreeMap::new();
    let mut last = None;
    let file = repository.beside("output");
    for step in action["runs"]["steps"].as_array().unwrap() {
        std::fs::write(&file, "").unwrap();
        let mut environment: BTreeMap<String, String> = [
            ("GITHUB_ACTION_PATH", scripts),
            ("GITHUB_OUTPUT", &file),
            ("RUNNER_TEMP", &repository.beside("temp")),
        ]
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
        .into();
        environment.insert("GITHUB_BASE_REF".to_owned(), "main".to_owned());
        for (name, value) in step["env"].as_object().unwrap() {
            let text = value.as_str().unwrap();
            let value = match text
                .strip_prefix("${{ inputs.")
                .and_then(|it| it.strip_suffix(" }}"))
            {
                Some(input) => {
                    let default = action["inputs"][input]["default"]
                        .as_str()
                        .unwrap_or_default();
                    let typed = given.iter().find(|(name, _)| *name == input);
                    typed.map_or(default, |(_, value)| value).to_owned()
                }
                None => text
                    .replace(
                        "${{ runner.temp }}",
                        &repository.beside("temp").display().to_string(),
                    )
                    .replace(
                        "${{ steps.fetch.outputs.program }}",
                        outputs.get("program").map_or("", String::as_str),
                    ),
            };
            assert!(!value.contains("${{"), "{value}");
            environment.insert(name.clone(), value);
        }
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "{script}");
        // As GitHub runs `shell: bash`.
        assert_eq!(step["shell"], "bash");
        let ended = repository.run(
            "bash",
            &["--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            &environment,
        );
        for line in repository.output().lines() {
            let (name, value) = line.split_once('=').unwrap();
            outputs.insert(name.to_owned(), value.to_owned());
        }
        let code = ended.code;
        last = Some(ended);
        if code != 0 {
            break;
        }
    }
    last.unwrap()
}

#[test]
fn the_action_fetches_and_judges() {
    let text = std::fs::read_to_string(format!("{ROOT}/deploy/ci/action.yml")).unwrap();
    let action: Value = serde_saphyr::from_str(&text).unwrap();
    let inputs = action["inputs"].as_object().unwrap();
    for (name, input) in inputs {
        assert!(
            input["description"]
                .as_str()
                .is_some_and(|it| it.len() > 20),
            "{name}"
        );
        assert!(
            input["required"] == true || input["default"].is_string(),
            "{name}"
        );
        let uses = text.matches(&format!("${{{{ inputs.{name} }}}}")).count();
        assert_eq!(uses, 1, "{name} is used once, in the environment of a step");
    }
    let repository = Repository::new();
    let release = Release::serve();
    let scripts = scripts(&format!("{}  {}\n", release.sha256, release.name));
    let given = [
        ("version", VERSION),
        ("releases", &release.url),
        ("policy", "policy.yaml"),
        ("files", "deploy"),
        ("registries", "registries.yaml"),
        ("trust-root", "forged=forged.json"),
    ];
    let ended = act(&repository, &action, scripts.path(), &given);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("ALLOWED HOST/app:good"),
        "{}",
        ended.stdout
    );
    repository.weaken();
    repository.change("deploy/pod.yaml", &repository.pod("bad"));
    let ended = act(&repository, &action, scripts.path(), &given);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    // Words of an input are words: neither the shell nor an option of ours.
    let hostile = "$(touch pwned)`touch pwned`;touch pwned";
    for input in [
        "version",
        "policy",
        "policy-ref",
        "files",
        "namespace",
        "reports",
        "images",
        "watch",
    ] {
        let mut inputs: Vec<(&str, &str)> = given
            .iter()
            .copied()
            .filter(|(name, _)| *name != input)
            .collect();
        inputs.push((input, hostile));
        let ended = act(&repository, &action, scripts.path(), &inputs);
        assert_ne!(ended.code, 0, "{input}: {}", ended.stdout);
        assert!(!repository.path("pwned").exists(), "{input}");
    }
}

impl Repository {
    /// What the last step wrote as its outputs.
    fn output(&self) -> String {
        std::fs::read_to_string(self.beside("output")).unwrap()
    }
}
