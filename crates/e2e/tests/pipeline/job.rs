//! Runs the steps of a job as its workflow has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_e2e::{Identity, Output, workspace};
use serde_json::Value;

use crate::lab::Lab;

/// Actions that bring in what is there already, by name.
const PREPARING: [&str; 7] = [
    "actions/checkout",
    "actions/download-artifact",
    "actions/upload-artifact",
    "anchore/sbom-action/download-syft",
    "docker/login-action",
    "docker/setup-buildx-action",
    "sigstore/cosign-installer",
];

/// A run of one workflow: what expressions in it mean.
pub(crate) struct Run<'l> {
    pub(crate) lab: &'l Lab,
    pub(crate) identity: Identity,
    /// Where steps run: the checkout.
    pub(crate) folder: PathBuf,
    /// The files of the image that `docker/build-push-action` pushes, and its tag.
    pub(crate) image: Option<(PathBuf, String)>,
    /// What every step finds in its environment beside what the workflow says.
    pub(crate) environment: Vec<(String, String)>,
    /// Values of expressions, such as `github.ref_name`; outputs of steps and jobs are added.
    pub(crate) values: BTreeMap<String, String>,
    workflow: Value,
}

impl<'l> Run<'l> {
    /// Of a workflow's file, with these texts replaced in it first.
    pub(crate) fn new(
        lab: &'l Lab,
        file: &Path,
        replaced: &[(&str, &str)],
        identity: &str,
        folder: &Path,
    ) -> Self {
        let mut text = fs::read_to_string(file).unwrap();
        for (from, to) in replaced {
            assert!(text.contains(from), "{from} in {}", file.display());
            text = text.replace(from, to);
        }
        Self {
            lab,
            identity: identity.parse().unwrap(),
            folder: folder.to_owned(),
            image: None,
            environment: Vec::new(),
            values: BTreeMap::from([(
                "runner.temp".to_owned(),
                lab.path("").display().to_string(),
            )]),
            workflow: serde_saphyr::from_str(&text).unwrap(),
        }
    }

    /// With this value of an expression.
    pub(crate) fn with(mut self, expression: &str, value: &str) -> Self {
        self.values.insert(expression.to_owned(), value.to_owned());
        self
    }

    /// Runs all steps of a job, each of which has to succeed.
    #[track_caller]
    pub(crate) fn job(&mut self, name: &str) {
        let (step, ended) = self.until_failure(name);
        assert_eq!(
            ended.code,
            Some(0),
            "{name}: {step}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }

    /// Runs the steps of a job up to the first that fails; the last one that ran, and how it ended.
    pub(crate) fn until_failure(&mut self, name: &str) -> (String, Output) {
        let job = self.workflow["jobs"][name].clone();
        let scopes = [self.workflow["env"].clone(), job["env"].clone()];
        for scope in &scopes {
            for (name, value) in self.environment(scope) {
                self.values.insert(format!("env.{name}"), value);
            }
        }
        let mut last = (String::new(), nothing());
        for step in job["steps"].as_array().unwrap() {
            let called = step["name"]
                .as_str()
                .or_else(|| step["uses"].as_str())
                .or_else(|| step["run"].as_str())
                .unwrap();
            let mut environment = self.environment.clone();
            environment.extend(scopes.iter().flat_map(|it| self.environment(it)));
            environment.extend(self.environment(&step["env"]));
            let output = self.lab.path("step-output");
            fs::write(&output, "").unwrap();
            environment.push(("GITHUB_OUTPUT".to_owned(), output.display().to_string()));
            let reference = self.value("github.ref_name");
            environment.push(("GITHUB_REF_NAME".to_owned(), reference));
            let ended = self.step(step, environment);
            for line in fs::read_to_string(&output).unwrap().lines() {
                let (name, value) = line.split_once('=').unwrap();
                let id = step["id"].as_str().unwrap_or("none");
                self.values
                    .insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
            }
            let failed = ended.code != Some(0);
            last = (called.to_owned(), ended);
            if failed {
                return last;
            }
        }
        for (output, value) in job["outputs"].as_object().into_iter().flatten() {
            let value = self.filled(value.as_str().unwrap());
            self.values
                .insert(format!("needs.{name}.outputs.{output}"), value);
        }
        last
    }

    fn step(&self, step: &Value, mut environment: Vec<(String, String)>) -> Output {
        if let Some(script) = step["run"].as_str() {
            return self.lab.shell(&self.folder, script, &environment);
        }
        let (action, _) = step["uses"].as_str().unwrap().split_once('@').unwrap();
        let with = |name: &str| self.filled(step["with"][name].as_str().unwrap_or_default());
        match action {
            // There is no docker here: a layer of files is put on top of nothing.
            "docker/build-push-action" => {
                assert_eq!(step["with"]["push"], true);
                let (root, tag) = self.image.as_ref().unwrap();
                assert!(with("tags").ends_with(&format!(":{tag}")));
                let pushed = self
                    .lab
                    .registry
                    .push_files("acme/app", tag, "linux/amd64", root);
                let (_, digest) = pushed.as_ref().unwrap().split_once('@').unwrap();
                let (_, output) = environment
                    .iter()
                    .find(|(name, _)| name == "GITHUB_OUTPUT")
                    .unwrap();
                fs::write(output, format!("digest={digest}\n")).unwrap();
                nothing()
            }
            "actions/attest" => {
                if step["with"]["push-to-registry"] == true {
                    let image = format!("{}@{}", with("subject-name"), with("subject-digest"));
                    self.lab.attest_provenance(&self.identity, &image);
                }
                nothing()
            }
            "countersign-dev/countersign/deploy/ci" => {
                for name in ["policy", "policy-ref", "files", "images", "namespace"] {
                    let variable = format!("COUNTERSIGN_{}", name.to_uppercase().replace('-', "_"));
                    environment.push((variable, with(name)));
                }
                let digest = step["with"]["require-digest"] == true;
                for (name, value) in [
                    ("COUNTERSIGN_REQUIRE_DIGEST", digest.to_string()),
                    ("COUNTERSIGN_REGISTRIES", "registries.yaml".to_owned()),
                    ("COUNTERSIGN", self.lab.countersign.display().to_string()),
                    ("COUNTERSIGN_PAUSE", "0".to_owned()),
                    (
                        "COUNTERSIGN_WORK",
                        self.lab.path("work").display().to_string(),
                    ),
                ] {
                    environment.push((name.to_owned(), value));
                }
                let (_, output) = environment
                    .iter()
                    .find(|(name, _)| name == "GITHUB_OUTPUT")
                    .unwrap();
                let program = self.lab.path("bin/countersign");
                fs::write(output, format!("program={}\n", program.display())).unwrap();
                let script = workspace().join("deploy/ci/action/verify.sh");
                self.lab
                    .shell(&self.folder, script.to_str().unwrap(), &environment)
            }
            other => {
                assert!(PREPARING.contains(&other), "{other} is not known here");
                nothing()
            }
        }
    }

    fn environment(&self, scope: &Value) -> Vec<(String, String)> {
        let variables = scope.as_object().into_iter().flatten();
        variables
            .map(|(name, value)| (name.clone(), self.filled(value.as_str().unwrap())))
            .collect()
    }

    /// A text with its expressions replaced by their values.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${{ ");
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once(" }}").unwrap();
            filled.push_str(&self.value(expression));
            filled.push_str(rest);
        }
        filled
    }

    fn value(&self, expression: &str) -> String {
        if expression == "github.token" || expression == "github.actor" {
            return "nobody".to_owned();
        }
        let value = self.values.get(expression);
        value
            .unwrap_or_else(|| panic!("{expression} has no value"))
            .clone()
    }
}

fn nothing() -> Output {
    Output {
        code: Some(0),
        stdout: String::new(),
        stderr: String::new(),
    }
}
