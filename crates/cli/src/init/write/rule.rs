//! The rules of the policy, with what each of them asks.

use super::super::InitJob;
use super::super::found::{Found, Identity, Maker};
use super::super::rules::{Form, Kind, Rule, Rules, sbom_format};
use super::super::scan::Scan;
use super::super::summary::Stated;
use super::signer::{source, workflow};
use crate::policy_text::{Text, quoted};

impl Text {
    pub(super) fn rules(&mut self, job: &InitJob, set: &str, found: &Found, rules: &Rules) {
        self.document("Policy", set);
        self.raw("spec:");
        let images = format!("images: [{}]", quoted(&job.name.name()));
        self.line(
            2,
            &images,
            "this repository only; its copy elsewhere is another image",
        );
        self.raw("  rules:");
        if job.name.digest().is_some() {
            self.line(
                4,
                "- {name: pinned, digest: required}",
                "a tag can be moved, a digest cannot",
            );
        } else {
            self.raw("    # A tag can be moved. Deploy by digest, and demand it:");
            self.raw("    # - {name: pinned, digest: required}");
        }
        for rule in &rules.all {
            self.rule(rule, found, &job.name.name());
        }
    }

    fn rule(&mut self, rule: &Rule, found: &Found, name: &str) {
        let mut body = vec![from(rule, found)];
        let is_timed = rule
            .from
            .iter()
            .filter_map(|it| found.signers.get(*it))
            .all(|it| it.timed);
        let (field, meaning) = match &rule.form {
            Form::Signature => ("signature", "the image itself is signed"),
            Form::Plain { predicate_type, .. } => {
                body.push(format!("predicateType: {}", quoted(predicate_type)));
                (
                    "statement",
                    "somebody attested this; what it says is not looked at",
                )
            }
            Form::Typed {
                kind,
                predicate_type,
                any_builder,
            } => typed(
                *kind,
                predicate_type,
                *any_builder,
                (rule, found),
                &mut body,
            ),
            Form::Scan(asked) => scan(asked, is_timed, found, &mut body),
            Form::Summary(stated) => summary(stated, is_timed, name, &mut body),
        };
        match &rule.form {
            Form::Plain { why: Some(why), .. } => self.raw(&format!(
                "    # A rule that looks into it would not let the image pass: {why}"
            )),
            Form::Scan(Scan { why: Some(why), .. }) => self.raw(&format!(
                "    # `denyFrom: high` and nothing else would not let the image pass: {why}"
            )),
            _ => {}
        }
        let needs_time = matches!(
            rule.form,
            Form::Plain { .. } | Form::Scan(_) | Form::Summary(_)
        );
        if !is_timed && needs_time {
            body.push("match: any".to_owned());
        }
        if rule.on_platforms {
            body.push("subject: platform".to_owned());
        }
        self.raw(&format!("    # {meaning}"));
        self.raw(&format!("    - name: {}", quoted(&rule.name)));
        self.raw(&format!("      {field}:"));
        for line in body {
            self.raw(&format!("        {line}"));
        }
    }
}

/// The rule that looks into what was attested: the fields, and what it asks.
fn typed(
    kind: Kind,
    predicate_type: &str,
    any_builder: bool,
    (rule, found): (&Rule, &Found),
    body: &mut Vec<String>,
) -> (&'static str, &'static str) {
    match kind {
        Kind::Provenance => {
            let signers = rule.from.iter().filter_map(|it| found.signers.get(*it));
            let mut identities = signers.filter_map(|it| match &it.maker {
                Maker::Certificate(identity) => Some(identity),
                Maker::Key(_) => None,
            });
            if let Some(identity) = identities.next() {
                provenance(identity, any_builder, body);
            }
            (
                "provenance",
                "it was built from this source by this builder",
            )
        }
        Kind::Sbom => {
            let format = sbom_format(predicate_type);
            body.push(format!("formats: [{format}]"));
            (
                "sbom",
                "a readable list of what is inside; say what it may hold (docs/sbom.md)",
            )
        }
    }
}

/// What was found, and what of it is let pass: each line that lets more pass says so.
fn scan(
    scan: &Scan,
    is_timed: bool,
    found: &Found,
    body: &mut Vec<String>,
) -> (&'static str, &'static str) {
    let ask = scan.ask();
    if ask.deny_from != "high" {
        body.push("# high findings pass: mend them, and say `high`".to_owned());
    }
    body.push(format!("denyFrom: {}", ask.deny_from));
    if ask.ignore_unfixed {
        body.push("# what the scanner knows no fix for passes: look at it yourself".to_owned());
        body.push("ignoreUnfixed: true".to_owned());
    }
    if ask.vex {
        let names = names(&scan.vex, found);
        let who = match names.as_slice() {
            [one] => one.clone(),
            all => format!("{{any: [{}]}}", all.join(", ")),
        };
        body.push("# what they say does not affect the image passes".to_owned());
        body.push(format!("vex: {{from: {who}}}"));
    }
    let meaning = if is_timed {
        body.push(
            "# a scan does not know what was found since; say how old it may be, such as"
                .to_owned(),
        );
        body.push("# maxAge: 7d".to_owned());
        "the newest scan has no finding of this severity or a worse one, nor one that nobody rated"
    } else {
        "a scan has no finding of this severity or a worse one, nor one that nobody rated; a newer one may have"
    };
    ("vulnerabilities", meaning)
}

/// What the summary states, of whatever image has this name.
fn summary(
    stated: &Stated,
    is_timed: bool,
    name: &str,
    body: &mut Vec<String>,
) -> (&'static str, &'static str) {
    let question = &stated.question;
    if stated.format != "vsa" {
        body.push(format!("format: {}", stated.format));
    }
    body.push("# whoever signs may speak for it: no other verifier's word counts".to_owned());
    body.push(format!("verifier: {}", quoted(&question.verifier)));
    if let Some(resource) = &question.resource {
        let template = "{registry}/{repository}";
        let resource = match resource.strip_suffix(name) {
            Some(scheme) if scheme.is_empty() || scheme.ends_with("://") => {
                format!("{scheme}{template}")
            }
            _ => resource.clone(),
        };
        body.push(format!("resource: {}", quoted(&resource)));
    }
    let levels: Vec<String> = stated.levels.iter().map(|it| quoted(it)).collect();
    body.push(format!("levels: [{}]", levels.join(", ")));
    if let Some(policy) = &question.policy {
        body.push("# whichever version of it; say `digest` for one".to_owned());
        body.push(format!("policy: {{uri: {}}}", quoted(policy)));
    }
    if is_timed {
        body.push("# let the image soak: say how old it has to be, such as".to_owned());
        body.push("# minAge: 1d".to_owned());
    }
    let meaning = if is_timed {
        "somebody has judged the image before, and let it pass; the newest word counts"
    } else {
        "somebody has judged the image before, and let it pass; a newer word may say otherwise"
    };
    ("summary", meaning)
}

/// What the certificate says of the build, which the provenance has to say too.
fn provenance(identity: &Identity, any_builder: bool, body: &mut Vec<String>) {
    if let Some(builder) = builder(identity).filter(|_| !any_builder) {
        body.push(format!("builders: [{builder}]"));
    }
    let source: Vec<(String, &str)> = source(identity);
    if source.is_empty() {
        return;
    }
    body.push("source:".to_owned());
    body.extend(source.iter().map(|(line, _)| format!("  {line}")));
}

/// The Builder that is built in and signs in this way.
fn builder(identity: &Identity) -> Option<&'static str> {
    let (path, _) = workflow(identity)?;
    let generator = "slsa-framework/slsa-github-generator/.github/workflows/";
    match path.strip_prefix(generator) {
        Some("generator_generic_slsa3.yml") => return Some("slsa-github-generic"),
        Some("builder_go_slsa3.yml") => return Some("slsa-github-go"),
        Some("generator_container_slsa3.yml") => return Some("slsa-github-container"),
        _ => {}
    }
    let own = path.split("/.github/").next().unwrap_or_default();
    let is_own = identity.repository.as_deref() == Some(&format!("github.com/{own}"));
    Some(if is_own {
        "github-attest"
    } else {
        "github-attest-reusable"
    })
}

fn names(signers: &[usize], found: &Found) -> Vec<String> {
    let signers = signers.iter().filter_map(|it| found.signers.get(*it));
    signers.map(|it| quoted(&it.name)).collect()
}

fn from(rule: &Rule, found: &Found) -> String {
    match names(&rule.from, found).as_slice() {
        [one] => format!("from: {one}"),
        all => format!("from: {{all: [{}]}}", all.join(", ")),
    }
}
