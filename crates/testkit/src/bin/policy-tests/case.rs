//! An example, and its cases as files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::sha256_digest;

/// When things are signed, unless a case says otherwise.
pub(crate) const SIGNED: &str = "2026-11-01T12:00:00Z";
/// When they are judged, unless a case says otherwise.
const JUDGED: &str = "2026-12-01T00:00:00Z";

/// One policy of `policies/`.
pub(crate) struct Example {
    pub(crate) forge: Forge,
    pub(crate) keys: Vec<Key>,
    name: String,
    tests: PathBuf,
}

/// One case in the making: allowed, unless a rule is said to fail.
pub(crate) struct Case<'e> {
    example: &'e Example,
    name: String,
    why: String,
    judged_as: String,
    at: String,
    asked: Asked,
    shared: Vec<String>,
    effect: &'static str,
    reasons: Vec<(String, String)>,
    namespace: Option<&'static str>,
    approvals: Vec<Vec<u8>>,
}

enum Asked {
    Bundles(Vec<Vec<u8>>),
    Layout(String),
    Unavailable,
}

impl Example {
    /// New keys in the example's file, and an empty folder of cases.
    pub(crate) fn new(policies: &Path, name: &str, keys: usize) -> Self {
        let keys: Vec<Key> = (0..keys).map(|_| Key::generate(Algorithm::P256)).collect();
        let file = policies.join(format!("{name}.yaml"));
        if !keys.is_empty() {
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, with_keys(&text, &keys)).unwrap();
        }
        let forge = Forge::new(seconds(SIGNED));
        let tests = policies.join("tests");
        let folder = tests.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        let example = Self {
            forge,
            keys,
            name: name.to_owned(),
            tests,
        };
        if example.names_a_root() {
            let root = example.forge.trusted_root() + "\n";
            fs::write(folder.join("trusted_root.json"), root).unwrap();
        }
        example
    }

    /// Whether the policy names the public-good root.
    fn names_a_root(&self) -> bool {
        let file = self.tests.join(format!("../{}.yaml", self.name));
        fs::read_to_string(file)
            .unwrap()
            .contains("trust: public-good")
    }

    /// The same Sigstore at another time.
    pub(crate) fn forge_at(&self, time: &str) -> Forge {
        let mut forge = self.forge.clone();
        forge.now = seconds(time);
        forge
    }

    /// A case that is allowed, about an image of this name.
    pub(crate) fn case(&self, name: &str, judged_as: &str, why: &str) -> Case<'_> {
        Case {
            example: self,
            name: name.to_owned(),
            why: why.to_owned(),
            judged_as: judged_as.to_owned(),
            at: JUDGED.to_owned(),
            asked: Asked::Unavailable,
            shared: Vec::new(),
            effect: "allow",
            reasons: Vec::new(),
            namespace: None,
            approvals: Vec::new(),
        }
    }

    /// Writes a bundle into a file beside the cases, which they may share.
    pub(crate) fn share(&self, name: &str, bundle: &[u8]) {
        let file = self.tests.join(&self.name).join(format!("{name}.jsonl"));
        fs::write(file, lines(&[bundle.to_vec()])).unwrap();
    }

    /// What holds for every example: an image of another name is denied, while the registry cannot be asked nobody knows, and
    /// where a digest is demanded, nothing is asked about what has none.
    pub(crate) fn common(&self, judged_as: &str, evidence_rules: &[&str], pinned: bool) {
        let elsewhere = "an image that no policy names";
        self.case("elsewhere", "elsewhere.example/app:v1", elsewhere)
            .denied()
            .write();
        let name = format!("{judged_as}@{}", image());
        let mut case = self.case("unavailable", &name, "the registry cannot be asked");
        case = case.all_fail(evidence_rules, "registry-unavailable");
        case.effect = "unknown";
        case.write();
        if pinned {
            let name = format!("{judged_as}:v1");
            let case = self.case("unpinned", &name, "a tag can be moved");
            case.fails("pinned", "digest-required")
                .all_fail(evidence_rules, "not-examined")
                .write();
        }
    }
}

impl Case<'_> {
    /// Judged by what these bundles prove about [`image`].
    pub(crate) fn bundles(mut self, bundles: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.asked = Asked::Bundles(bundles.into_iter().collect());
        self
    }

    /// Judged by these files of [`Example::share`], too.
    pub(crate) fn shared(mut self, names: &[&str]) -> Self {
        self.shared = names
            .iter()
            .map(|name| format!("../{name}.jsonl"))
            .collect();
        if let Asked::Unavailable = self.asked {
            self.asked = Asked::Bundles(Vec::new());
        }
        self
    }

    /// Judged by what is attached to an image in this OCI layout; the path begins in [`Self::folder`].
    pub(crate) fn layout(mut self, layout: &str) -> Self {
        self.asked = Asked::Layout(layout.to_owned());
        self
    }

    pub(crate) fn at(mut self, at: &str) -> Self {
        at.clone_into(&mut self.at);
        self
    }

    /// This rule fails, for this reason.
    pub(crate) fn fails(mut self, rule: &str, code: &str) -> Self {
        self.reasons.push((rule.to_owned(), code.to_owned()));
        self.denied()
    }

    /// This rule fails, for this reason, and is overridden.
    pub(crate) fn overrides(mut self, rule: &str, code: &str) -> Self {
        self.reasons.push((rule.to_owned(), code.to_owned()));
        self
    }

    /// Whether this rule passes could not be told, for this reason.
    pub(crate) fn untold(mut self, rule: &str, code: &str) -> Self {
        self.effect = "unknown";
        self.overrides(rule, code)
    }

    /// In this namespace.
    pub(crate) fn within(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// In this namespace, with these approvals of break-glass.
    pub(crate) fn approved(
        mut self,
        namespace: &'static str,
        approvals: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        self = self.within(namespace);
        self.approvals = approvals.into_iter().collect();
        self
    }

    /// These rules fail, for this reason.
    fn all_fail(self, rules: &[&str], code: &str) -> Self {
        rules.iter().fold(self, |case, rule| case.fails(rule, code))
    }

    /// Denied, whether or not a rule fails.
    pub(crate) fn denied(mut self) -> Self {
        self.effect = "deny";
        self
    }

    /// Where the case is written.
    pub(crate) fn folder(&self) -> PathBuf {
        self.example.tests.join(&self.example.name).join(&self.name)
    }

    /// Writes `case.yaml`, and the bundles beside it.
    pub(crate) fn write(&self) {
        let folder = self.folder();
        fs::create_dir_all(&folder).unwrap();
        let example = &self.example.name;
        let mut text = String::new();
        writeln!(text, "why: {}", self.why).unwrap();
        writeln!(text, "policy: ../../../{example}.yaml").unwrap();
        match &self.asked {
            Asked::Bundles(bundles) => {
                let mut files = self.shared.clone();
                if !bundles.is_empty() {
                    fs::write(folder.join("evidence.jsonl"), lines(bundles)).unwrap();
                    files.push("evidence.jsonl".to_owned());
                }
                writeln!(text, "artifact: {}", image()).unwrap();
                writeln!(text, "bundles: [{}]", files.join(", ")).unwrap();
                writeln!(text, "as: {}", self.judged_as).unwrap();
            }
            Asked::Layout(layout) => {
                writeln!(text, "image: oci:{layout}").unwrap();
                writeln!(text, "as: {}", self.judged_as).unwrap();
            }
            Asked::Unavailable => {
                writeln!(text, "image: {}", self.judged_as).unwrap();
                writeln!(text, "registry: unavailable").unwrap();
            }
        }
        writeln!(text, "at: {}", self.at).unwrap();
        if let Some(namespace) = self.namespace {
            writeln!(text, "namespace: {{name: {namespace}}}").unwrap();
        }
        if !self.approvals.is_empty() {
            fs::write(folder.join("approvals.jsonl"), lines(&self.approvals)).unwrap();
            writeln!(text, "breakGlass: [approvals.jsonl]").unwrap();
        }
        if self.example.names_a_root() {
            writeln!(text, "trustRoots: {{public-good: ../trusted_root.json}}").unwrap();
        }
        let effect = self.effect;
        let reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(rule, code)| format!("{rule}: {code}"))
            .collect();
        let reasons = reasons.join(", ");
        writeln!(text, "expect: {{effect: {effect}, reasons: {{{reasons}}}}}").unwrap();
        fs::write(folder.join("case.yaml"), text).unwrap();
    }
}

/// One bundle on each line.
fn lines(bundles: &[Vec<u8>]) -> Vec<u8> {
    let lines = bundles.iter().map(|it| [it.as_slice(), b"\n"].concat());
    lines.flatten().collect()
}

/// The image that all bundles are about.
pub(crate) fn image() -> String {
    sha256_digest(b"the image of policies/tests")
}

/// The text with these keys in place of its own, in their order.
fn with_keys(text: &str, keys: &[Key]) -> String {
    const END: &str = "-----END PUBLIC KEY-----\n";
    let mut keys = keys.iter();
    let mut written = String::new();
    for (number, part) in text.split("-----BEGIN PUBLIC KEY-----").enumerate() {
        if number == 0 {
            written.push_str(part);
            continue;
        }
        let key = keys.next().expect("as many keys as the example shows");
        let (_, rest) = part.split_once(END).expect("each key has an end");
        let pem: Vec<String> = key
            .public_pem()
            .lines()
            .enumerate()
            .map(|(line, text)| match line {
                0 => text.to_owned(),
                _ => format!("        {text}"),
            })
            .collect();
        written.push_str(&pem.join("\n"));
        written.push('\n');
        written.push_str(rest);
    }
    assert!(keys.next().is_none(), "the example shows every key");
    written
}

fn seconds(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}
