//! The texts of small policy sets: one keyed Signer, one Policy.

/// A set whose one Signer, `key`, is a key without log and time, and whose one Policy demands its signature.
#[derive(Debug, Clone)]
pub struct KeyedPolicy {
    pem: String,
    images: String,
    settings: String,
    signer: String,
    rules: Vec<(String, String)>,
}

impl KeyedPolicy {
    /// For a public key (PEM): every image must be signed by it, rule `signed`.
    #[must_use]
    pub fn new(public_pem: &str) -> Self {
        Self {
            pem: public_pem.to_owned(),
            images: "**".to_owned(),
            settings: "unmatched: deny".to_owned(),
            signer: String::new(),
            rules: Vec::new(),
        }
    }

    /// Which images it names.
    #[must_use]
    pub fn images(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.images);
        self
    }

    /// More fields of Settings, in flow style: `onUnknown: allow`.
    #[must_use]
    pub fn settings(mut self, fields: &str) -> Self {
        add(&mut self.settings, fields);
        self
    }

    /// More fields of the Signer, in flow style: `formats: [legacy]`.
    #[must_use]
    pub fn signer(mut self, fields: &str) -> Self {
        add(&mut self.signer, fields);
        self
    }

    /// A rule in place of `signed`, or one more: its name, and its condition in flow style.
    #[must_use]
    pub fn rule(mut self, name: &str, condition: &str) -> Self {
        self.rules.push((name.to_owned(), condition.to_owned()));
        self
    }

    /// The YAML.
    #[must_use]
    pub fn text(&self) -> String {
        // A JSON string is a YAML string.
        let pem = serde_json::Value::from(self.pem.as_str());
        let signed = [("signed".to_owned(), "signature: {from: key}".to_owned())];
        let rules = match self.rules.as_slice() {
            [] => &signed,
            rules => rules,
        };
        let rules: Vec<String> = rules
            .iter()
            .map(|(name, condition)| format!("{{name: {name}, {condition}}}"))
            .collect();
        let mut signer = format!("log: off, time: none, keys: [{{id: key, pem: {pem}}}]");
        add(&mut signer, &self.signer);
        [
            ("Settings", self.settings.clone()),
            ("Signer", signer),
            (
                "Policy",
                format!("images: [\"{}\"], rules: [{}]", self.images, rules.join(", ")),
            ),
        ]
        .map(|(kind, spec)| {
            format!("apiVersion: countersign.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: key}}\nspec: {{{spec}}}\n")
        })
        .join("---\n")
    }
}

fn add(all: &mut String, fields: &str) {
    if !all.is_empty() && !fields.is_empty() {
        all.push_str(", ");
    }
    all.push_str(fields);
}

/// A Signer that is one key, without log and time: one YAML document, which begins with `---`.
#[must_use]
pub fn bare_signer(name: &str, public_pem: &str) -> String {
    // A JSON string is a YAML string.
    let pem = serde_json::Value::from(public_pem);
    format!(
        "---\napiVersion: countersign.dev/v1alpha1\nkind: Signer\nmetadata: {{name: {name}}}\nspec: {{keys: [{{id: {name}, pem: {pem}}}], log: off, time: none}}\n"
    )
}

/// Settings of this `spec`, the Signer `key`, and the Policy `production` for `acme/**` of a registry, of which `spec` is the rest in block style, two
/// blanks deep.
#[must_use]
pub fn production(settings: &str, public_pem: &str, host: &str, spec: &str) -> String {
    let signer = bare_signer("key", public_pem);
    format!(
        "apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: acme}}
spec: {{{settings}}}
{signer}---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: production}}
spec:
  images: [\"{host}/acme/**\"]
  {spec}
"
    )
}

/// Settings of this `spec`, and images of this pattern that `dev@acme.example` has to have signed keyless, under the root that the TUF repository at `url` gives, whose
/// first root is `root.json` beside it.
#[must_use]
pub fn keyless_by_tuf(settings: &str, url: &str, images: &str) -> String {
    format!(
        "apiVersion: countersign.dev/v1alpha1
kind: Settings
metadata: {{name: s}}
spec: {{{settings}}}
---
apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata: {{name: acme}}
spec: {{tuf: {{url: \"{url}\", root: root.json}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Signer
metadata: {{name: dev}}
spec:
  trust: acme
  keyless: {{issuer: https://issuer.example, subject: {{email: dev@acme.example}}}}
---
apiVersion: countersign.dev/v1alpha1
kind: Policy
metadata: {{name: p}}
spec:
  images: [\"{images}\"]
  rules: [{{name: signed, signature: {{from: dev}}}}]
"
    )
}
