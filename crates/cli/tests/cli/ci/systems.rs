//! The templates of GitLab and Tekton and the hooks of pre-commit: each is what its system demands, and what it runs is run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::repository::Repository;
use super::served::{Release, VERSION};
use crate::manifests::Ended;
use crate::run::ROOT;

/// The YAML documents of a file of the workspace.
fn documents(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{ROOT}/{name}")).unwrap();
    text.split("\n---\n")
        .map(|it| serde_saphyr::from_str(it).unwrap())
        .collect()
}

fn strings(of: &Value) -> BTreeSet<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What is typed for the inputs of a template; the rest has defaults.
fn typed(release: &Release, base: &str) -> Vec<(&'static str, String)> {
    [
        ("version", VERSION),
        ("sha256", &release.sha256),
        ("releases", &release.url),
        ("policy", "policy.yaml"),
        ("policy-ref", base),
        ("files", "deploy"),
        ("registries", "registries.yaml"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// Fills in a template's variables: `open` and `close` stand around names of inputs.
fn environment(
    variables: impl Iterator<Item = (String, String)>,
    [open, close]: [&str; 2],
    inputs: &[(&str, String)],
    default: impl Fn(&str) -> String,
) -> BTreeMap<String, String> {
    variables
        .map(|(name, text)| {
            let input = text
                .strip_prefix(open)
                .and_then(|it| it.strip_suffix(close));
            let value = input.map_or(text.clone(), |input| {
                let typed = inputs.iter().find(|(name, _)| *name == input);
                typed.map_or_else(|| default(input), |(_, value)| value.clone())
            });
            (name, value)
        })
        .collect()
}

/// A script of a template with an archive as it was released, with another one, and for a pull request that weakens the policy.
fn check(run: impl Fn(&Repository, &[(&str, String)]) -> Ended) {
    let repository = Repository::new();
    // The templates have no option for trust roots of their own: the policy names the key alone.
    let policy = repository.scene.read("policy.yaml");
    let kept: Vec<&str> = policy
        .split("---\n")
        .filter(|it| !it.contains("{name: person}"))
        .collect();
    let policy = kept.join("---\n").replace("{any: [mine, person]}", "mine");
    repository.scene.write("policy.yaml", &policy);
    repository.change("policy.yaml", &policy);
    repository.git(&["push", "--quiet", "origin", "change:refs/heads/base"]);
    let release = Release::serve();
    let inputs = typed(&release, "base");

    let ended = run(&repository, &inputs);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("ALLOWED HOST/app:good"),
        "{}",
        ended.stdout
    );
    repository.weaken();
    repository.change("deploy/pod.yaml", &repository.pod("bad"));
    let ended = run(&repository, &inputs);
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stderr.contains("warning: policy.yaml differs"),
        "{}",
        ended.stderr
    );

    let other = Release::serve_with("and more");
    for (name, value) in [
        ("releases", other.url.as_str()),
        ("sha256", &"0".repeat(64)),
    ] {
        let mut inputs = inputs.clone();
        inputs.retain(|(it, _)| *it != name);
        inputs.push((name, value.to_owned()));
        let ended = run(&repository, &inputs);
        assert_eq!(ended.code, 3, "{name}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout, "", "{name}");
    }
}

#[test]
fn the_gitlab_component_is_one_and_does_its_work() {
    let documents = documents("deploy/ci/gitlab/templates/countersign.yml");
    let [header, template] = documents.as_slice() else {
        panic!("a component has a header and a body")
    };
    let inputs = &header["spec"]["inputs"];
    let (_, job) = template.as_object().unwrap().iter().next().unwrap();
    assert_eq!(template.as_object().unwrap().len(), 1);
    let body = template.to_string();
    for (name, input) in inputs.as_object().unwrap() {
        assert!(input["description"].is_string(), "{name}");
        assert!(
            body.contains(&format!("$[[ inputs.{name} ]]")),
            "{name} is used"
        );
    }
    let used = body.matches("$[[ inputs.").count();
    assert_eq!(
        used,
        strings(inputs).len(),
        "nothing is used that is no input"
    );
    for required in ["image", "version", "sha256"] {
        assert!(
            inputs[required]["default"].is_null() && inputs[required]["regex"].is_string(),
            "{required}"
        );
    }
    let [script] = job["script"].as_array().unwrap().as_slice() else {
        panic!("one script")
    };
    let script = script.as_str().unwrap();
    assert!(!script.contains("$[["), "{script}");
    check(|repository, typed| {
        let variables = job["variables"].as_object().unwrap().iter();
        let variables =
            variables.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        let mut environment = environment(variables, ["$[[ inputs.", " ]]"], typed, |name| {
            let default = &inputs[name]["default"];
            default
                .as_str()
                .map_or_else(|| default.to_string(), str::to_owned)
        });
        // As on a merge request: its target is the default of `policy-ref`.
        let base = environment.insert("COUNTERSIGN_POLICY_REF".to_owned(), String::new());
        environment.insert(
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME".to_owned(),
            base.unwrap(),
        );
        environment.insert("COUNTERSIGN_PAUSE".to_owned(), "0".to_owned());
        let ended = repository.run("sh", &["-c", script], &environment);
        let junit = repository.path("countersign-junit.xml");
        assert_eq!(junit.exists(), ended.code < 2, "{}", ended.stderr);
        let _ = std::fs::remove_file(junit);
        ended
    });
}

#[test]
fn the_tekton_task_is_one_and_does_its_work() {
    let [task] = &documents("deploy/ci/tekton/task.yaml")[..] else {
        panic!("one document")
    };
    assert_eq!(task["apiVersion"], "tekton.dev/v1");
    assert_eq!(task["kind"], "Task");
    let spec = &task["spec"];
    assert_eq!(
        strings(spec),
        ["description", "params", "steps", "workspaces"].into()
    );
    let [step] = spec["steps"].as_array().unwrap().as_slice() else {
        panic!("one step")
    };
    let params = spec["params"].as_array().unwrap();
    let text = step.to_string();
    for param in params {
        let name = param["name"].as_str().unwrap();
        assert!(param["description"].is_string(), "{name}");
        assert!(
            text.contains(&format!("$(params.{name})")),
            "{name} is used"
        );
    }
    assert_eq!(text.matches("$(params.").count(), params.len());
    // The image, the version and its sha256, and the base have no default: somebody has to decide.
    for required in [
        "image",
        "version",
        "sha256",
        "policy",
        "policy-ref",
        "files",
    ] {
        let param = params.iter().find(|it| it["name"] == required).unwrap();
        assert!(param["default"].is_null(), "{required}");
    }
    assert_eq!(step["securityContext"]["allowPrivilegeEscalation"], false);
    assert_eq!(step["securityContext"]["runAsNonRoot"], true);
    let script = step["script"].as_str().unwrap();
    assert!(
        script.starts_with("#!/bin/sh\n") && !script.contains("$(params"),
        "{script}"
    );
    let run = |repository: &Repository, typed: &[(&str, String)]| {
        let variables = step["env"].as_array().unwrap().iter();
        let variables = variables.map(|it| {
            (
                it["name"].as_str().unwrap().to_owned(),
                it["value"].as_str().unwrap().to_owned(),
            )
        });
        let mut environment = environment(variables, ["$(params.", ")"], typed, |name| {
            let param = params.iter().find(|it| it["name"] == name).unwrap();
            param["default"]
                .as_str()
                .unwrap_or_else(|| panic!("{name}"))
                .to_owned()
        });
        environment.remove("HOME");
        environment.insert("COUNTERSIGN_PAUSE".to_owned(), "0".to_owned());
        repository.run("sh", &["-c", script], &environment)
    };
    check(run);
    // Without a base, what is judged would judge itself.
    let repository = Repository::new();
    let release = Release::serve();
    let ended = run(&repository, &typed(&release, ""));
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (3, ""),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("policy-ref names no branch"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_hooks_of_pre_commit_are_hooks_and_do_their_work() {
    let [hooks] = &documents(".pre-commit-hooks.yaml")[..] else {
        panic!("one document")
    };
    let repository = Repository::new();
    let mut environment = repository.environment();
    // As `files: ^deploy/` gives them; a name like an option is a file.
    repository.change("deploy/bad.yaml", &repository.pod("bad"));
    let evil = "--policy=evil.yaml";
    repository.change(evil, &repository.pod("good"));
    repository.change("evil.yaml", "not a policy");
    let options = [
        "--policy=policy.yaml",
        "--trust-root=forged=forged.json",
        "--registries=registries.yaml",
        "--",
    ];
    let ids: Vec<&str> = hooks
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["countersign-verify", "countersign-pin"]);
    for hook in hooks.as_array().unwrap() {
        for field in ["id", "name", "description", "entry", "language"] {
            assert!(hook[field].is_string(), "{field}: {hook}");
        }
        assert_eq!(hook["language"], "script");
        assert_eq!(hook["require_serial"], true, "a tag is asked for once");
        let last = hook["args"].as_array().unwrap().last().unwrap();
        assert_eq!(last, "--", "options end there");
        let (script, command) = hook["entry"].as_str().unwrap().split_once(' ').unwrap();
        let program = format!("{ROOT}/{script}");
        let run = |files: &[&str], environment: &BTreeMap<String, String>| {
            let arguments = [&[command], &options[..], files].concat();
            repository.run(&program, &arguments, environment)
        };
        let pinned = command == "pin";
        for (files, code) in [
            (&["deploy/pod.yaml"][..], i32::from(pinned)),
            (&["deploy/pod.yaml", "deploy/bad.yaml"], 1),
            (&[evil], i32::from(pinned)),
            (&["absent.yaml"], 3),
        ] {
            let ended = run(files, &environment);
            assert_eq!(
                ended.code, code,
                "{command} {files:?}: {}{}",
                ended.stdout, ended.stderr
            );
        }
        let arguments = [command, "--policy=policy.yaml", "deploy/pod.yaml"];
        let ended = repository.run(&program, &arguments, &environment);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("must end with '--'"),
            "{}",
            ended.stderr
        );
    }
    environment.clear();
    let ended = repository.run(
        &format!("{ROOT}/deploy/ci/pre-commit.sh"),
        &["rm", "--", "x"],
        &environment,
    );
    assert_eq!(ended.code, 3);
}
