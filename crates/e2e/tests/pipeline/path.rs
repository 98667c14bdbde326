//! `docs/examples/github-actions-argocd`, from a version tag to what a controller applies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_e2e::{CLUSTER_PARTS, Cluster, parts, run, workspace};

use crate::job::Run;
use crate::lab::Lab;

const EXAMPLE: &str = "docs/examples/github-actions-argocd";
const WORKFLOW: &str = "acme/app:acme/app/.github/workflows/release.yml@refs/tags/";
const UPDATE: &str = "gitops/.github/workflows/update.yml";
const VERIFY: &str = "gitops/.github/workflows/verify.yml";

/// Both repositories of the example as Git has them, with our registry in place of the public one.
struct Example {
    lab: Lab,
}

impl Example {
    fn set() -> Option<Self> {
        let example = Self { lab: Lab::set()? };
        let lab = &example.lab;
        let example_folder = workspace().join(EXAMPLE);
        for name in ["app", "gitops"] {
            run(Command::new("cp")
                .arg("-R")
                .arg(example_folder.join(name))
                .arg(lab.path(name)))
            .unwrap();
        }
        let gitops = lab.path("gitops");
        for file in ["overlays/prod/kustomization.yaml", "base/deployment.yaml"] {
            let text = fs::read_to_string(gitops.join(file)).unwrap();
            fs::write(gitops.join(file), example.local(&text)).unwrap();
        }
        let policy = gitops.join("policies/app.yaml");
        lab.policy(&fs::read_to_string(&policy).unwrap(), "ghcr.io", &policy);
        fs::write(gitops.join("registries.yaml"), lab.registries_text()).unwrap();
        let bare = "[user]\nname = x\nemail = x@example.com\n[init]\ndefaultBranch = main\n";
        fs::write(lab.path(".gitconfig"), bare).unwrap();
        for name in ["app", "gitops"] {
            example.git(name, &["init --quiet", "add --all", "commit --quiet -m x"]);
            let (bare, here) = (lab.path(&format!("{name}.git")), lab.path(name));
            let text = format!(
                "git clone --quiet --bare '{}' '{}'",
                here.display(),
                bare.display()
            );
            example.shell(&here, &text);
            example.git(
                name,
                &[
                    &format!("remote add origin '{}'", bare.display()),
                    "fetch --quiet",
                ],
            );
        }
        // Programs that steps call and that stand for a service: what it is asked is kept.
        lab.program(
            "gh",
            &format!("echo \"$*\" >>'{}'", lab.path("gh.log").display()),
        );
        Some(example)
    }

    fn local(&self, text: &str) -> String {
        text.replace("ghcr.io", &self.lab.registry.host())
    }

    fn git(&self, folder: &str, commands: &[&str]) {
        for command in commands {
            self.shell(&self.lab.path(folder), &format!("git {command}"));
        }
    }

    #[track_caller]
    fn shell(&self, folder: &Path, script: &str) -> String {
        let ended = self.lab.shell(folder, script, &[]);
        assert_eq!(
            ended.code,
            Some(0),
            "{script}: {}{}",
            ended.stdout,
            ended.stderr
        );
        ended.stdout
    }

    /// A run of the application's release workflow for a version, with an image of these files.
    fn release(&self, tag: &str, content: &str) -> Run<'_> {
        let file = workspace()
            .join(EXAMPLE)
            .join("app/.github/workflows/release.yml");
        let identity = format!("{WORKFLOW}{tag}");
        let image = self.lab.path(&format!("image-{tag}"));
        let package = image.join("app/node_modules/app");
        fs::create_dir_all(&package).unwrap();
        let manifest = format!(
            "{{\"name\": \"app\", \"version\": \"{}\", \"license\": \"MIT\", \"description\": \"{content}\"}}",
            &tag[1..]
        );
        fs::write(package.join("package.json"), manifest).unwrap();
        let host = self.lab.registry.host();
        // The policies are those of the GitOps repository: that is what the job checks out.
        let mut release = Run::new(
            &self.lab,
            &file,
            &[("ghcr.io/acme", &format!("{host}/acme"))],
            &identity,
            &self.lab.path("gitops"),
        );
        release.image = Some((image, tag.to_owned()));
        release
            .values
            .insert("github.ref_name".to_owned(), tag.to_owned());
        self.lab.sign_as(&release.identity);
        self.git(
            "app",
            &[&format!("tag {tag}"), &format!("push --quiet origin {tag}")],
        );
        release
    }

    /// A run of a workflow of the GitOps repository in this clone of it.
    fn gitops(&self, name: &str, clone: &Path) -> Run<'_> {
        let file = workspace().join(EXAMPLE).join(name);
        let host = self.lab.registry.host();
        let source = self.lab.path("app.git").display().to_string();
        let replaced = [
            ("ghcr.io/acme", format!("{host}/acme")),
            ("https://github.com/acme/app", source),
        ];
        let replaced: Vec<(&str, &str)> = replaced
            .iter()
            .map(|(from, to)| (*from, to.as_str()))
            .filter(|_| name == UPDATE)
            .collect();
        let mut run = Run::new(&self.lab, &file, &replaced, &format!("{WORKFLOW}v1"), clone);
        run.values
            .insert("github.ref_name".to_owned(), "main".to_owned());
        run
    }

    /// A fresh clone of the GitOps repository with this branch checked out.
    fn clone(&self, branch: &str, name: &str) -> PathBuf {
        let text = format!("git clone --quiet --branch '{branch}' gitops.git '{name}'");
        self.shell(&self.lab.path(""), &text);
        self.lab.path(name)
    }
}

#[test]
fn from_a_version_tag_to_what_a_controller_applies() {
    let Some(example) = Example::set() else {
        return;
    };

    // The gate is one: asked before anything is signed, it says no.
    let mut release = example.release("v1.0.1", "first");
    release.job("build");
    let (step, ended) = release.until_failure("verify");
    assert_eq!(
        (step.as_str(), ended.code),
        ("verify", Some(1)),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(ended.stdout.contains("no-evidence"), "{}", ended.stdout);
    release.job("attest");
    release.job("verify");
    let digest = release.values["needs.build.outputs.digest"].clone();

    // The GitOps repository finds the version, judges it, pins it, and proposes it on a branch.
    let clone = example.clone("main", "update");
    let mut update = example.gitops(UPDATE, &clone);
    update.job("pin");
    assert_eq!(update.values["needs.pin.outputs.tag"], "v1.0.1");
    assert_eq!(update.values["needs.pin.outputs.changed"], "true");
    let patch = fs::read_to_string(clone.join("update.patch")).unwrap();
    assert!(patch.contains(&format!("+    digest: {digest}")), "{patch}");
    fs::rename(clone.join("update.patch"), example.lab.path("update.patch")).unwrap();
    let clone = example.clone("main", "propose");
    example
        .gitops(UPDATE, &clone)
        .with("needs.pin.outputs.tag", "v1.0.1")
        .job("propose");
    let asked = fs::read_to_string(example.lab.path("gh.log")).unwrap();
    assert!(
        asked.contains("pr create --head update/app-v1.0.1"),
        "{asked}"
    );
    assert!(
        asked.contains("workflow run verify.yml --ref update/app-v1.0.1"),
        "{asked}"
    );

    // Its gate judges what kustomize renders, by digest, and the branch is merged.
    let clone = example.clone("update/app-v1.0.1", "pull-request");
    example.gitops(VERIFY, &clone).job("verify");
    example.shell(&clone, "git push --quiet origin HEAD:main");
    let clone = example.clone("main", "merged");
    let rendered = example.shell(&clone, "kubectl kustomize overlays/prod-presync");
    let image = format!("{}/acme/app:v1.0.1@{digest}", example.lab.registry.host());
    assert!(rendered.contains(&format!("image: {image}")), "{rendered}");
    // The hook is asked about the image of the Deployment.
    assert!(rendered.contains(&format!("- {image}\n")), "{rendered}");
    // And once more nothing is to be done.
    let mut update = example.gitops(UPDATE, &clone);
    update.job("pin");
    assert_eq!(update.values["needs.pin.outputs.changed"], "false");

    // A version that nobody signed gets no further than the question.
    let mut release = example.release("v1.0.2", "second");
    release.job("build");
    let clone = example.clone("main", "second");
    let (step, ended) = example.gitops(UPDATE, &clone).until_failure("pin");
    assert_eq!(
        (step.as_str(), ended.code),
        ("verify", Some(1)),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    let unsigned = release.values["needs.build.outputs.digest"].clone();

    // Nor in a pull request that brings a policy to match.
    let clone = example.clone("main", "hostile");
    let weaker = "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {name: acme}\nspec: {unmatched: allow, onUnknown: allow-unsafe}\n";
    fs::write(clone.join("policies/app.yaml"), weaker).unwrap();
    let kustomization = clone.join("overlays/prod/kustomization.yaml");
    let text = fs::read_to_string(&kustomization).unwrap();
    fs::write(
        &kustomization,
        text.replace("v1.0.1", "v1.0.2").replace(&digest, &unsigned),
    )
    .unwrap();
    example.shell(&clone, "git switch --quiet -c hostile; git commit --quiet -am hostile; git push --quiet origin hostile");
    let (step, ended) = example.gitops(VERIFY, &clone).until_failure("verify");
    assert_eq!(
        (step.as_str(), ended.code),
        ("verify", Some(1)),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(
        ended.stderr.contains("policies/app.yaml differs"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_a_controller_applies_is_admitted_by_an_api_server() {
    let Some(parts) = parts(&[&CLUSTER_PARTS[..], &["kubectl"]].concat()) else {
        return;
    };
    let cluster = Cluster::shared(&parts).unwrap();
    cluster.namespace("shop").unwrap();
    let overlay = workspace()
        .join(EXAMPLE)
        .join("gitops/overlays/prod-presync");
    // Strictly: a field that nothing knows would be an error.
    let words = ["apply", "--server-side", "--validate=strict", "-k"];
    let applied = run(parts
        .command("kubectl")
        .arg("--kubeconfig")
        .arg(cluster.admin_kubeconfig())
        .args(words)
        .arg(overlay))
    .unwrap();
    assert_eq!(applied.stdout.matches("serverside-applied").count(), 2);
    assert_eq!(applied.stderr, "", "a warning");
    let job = "/apis/batch/v1/namespaces/shop/jobs/countersign-presync";
    assert!(cluster.admin().get(job).unwrap().is_done());
}

#[test]
fn a_patch_that_changes_more_than_the_version_is_not_committed() {
    let Some(example) = Example::set() else {
        return;
    };
    for (name, change) in [
        ("policy", "echo >>policies/app.yaml"),
        ("workflow", "echo >>.github/workflows/verify.yml"),
        (
            "more",
            "printf 'a: 1\\nb: 2\\nc: 3\\n' >>overlays/prod/kustomization.yaml",
        ),
    ] {
        let clone = example.clone("main", name);
        let patch = example.lab.path("update.patch").display().to_string();
        example.shell(
            &clone,
            &format!("{change}; git diff --binary >'{patch}'; git checkout --quiet ."),
        );
        let commit = format!("ci/commit.sh '{patch}' update/{name} {name}");
        let ended = example.lab.shell(&clone, &commit, &[]);
        assert_eq!(
            ended.code,
            Some(1),
            "{name}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert!(
            ended.stderr.contains("by more than a tag and a digest"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(
        example.shell(
            &example.lab.path("gitops.git"),
            "git branch --list 'update/*'"
        ),
        ""
    );
    // What stands in the other repository and is no version is none.
    example.git(
        "app",
        &[
            "tag v9",
            "tag 'v1.2.3-$(id)'",
            "tag v1.10.0",
            "tag v1.9.0",
            "push --quiet --tags",
        ],
    );
    let newest = "ci/newest.sh ../app.git";
    assert_eq!(
        example.shell(&example.lab.path("gitops"), newest),
        "v1.10.0\n"
    );
}
