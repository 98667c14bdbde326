//! `break-glass-cases TESTDATA`: the cases of break-glass in `testdata/cases`, with approvals that are forged for them: one good one, and
//! one for each way to stretch it. Then `UPDATE_GOLDEN=1 cargo test --workspace --test cases` writes the reports.
//!
//! The people's keys are new each time, and their private halves are thrown away.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]

use std::fs;
use std::path::{Path, PathBuf};

use countersign_testkit::break_glass::{approval, approval_of, of_namespaces, statement, with};
use countersign_testkit::forge::{Algorithm, Forge, Key};
use countersign_testkit::sha256_digest;
use serde_json::{Value, json};

const AT: &str = "2026-11-24T00:00:00Z";
const APP: &str = "registry.example/acme/app";
/// `images/unsigned` and `images/signed-keyed`.
const UNSIGNED: &str = "sha256:8541568e2346d2a22df24e5eaf2bb28975e85d5a73e64759fc1597e97986c8c4";
const SIGNED: &str = "sha256:f177eca09d2f62f6224b37dd174e8f397c762a7ca3668f8d6407188f7e194b19";
const ONCALL: &str = "{from: {atLeast: 2, of: [a, b, lead]}, maxDuration: 4h, namespaces: [shop]}";

struct Night {
    forge: Forge,
    people: [Key; 3],
    testdata: PathBuf,
}

/// One case in the making: the unsigned image in the namespace `shop`.
struct Case<'n> {
    night: &'n Night,
    name: &'static str,
    why: &'static str,
    image: Value,
    /// What the BreakGlass says; none leaves it out.
    spec: Option<&'static str>,
    more: String,
    approvals: Vec<Vec<u8>>,
    expect: Value,
}

fn main() {
    let Some(testdata) = std::env::args().nth(1) else {
        eprintln!("usage: break-glass-cases TESTDATA");
        std::process::exit(2);
    };
    let night = Night {
        forge: Forge::new(1_795_000_000),
        people: std::array::from_fn(|_| Key::generate(Algorithm::P256)),
        testdata: Path::new(&testdata).to_owned(),
    };
    night.forget();
    night.approvals();
    night.statements();
    night.documents();
    night.registries();
    night.revocations();
    night.texts();
}

/// What a good statement says.
fn good() -> Value {
    statement(
        &[(APP, UNSIGNED)],
        "2026-11-23T23:00:00Z",
        "2026-11-24T02:00:00Z",
    )
}

fn about(images: &[(&str, &str)]) -> Value {
    statement(images, "2026-11-23T23:00:00Z", "2026-11-24T02:00:00Z")
}

fn changed(pointer: &str, value: Value) -> Value {
    with(good(), &format!("/predicate/{pointer}"), value)
}

impl Night {
    /// Old cases go, so that none stays whose keys are gone.
    fn forget(&self) {
        for entry in fs::read_dir(self.testdata.join("cases")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name.starts_with("break-glass-") {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }

    fn by(&self, statement: &Value, people: &[usize]) -> Vec<Vec<u8>> {
        let keys = people.iter().map(|number| &self.people[*number]);
        keys.map(|key| approval(&self.forge, statement, key))
            .collect()
    }

    fn case(&self, name: &'static str, why: &'static str) -> Case<'_> {
        Case {
            night: self,
            name,
            why,
            image: json!({"image": format!("oci:images/unsigned@{UNSIGNED}"), "as": APP, "namespace": {"name": "shop"}}),
            spec: Some(ONCALL),
            more: String::new(),
            approvals: self.by(&good(), &[0, 1]),
            expect: json!({"effect": "deny", "reasons": {"signed": "no-evidence"}}),
        }
    }

    /// Who approves.
    fn approvals(&self) {
        self.case("two", "two of three people approved the same bytes")
            .allowed();
        self.case("three", "all three approved")
            .approved(self.by(&good(), &[2, 1, 0]))
            .allowed();
        self.case("one", "one approval of two")
            .approved(self.by(&good(), &[0]))
            .refused("too-few-approvals");
        self.case("one-twice", "two approvals by one person count once")
            .approved(self.by(&good(), &[0, 0]))
            .refused("too-few-approvals");
        let stranger = Key::generate(Algorithm::P256);
        let mut one = self.by(&good(), &[0]);
        one.push(approval(&self.forge, &good(), &stranger));
        self.case("stranger", "nobody knows the second key")
            .approved(one)
            .refused("too-few-approvals");
        let mut tampered = self.by(&good(), &[0]);
        let text = good().to_string();
        let envelope = self
            .forge
            .envelope("application/vnd.in-toto+json", text.as_bytes());
        let cut = envelope
            .keyed(&self.people[1])
            .with_signature(|signature| signature[12] ^= 1);
        tampered.push(cut.bundle());
        self.case("tampered", "the second signature was changed")
            .approved(tampered)
            .refused("too-few-approvals");
        let other = changed("reason", json!("because"));
        let both = [self.by(&good(), &[0]), self.by(&other, &[1])].concat();
        let other_id = with(other, "/predicate/id", json!("bg-2"));
        let two = [self.by(&good(), &[0]), self.by(&other_id, &[1])].concat();
        self.case("two-texts", "two people approved two texts of one id")
            .approved(both)
            .refused("too-few-approvals");
        self.case("two-statements", "two people approved two statements")
            .approved(two)
            .expecting(json!({"bg-1": "too-few-approvals", "bg-2": "too-few-approvals"}))
            .write();
    }

    /// What a statement is for.
    fn statements(&self) {
        let other = sha256_digest(b"another image");
        for (name, why, statement, status) in [
            (
                "other-digest",
                "it is about another digest",
                about(&[(APP, &other)]),
                "other-image",
            ),
            (
                "other-repository",
                "it is about another repository",
                about(&[("registry.example/acme/other", UNSIGNED)]),
                "other-image",
            ),
            (
                "longer-repository",
                "its repository only begins like the image's",
                about(&[("registry.example/acme/app-evil", UNSIGNED)]),
                "other-image",
            ),
            (
                "other-host",
                "it is about the same path on another host",
                about(&[("other.example/acme/app", UNSIGNED)]),
                "other-image",
            ),
            (
                "halves",
                "repository and digest are of two subjects",
                about(&[(APP, &other), ("registry.example/acme/other", UNSIGNED)]),
                "other-image",
            ),
            (
                "other-cluster",
                "it is for another cluster",
                changed("cluster", json!("prod-eu-2")),
                "other-cluster",
            ),
            (
                "other-namespace",
                "it is for another namespace",
                changed("namespaces", json!(["cart"])),
                "other-namespace",
            ),
            (
                "too-early",
                "it holds a second from now",
                changed("notBefore", json!("2026-11-24T00:00:01Z")),
                "too-early",
            ),
            (
                "expired",
                "it ended just now",
                changed("notAfter", json!(AT)),
                "expired",
            ),
            (
                "too-long",
                "it holds a second longer than allowed",
                changed("notAfter", json!("2026-11-24T03:00:01Z")),
                "too-long",
            ),
        ] {
            self.case(name, why)
                .approved(self.by(&statement, &[0, 1]))
                .refused(status);
        }
        let last = changed("notAfter", json!("2026-11-24T00:00:01Z"));
        self.case("last-second", "it ends in a second")
            .approved(self.by(&last, &[0, 1]))
            .allowed();
        let several = about(&[(APP, &other), (APP, UNSIGNED)]);
        self.case(
            "several-images",
            "it is about several images, of which this is one",
        )
        .approved(self.by(&several, &[0, 1]))
        .allowed();
        self.case(
            "no-namespace",
            "nobody says in which namespace the image runs",
        )
        .without_namespace()
        .refused("other-namespace");
    }

    /// What documents allow.
    fn documents(&self) {
        self.case("not-configured", "the set has no BreakGlass")
            .spec(None)
            .refused("not-allowed");
        self.case(
            "namespace-not-allowed",
            "the BreakGlass is for other namespaces",
        )
        .spec(Some(
            "{from: {atLeast: 2, of: [a, b, lead]}, maxDuration: 4h, namespaces: [cart]}",
        ))
        .refused("out-of-scope");
        let whole = of_namespaces(good());
        self.case("whole-namespace", "a whole namespace is not allowed")
            .approved(self.by(&whole, &[0, 1]))
            .refused("out-of-scope");
        self.case("whole-namespace-allowed", "a whole namespace, where that is allowed")
            .spec(Some("{from: {atLeast: 2, of: [a, b, lead]}, maxDuration: 4h, namespaces: [shop], allowNamespaceScope: true}"))
            .approved(self.by(&whole, &[0, 1]))
            .allowed();
        self.case("revoked-id", "the statement's id is revoked")
            .spec(Some("{from: {atLeast: 2, of: [a, b, lead]}, maxDuration: 4h, namespaces: [shop], revoked: [bg-1]}"))
            .refused("revoked");
        self.case("not-needed", "the image is signed as the policy wants")
            .image(json!({"image": format!("oci:images/signed-keyed@{SIGNED}"), "as": APP, "namespace": {"name": "shop"}}))
            .approved(self.by(&about(&[(APP, SIGNED)]), &[0, 1]))
            .expect("allow", json!({}), json!({"bg-1": "not-needed"}));
        let elsewhere = "registry.example/elsewhere/app";
        self.case("unmatched", "no policy names the image")
            .image(json!({"image": format!("oci:images/unsigned@{UNSIGNED}"), "as": elsewhere, "namespace": {"name": "shop"}}))
            .approved(self.by(&about(&[(elsewhere, UNSIGNED)]), &[0, 1]))
            .expect("allow", json!({}), json!({"bg-1": "used"}));
    }

    /// A registry that is down, and one that lies.
    fn registries(&self) {
        let down = |reference: String| json!({"image": reference, "registry": "unavailable", "namespace": {"name": "shop"}});
        let pinned = || down(format!("{APP}@{UNSIGNED}"));
        let unavailable = json!({"signed": "registry-unavailable"});
        self.case("unavailable", "the registry is down")
            .image(pinned())
            .expect("allow", unavailable.clone(), json!({"bg-1": "used"}));
        self.case(
            "unavailable-one",
            "the registry is down, and one person approved",
        )
        .image(pinned())
        .approved(self.by(&good(), &[0]))
        .expect(
            "unknown",
            unavailable.clone(),
            json!({"bg-1": "too-few-approvals"}),
        );
        self.case(
            "unavailable-tag",
            "the registry is down, and a tag alone says nothing of the digest",
        )
        .image(down(format!("{APP}:v1")))
        .expect(
            "unknown",
            unavailable.clone(),
            json!({"bg-1": "other-image"}),
        );
        let whole = of_namespaces(good());
        let allowed = "{from: {atLeast: 2, of: [a, b, lead]}, maxDuration: 4h, namespaces: [shop], allowNamespaceScope: true}";
        self.case(
            "unavailable-tag-namespace",
            "the registry is down, and the whole namespace is approved",
        )
        .image(down(format!("{APP}:v1")))
        .spec(Some(allowed))
        .approved(self.by(&whole, &[0, 1]))
        .expect("allow", unavailable.clone(), json!({"bg-1": "used"}));
        let other = sha256_digest(b"another image");
        self.case(
            "unavailable-untold",
            "whether the tag means a revoked image could not be told",
        )
        .image(down(format!("{APP}:v1")))
        .spec(Some(allowed))
        .approved(self.by(&whole, &[0, 1]))
        .revoking(&format!("digests: [\"{other}\"]"))
        .expect("unknown", unavailable, json!({"bg-1": "untold"}));
        self.case("hostile", "the layout is not what it says")
            .image(json!({"image": format!("oci:images/none@{UNSIGNED}"), "as": APP, "namespace": {"name": "shop"}}))
            .expect("unknown", json!({"signed": "layout-unreadable"}), json!({"bg-1": "hostile"}));
    }

    /// What is revoked.
    fn revocations(&self) {
        self.case("revoked-image", "the image is revoked")
            .revoking(&format!("digests: [\"{UNSIGNED}\"]"))
            .expect(
                "deny",
                json!({"signed": "not-examined"}),
                json!({"bg-1": "revoked-image"}),
            );
        self.case("revoked-approver", "the key of one who approved is revoked")
            .revoking("keys: [a/k]")
            .refused("too-few-approvals");
        let payload = sha256_digest(good().to_string().as_bytes());
        self.case(
            "revoked-payload",
            "the bytes that were approved are revoked as evidence",
        )
        .revoking(&format!("evidence: [\"{payload}\"]"))
        .refused("too-few-approvals");
        self.case("revoked-signature", "the key that signed the image is revoked")
            .image(json!({"image": format!("oci:images/signed-keyed@{SIGNED}"), "as": APP, "namespace": {"name": "shop"}}))
            .approved(self.by(&about(&[(APP, SIGNED)]), &[0, 1]))
            .revoking("keys: [release/release]")
            .expect("deny", json!({"signed": "signer-revoked"}), json!({"bg-1": "revoked-image"}));
    }

    /// Bytes that are no statement, whoever signed them.
    fn texts(&self) {
        let mut more = good();
        more["predicate"]["allowAll"] = json!(true);
        let twice = good().to_string().replace(
            "\"cluster\":\"prod-eu-1\"",
            "\"cluster\":\"prod-eu-2\",\"cluster\":\"prod-eu-1\"",
        );
        let mut other = good();
        other["predicateType"] = json!("https://acme.example/approved/v1");
        for (name, why, text) in [
            (
                "unknown-field",
                "it says something that is not understood",
                more.to_string(),
            ),
            ("twin-field", "a field stands twice in it", twice),
            (
                "other-attestation",
                "two people attested something else",
                other.to_string(),
            ),
        ] {
            let sign = |key: &Key| approval_of(&self.forge, text.as_bytes(), key);
            let [a, b, _] = &self.people;
            self.case(name, why)
                .approved(vec![sign(a), sign(b)])
                .expect("deny", json!({"signed": "no-evidence"}), json!({}));
        }
    }
}

impl Case<'_> {
    fn image(mut self, image: Value) -> Self {
        self.image = image;
        self
    }

    fn without_namespace(mut self) -> Self {
        self.image.as_object_mut().unwrap().remove("namespace");
        self
    }

    fn spec(mut self, spec: Option<&'static str>) -> Self {
        self.spec = spec;
        self
    }

    fn approved(mut self, approvals: Vec<Vec<u8>>) -> Self {
        self.approvals = approvals;
        self
    }

    fn revoking(mut self, spec: &str) -> Self {
        self.more = format!(
            "---\napiVersion: countersign.dev/v1alpha1\nkind: Revocation\nmetadata: {{name: stolen}}\nspec: {{{spec}, reason: it was stolen}}\n"
        );
        self
    }

    fn expecting(mut self, statements: Value) -> Self {
        self.expect["breakGlass"] = statements;
        self
    }

    fn allowed(mut self) {
        self.expect["effect"] = json!("allow");
        self.expecting(json!({"bg-1": "used"})).write();
    }

    fn refused(self, status: &str) {
        self.expecting(json!({"bg-1": status})).write();
    }

    fn expect(mut self, effect: &str, reasons: Value, statements: Value) {
        self.expect = json!({"effect": effect, "reasons": reasons});
        self.expecting(statements).write();
    }

    fn write(self) {
        let name = format!("break-glass-{}", self.name);
        let folder = self.night.testdata.join("cases").join(&name);
        fs::create_dir_all(&folder).unwrap();
        let lines = self
            .approvals
            .iter()
            .map(|it| [it.as_slice(), b"\n"].concat());
        let lines: Vec<u8> = lines.flatten().collect();
        fs::write(folder.join("approvals.jsonl"), lines).unwrap();
        let mut case = json!({"why": self.why});
        let fields = case.as_object_mut().unwrap();
        fields.extend(self.image.as_object().unwrap().clone());
        fields.insert("at".to_owned(), json!(AT));
        let file = format!("cases/{name}/approvals.jsonl");
        fields.insert("breakGlass".to_owned(), json!([file]));
        fields.insert("expect".to_owned(), self.expect.clone());
        fs::write(folder.join("case.json"), format!("{case:#}\n")).unwrap();
        fs::write(folder.join("policy.yaml"), self.policy()).unwrap();
    }

    fn policy(&self) -> String {
        let release = fs::read_to_string(self.night.testdata.join("keys/release.pub")).unwrap();
        let [a, b, lead] = &self.night.people;
        let mut signers = vec![signer("release", "release", &release)];
        if self.spec.is_some() {
            let people = [("a", a), ("b", b), ("lead", lead)];
            signers.extend(people.map(|(name, key)| signer(name, "k", &key.public_pem())));
        }
        let break_glass = self.spec.map_or_else(String::new, |spec| {
            format!("---\napiVersion: countersign.dev/v1alpha1\nkind: BreakGlass\nmetadata: {{name: oncall}}\nspec: {spec}\n")
        });
        format!(
            "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata: {{name: case}}\nspec: {{unmatched: deny, onUnknown: deny, cluster: prod-eu-1}}\n---\n\
             {}---\napiVersion: countersign.dev/v1alpha1\nkind: Policy\nmetadata: {{name: case}}\nspec:\n  images: [\"registry.example/acme/**\"]\n  rules:\n    \
             - {{name: signed, signature: {{from: release}}}}\n{break_glass}{}",
            signers.join("---\n"),
            self.more
        )
    }
}

fn signer(name: &str, id: &str, pem: &str) -> String {
    let pem: String = pem
        .lines()
        .map(|line| format!("        {line}\n"))
        .collect();
    format!(
        "apiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec:\n  log: off\n  time: none\n  keys:\n    - id: {id}\n      pem: |\n{pem}"
    )
}
