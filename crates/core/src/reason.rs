//! One stable kebab-case code for each reason.
//!
//! The same string is the JSON code, SARIF rule id, metric label, audit annotation and heading in `docs/reasons.md`,
//! which is generated from this table. A golden test holds the list.

use std::fmt;

/// What kind of reason a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Evidence was there, and was refused or is not what the rule wants.
    Rejected,
    /// What the rule wants is not there.
    Absent,
    /// Nobody could tell: something could not be fetched or must not be believed.
    Unknown,
    /// The policy, the trust material or the command is wrong.
    Misconfigured,
}

impl Class {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
            Self::Misconfigured => "misconfigured",
        }
    }
}

macro_rules! reasons {
    ($($variant:ident $code:literal $class:ident $rank:literal $message:literal $hint:literal)*) => {
        /// Why something is refused or could not be decided.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ReasonCode { $(#[doc = $message] $variant,)* }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable kebab-case code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What kind of reason it is.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// How far a candidate came before it failed: when many fail, the highest rank is shown.
            #[must_use]
            pub const fn rank(self) -> u8 {
                match self { $(Self::$variant => $rank,)* }
            }

            /// What it means, for the person who was denied.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// What to do next.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$variant => $hint,)* }
            }
        }
    };
}

reasons! {
    // What a rule wants is not there. Ranks 1 to 9.
    NoEvidence "no-evidence" Absent 1 "Nothing is attached to the image that this rule could count." "Sign the image by digest in CI (`cosign sign IMAGE@DIGEST`) and push the signature to the same repository."
    NoSignature "no-signature" Absent 3 "Nothing that is attached signs the image; an attestation is not a signature." "Sign the image itself (`cosign sign IMAGE@DIGEST`), or write a `statement` rule if the attestation is what you rely on."
    NoStatement "no-statement" Absent 3 "No attestation of the wanted predicate type is attached." "Attest it in CI (`cosign attest --type … IMAGE@DIGEST`), and compare the rule's `predicateType` with what `countersign verify --explain` lists."
    NoProvenance "no-provenance" Absent 3 "Nothing that is attached says how the image was built." "Attest SLSA provenance (`actions/attest-build-provenance`, slsa-github-generator, or `cosign attest --type slsaprovenance1`)."
    NoSbom "no-sbom" Absent 3 "Nothing that is attached says what is inside the image." "Attest an SBOM (`cosign attest --type cyclonedx --predicate sbom.json IMAGE@DIGEST`)."
    NoScan "no-scan" Absent 3 "Nothing that is attached is a vulnerability scan of the image." "Attest one in CI (`cosign attest --type vuln`), of cosign's `vuln` v1 or in-toto's `vulns`."
    NoSummary "no-summary" Absent 3 "Nothing that is attached says that the image was judged before." "Promote the image to the environment before this one, or attest a summary of the rule's `format` in the verifier's own way."
    NoPlatform "no-platform" Absent 4 "The index lists nothing that could run, so there is no platform on which evidence could be." "Check the index: `docker buildx imagetools inspect IMAGE`."
    DigestRequired "digest-required" Absent 5 "The reference has no digest, so what runs may differ from what was checked." "Write `repository:tag@sha256:…` in the manifest."
    NotLocked "not-locked" Absent 5 "The tag is not written down in the lock." "Run `countersign lock -f MANIFESTS`, and let its change be reviewed."
    ThresholdNotMet "threshold-not-met" Absent 60 "Fewer distinct signers signed than the rule demands." "Let the missing signers sign the same digest."
    Unmatched "unmatched" Absent 1 "No enforcing policy names this image." "Add a policy whose `images` match it, or set `unmatched` in Settings."

    // Evidence that verification refused. Ranks 10 to 49: how far it came.
    UnsignedAttestation "unsigned-attestation" Rejected 10 "BuildKit's attestations inside an index are unsigned and count for nothing." "Sign what you rely on: `cosign attest --type … IMAGE@DIGEST`."
    OverLimit "over-limit" Rejected 10 "The evidence is larger than the limits allow." "Look at what was attached; raise the limit only if you made it yourself."
    BundleMalformed "bundle-malformed" Rejected 11 "The Sigstore bundle cannot be read strictly." "Attach a Sigstore bundle, as a current cosign makes it by signing again: an envelope or a signature alone is none."
    BundleVersion "bundle-version" Rejected 11 "The bundle's media type is not one of the Sigstore bundle versions." "Sign again with a current cosign."
    AnnotationsMalformed "annotations-malformed" Rejected 11 "The annotations of the signature's layer cannot be read." "Sign again with a current cosign."
    EnvelopeMalformed "envelope-malformed" Rejected 12 "The DSSE envelope cannot be read strictly, or has not exactly one signature." "Attest again with a current cosign."
    PayloadType "payload-type" Rejected 13 "The DSSE payload is not an in-toto statement." "Attach in-toto statements only."
    StatementMalformed "statement-malformed" Rejected 13 "The in-toto statement cannot be read strictly." "Attest again with a current cosign."
    PayloadMalformed "payload-malformed" Rejected 13 "The simple-signing payload cannot be read strictly, or is not a cosign image signature." "Sign again with a current cosign."
    DigestMismatch "digest-mismatch" Rejected 14 "The signature is about another image." "Sign this very digest; a copied or moved signature does not count."
    KeyUnknown "key-unknown" Rejected 20 "The signature was not made by any key of the policy set." "Check which key signed, and add its public half to a Signer if you trust it."
    CertificateMalformed "certificate-malformed" Rejected 21 "The signing certificate cannot be read, or breaks the rules for one." "Sign again with a certificate from Fulcio."
    CertificateUntrusted "certificate-untrusted" Rejected 22 "The signing certificate does not chain to any trust root of the policy set." "Name the right TrustRoot in the Signer; if it is a private Sigstore, add its trusted_root.json."
    CertificateUsage "certificate-usage" Rejected 23 "The signing certificate is not made for code signing." "Sign again with a certificate from Fulcio."
    IdentityMalformed "identity-malformed" Rejected 24 "The certificate's identity (subject alternative name or issuer) cannot be read without doubt." "Sign again with a certificate from Fulcio."
    // A root that does not know the log or authority is not the one that is meant: what fails under another says more.
    TimeUnproven "time-unproven" Rejected 30 "No trusted log or timestamp authority proves when the certificate was used." "Sign with a transparency log or a timestamp authority that the trust root knows."
    TimestampInvalid "timestamp-invalid" Rejected 31 "The RFC 3161 timestamp is not a valid timestamp of this signature." "Sign again; check the timestamp authority."
    TimestampUntrusted "timestamp-untrusted" Rejected 28 "The RFC 3161 timestamp comes from no authority of the trust root, or from outside its validity." "Add the timestamp authority to the trust root if you trust it."
    LogUnknown "log-unknown" Rejected 28 "The log entry names a log that the trust root does not know." "Name the TrustRoot that knows this log in the Signer."
    LogEntryMalformed "log-entry-malformed" Rejected 33 "The transparency-log entry cannot be read strictly." "Sign again with a current cosign."
    LogEntryMismatch "log-entry-mismatch" Rejected 34 "The transparency-log entry is about another signature." "Somebody attached an entry of something else; sign again, and find out who."
    LogProofMissing "log-proof-missing" Rejected 35 "The log entry has neither the proof nor the promise that its format demands." "Sign again with a current cosign."
    LogPromiseInvalid "log-promise-invalid" Rejected 36 "The log's signed entry timestamp does not verify." "Sign again; an entry that the log never promised is a forgery."
    LogProofInvalid "log-proof-invalid" Rejected 36 "The log's inclusion proof does not lead to the signed checkpoint." "Sign again; an entry that the log never held is a forgery."
    CheckpointInvalid "checkpoint-invalid" Rejected 36 "The log's checkpoint is malformed or not signed by the log that the entry names." "Sign again; an unsigned checkpoint is a forgery."
    TimeInFuture "time-in-future" Rejected 37 "A proven time lies in the future." "Check the clocks of this machine and of the log or timestamp authority."
    CertificateExpired "certificate-expired" Rejected 38 "A certificate of the chain was not valid at a proven time." "Sign and log or timestamp within the certificate's minutes of life."
    SctMissing "sct-missing" Rejected 39 "The certificate carries no proof of being in a certificate-transparency log." "Use a Fulcio with a CT log, or say `sct: none` for a private trust root that has none."
    SctInvalid "sct-invalid" Rejected 39 "The certificate's certificate-transparency proof does not verify." "Sign again with a certificate from Fulcio."
    ArtifactNeeded "artifact-needed" Rejected 40 "The signature cannot be checked by the artifact's sha256 alone." "Give the artifact itself in place of its digest."
    SignatureInvalid "signature-invalid" Rejected 40 "The signature does not verify over the signed bytes." "Somebody changed the signed bytes, or another key signed them; sign again, and find out who."

    // Verified, but not what the rule wants. Ranks 50 to 79.
    PredicateTypeMismatch "predicate-type-mismatch" Rejected 50 "The attestation verifies but is of another predicate type." "Attest the type that the rule names."
    SignerMismatch "signer-mismatch" Rejected 51 "The signature verifies, but by another key than the Signer's." "Sign with the Signer's key, or add the key if you trust it."
    TrustRootMismatch "trust-root-mismatch" Rejected 52 "The signature verifies under another trust root than the Signer names." "Name the right TrustRoot in the Signer."
    IssuerMismatch "issuer-mismatch" Rejected 53 "The certificate was issued for another OIDC issuer." "Compare the Signer's `issuer` with the one shown."
    SubjectMismatch "subject-mismatch" Rejected 54 "The certificate names another identity." "Compare the Signer's `subject` with the one shown."
    SourceMismatch "source-mismatch" Rejected 55 "The certificate's CI claims (such as repository, ref, event or runner) are not those that the Signer demands." "Compare the Signer's `source` and `build` with the claims shown; a public reusable workflow can be called by anyone."
    FormatNotAllowed "format-not-allowed" Rejected 56 "The Signer does not accept this format of signature." "Add the format to the Signer's `formats`, or sign in a current one."
    LogMissing "log-missing" Rejected 57 "The Signer demands a transparency-log entry and there is none." "Sign with a transparency log, or say `log: off`."
    LogThreshold "log-threshold" Rejected 57 "Logs of fewer different operators hold the signature than the Signer demands; several entries or logs of one operator count once." "Sign with logs of more operators, or lower the Signer's `logOperators`."
    TimeMissing "time-missing" Rejected 58 "The Signer demands a proven time of a kind that the signature does not have." "Sign with a log or timestamp authority, or change the Signer's `time`."
    TimestampThreshold "timestamp-threshold" Rejected 58 "Timestamp authorities of fewer different operators vouch for the time than the Signer demands; several of one operator count once." "Sign with timestamp authorities of more operators, or lower the Signer's `timestampOperators`."
    KeyWindow "key-window" Rejected 59 "The key was used outside the window in which the Signer allows it." "Sign with the key that is valid now, or correct the window."
    TooOld "too-old" Rejected 61 "The evidence is older than the rule's `maxAge`." "Sign or attest again."
    TagMoved "tag-moved" Rejected 62 "The tag stands for another image than the lock has." "Find out who moved it; take it by `countersign lock --update`, or write the digest that was meant."
    NestedIndex "nested-index" Rejected 63 "The index lists another index among what could run, and evidence on a platform cannot be looked for behind it." "Publish one index that lists the images of all platforms."
    PlatformNotAllowed "platform-not-allowed" Rejected 63 "The index lists an image that could run and is for none of the platforms that Settings name." "Publish only the platforms that you run, or add the platform to `platforms` in Settings."
    TrustRootExpired "trust-root-expired" Rejected 62 "The TUF metadata of the trust root expired longer ago than the policy allows." "Run `countersign trust update`; if the repository itself is behind, ask those who run it."

    ExpressionWrong "expression-wrong" Rejected 62 "The rule's expression cannot be asked of this statement: a field is missing, or types do not fit." "Compare the expression with what the statement says; `has(predicate.field)` asks whether a field is there."
    ExpressionFalse "expression-false" Rejected 63 "The rule's expression is not true of this statement." "Compare the expression with what the statement says."
    // A provenance by the right signer, and what it says. The order is that in which a build is told.
    ProvenanceMalformed "provenance-malformed" Rejected 63 "The provenance cannot be read." "Attest with a current builder; its predicate must be SLSA provenance v0.2 or v1."
    UnknownBuildType "unknown-build-type" Rejected 64 "The provenance is of a build type that is not known here, so nobody can say what its parameters mean." "Build with a known builder, or list the type in the rule's `buildTypes`."
    BuilderMismatch "builder-mismatch" Rejected 65 "The provenance names another builder than the rule's." "Build with a builder of the rule, or name the builder if you trust it."
    BuilderSignerMismatch "builder-signer-mismatch" Rejected 66 "The provenance claims a builder that its signer cannot speak for." "Find out who signed in another builder's name."
    LevelTooLow "level-too-low" Rejected 67 "Signer and builder together are trusted for a lower SLSA build level than the rule demands." "Build with a builder of that level."
    ProvenanceCertificateMismatch "provenance-certificate-mismatch" Rejected 68 "The provenance says otherwise than the certificate of whoever signed it." "Find out who signed another build's provenance; the certificate says who it was."
    ProvenanceSourceMismatch "provenance-source-mismatch" Rejected 69 "It was built from another source repository." "Compare the rule's `source` with the one shown."
    ProvenanceRefMismatch "provenance-ref-mismatch" Rejected 70 "It was built from another branch or tag." "Build from a ref of the rule; a branch named like a tag is no tag."
    ProvenanceCommitMismatch "provenance-commit-mismatch" Rejected 70 "It was built from another commit." "Build the commit that the rule names."
    ProvenanceEventMismatch "provenance-event-mismatch" Rejected 71 "Another event started the build." "Build on an event of the rule; pull requests count only where `events` names them."
    ProvenanceRunnerMismatch "provenance-runner-mismatch" Rejected 71 "It was built on another kind of machine." "Build on a runner of the kind that the rule names."
    ProvenanceWorkflowMismatch "provenance-workflow-mismatch" Rejected 72 "Another workflow built it." "Build by a workflow of the rule."
    ProvenanceParameterMismatch "provenance-parameter-mismatch" Rejected 73 "The build's parameters are not those that the rule allows; one that nobody lists counts as wrong." "Compare the rule's `parameters` with those shown."
    ProvenanceDependencyMissing "provenance-dependency-missing" Rejected 74 "What the rule demands did not go into the build." "Build on the base image that the rule names, or correct its digest."
    ScanMalformed "scan-malformed" Rejected 63 "The scan cannot be read." "Attest again; the predicate must be cosign's `vuln` v1 or in-toto's `vulns` v0.1 or v0.2."
    UnsupportedFormat "unsupported-format" Rejected 63 "The predicate's content is of a format that this version does not read." "Attest a format that the documentation lists, or say what such content means (`unsupported`)."
    ScanEmpty "scan-empty" Rejected 64 "The scan has no result or no time, so nothing was scanned that anybody could know of." "Attest the scanner's report in the predicate's own shape (Trivy: `--format cosign-vuln`); a bare report leaves it empty."
    ScannerMismatch "scanner-mismatch" Rejected 65 "Another scanner made the scan." "Scan with a scanner of the rule's `scanners`."
    DatabaseTooOld "database-too-old" Rejected 66 "The scanner's database was too old when the scan was signed, or nobody says how old it was." "Update the scanner's database before scanning."
    SeverityUnknown "severity-unknown" Rejected 67 "The scan found vulnerabilities that nobody has rated." "Look at them; say `unknownSeverity: allow` if such findings may pass."
    VulnerabilityFound "vulnerability-found" Rejected 68 "The scan found vulnerabilities that the rule denies." "Update what is named, or attest VEX by a Signer of the rule's `vex`."
    VexMalformed "vex-malformed" Rejected 63 "A VEX document cannot be read, so it subtracts nothing, and neither does any older one." "Attest it again as OpenVEX v0.2.0 or CycloneDX."

    // A summary by the right signer, and what it says. One that answers another question came less far than one that is too old.
    SummaryMalformed "summary-malformed" Rejected 63 "The verification summary cannot be read." "Attest again; the predicate must be SLSA's verification summary v1 or in-toto's svr v0.2, as the rule's `format` says."
    VerifierMismatch "verifier-mismatch" Rejected 59 "Another verifier judged the image than the rule trusts." "Compare the rule's `verifier` with the one shown; a signer's word counts only for the verifier that the rule names."
    ResourceMismatch "resource-mismatch" Rejected 60 "The summary is about another resource than this image." "Compare what the rule's `resource` gives with the `resourceUri` shown; a summary for one repository or environment does not count in another."
    SummaryPolicyMismatch "summary-policy-mismatch" Rejected 60 "The verifier judged by another policy than the rule demands." "Judge by the policy that the rule names, or correct the rule's `policy`."
    SummaryFailed "summary-failed" Rejected 68 "The verifier says that the image failed." "Find out why it failed there; an older summary that passed does not count beside it."
    SummaryLevelMissing "summary-level-missing" Rejected 69 "The summary does not state a level that the rule demands." "Promote the image by the policy that emits this level, or correct the rule's `levels`."
    TooYoung "too-young" Rejected 75 "The evidence is younger than the rule's `minAge`." "Wait until the time that is shown; a new summary begins to soak anew."

    // A document by the right signer, and what it says.
    SbomMalformed "sbom-malformed" Rejected 64 "The SBOM cannot be read." "Make it again with a current generator; check it with `countersign sbom FILE`."
    SbomFormatMismatch "sbom-format-mismatch" Rejected 65 "The SBOM is of another format than the rule takes." "Attest it in a format of the rule."
    SbomTooFewComponents "sbom-too-few-components" Rejected 66 "The SBOM lists fewer components than the rule demands." "Find out why the generator saw so little."
    GeneratorMismatch "generator-mismatch" Rejected 67 "Another tool made the SBOM." "Make it with a generator of the rule."
    SbomIncomplete "sbom-incomplete" Rejected 68 "The SBOM does not state what the rule demands." "Make it with a generator that states it, or lower `minCoverage`."
    LicenseMissing "license-missing" Rejected 70 "A component has no licence." "Find out its licence, or say what `licenses.missing` means."
    LicenseUnknown "license-unknown" Rejected 71 "The licence of a component cannot be parsed, or only the document explains it." "Write it as an SPDX expression, list its `LicenseRef-…`, or say what `licenses.unknown` means."
    LicenseDenied "license-denied" Rejected 72 "A component has a licence that the rule does not accept." "Replace the component, or change `licenses` if the licence is acceptable."
    VersionIncomparable "version-incomparable" Rejected 73 "Whether a banned package is inside cannot be told: it has no version, or none that can be compared." "State package URLs and versions as their ecosystem writes them, or say what `packages.incomparable` means."
    PackageBanned "package-banned" Rejected 74 "A package is inside that the rule bans." "Update or remove the package, and build again."

    // Revoked: nothing is more specific.
    EvidenceRevoked "evidence-revoked" Rejected 77 "A Revocation names this evidence." "Make it again, if what it says still holds."
    SignerRevoked "signer-revoked" Rejected 78 "A Revocation names the signer, and nothing proves that the signature is older." "Sign again with a key or identity that is not revoked."
    ImageRevoked "image-revoked" Rejected 79 "A Revocation names the image." "Do not run it; build and deploy another one."

    // Break-glass: why a statement lets nothing run. The higher, the further it came.
    BreakGlassMalformed "break-glass-malformed" Rejected 13 "What was signed is not a break-glass statement that can be read strictly." "Make one with `countersign break-glass sign`, and let others sign that very file."
    BreakGlassNotAllowed "break-glass-not-allowed" Rejected 50 "The policy set has no BreakGlass, so no statement overrides it." "Settle what denies; a BreakGlass in the policy set would say whose approvals count."
    BreakGlassCluster "break-glass-cluster" Rejected 51 "The break-glass statement is for another cluster." "Make one that names this cluster, which is `cluster` in Settings."
    BreakGlassNamespace "break-glass-namespace" Rejected 52 "The break-glass statement is for other namespaces." "Make one that names this namespace."
    BreakGlassImage "break-glass-image" Rejected 53 "The break-glass statement is about other images." "Make one that names this repository and digest, and refer to the image by its digest."
    BreakGlassScope "break-glass-scope" Rejected 54 "The break-glass statement opens more than the BreakGlass allows." "Name namespaces that the BreakGlass allows, and images by digest."
    BreakGlassTooEarly "break-glass-too-early" Rejected 55 "The break-glass statement does not hold yet." "Wait until its `notBefore`; check the clock of this machine."
    BreakGlassExpired "break-glass-expired" Rejected 55 "The break-glass statement does not hold any more." "Settle what denies; if the emergency goes on, make and approve another one."
    BreakGlassTooLong "break-glass-too-long" Rejected 56 "The break-glass statement holds for longer than the BreakGlass allows." "Make one that holds for at most `maxDuration`."
    BreakGlassRevoked "break-glass-revoked" Rejected 57 "The break-glass statement is revoked." "Do not run the image by it; ask who revoked it."
    BreakGlassApprovals "break-glass-approvals" Rejected 58 "Fewer people have approved the break-glass statement than the BreakGlass asks for." "Let the others sign the very same file: `countersign break-glass sign FILE --key KEY`."
    BreakGlassRevokedImage "break-glass-revoked-image" Rejected 78 "The image, or evidence about it, is revoked, which no break-glass overrides." "Do not run it."
    BreakGlassHostile "break-glass-hostile" Rejected 79 "What a registry sent must not be believed, which no break-glass overrides." "Do not run the image; find out what the registry serves."
    BreakGlassUntold "break-glass-untold" Unknown 79 "Whether the image is revoked could not be told, so that break-glass does not override it." "Name the image by digest, in the reference and in the statement."
    BreakGlassUsed "break-glass-used" Rejected 0 "The image runs by break-glass, although it would not be allowed to." "Settle what denies before the statement ends."

    // Nobody could tell.
    ImageNotFound "image-not-found" Unknown 80 "The registry says that the image does not exist." "Check the reference; push the image before you verify it."
    RegistryUnavailable "registry-unavailable" Unknown 81 "The registry could not be reached or failed." "Try again; check the registry and the network."
    RegistryTimeout "registry-timeout" Unknown 81 "The registry did not answer in time." "Try again; check the registry and the network."
    RegistryRateLimited "registry-rate-limited" Unknown 81 "The registry refuses further requests for now." "Wait, or log in for a higher limit."
    RegistryDenied "registry-denied" Unknown 82 "The registry refuses access to the image or its evidence." "Log in (`docker login`) with an account that may pull it."
    RegistryTls "registry-tls" Unknown 82 "No secure connection to the registry could be made." "Pass its CA with --ca-file, or --plain-http for a registry without TLS."
    RegistryProtocol "registry-protocol" Unknown 82 "The registry's answer breaks the OCI distribution protocol." "Check that the host is a registry."
    RegistryHostile "registry-hostile" Unknown 85 "The registry sent what must not be believed: a wrong digest, endless or oversized data, or a refused redirect." "Do not run the image; find out what the registry serves."
    StaleEvidence "stale-evidence" Unknown 83 "The registry could not be asked, and what it said last stands in for its answer." "Check the registry and the network; `stale: {maxAge}` in Settings says for how long last known evidence may serve."
    LayoutUnreadable "layout-unreadable" Unknown 82 "The OCI layout cannot be read." "Check the path; it must hold `oci-layout`, `index.json` and `blobs/`."
    ExpressionUntold "expression-untold" Unknown 2 "Whether the rule's expression is true could not be told: it would cost too much, or did not end in time." "Ask less of large predicates: fewer loops within one another."
    NamespaceUnknown "namespace-unknown" Unknown 2 "The policy selects namespaces by labels, and the labels of this one are not known." "Pass the namespace's labels (--namespace-labels), or wait until the cluster has told them."
    NamespaceNotGiven "namespace-not-given" Unknown 2 "The policy is for some namespaces only and none was given, so it counts as matching." "Pass --namespace, or read the verdict as that of the strictest namespace."
    NotExamined "not-examined" Unknown 2 "Nothing was fetched, because the image is denied for another reason." "Settle the other reason first."

    // The policy, the trust material or the command is wrong. They have no rank: all are reported.
    YamlSyntax "yaml-syntax" Misconfigured 0 "The file is not YAML." "Correct the syntax at the place shown."
    YamlFeature "yaml-feature" Misconfigured 0 "Anchors, aliases, merge keys, tags and directives are not read in policy files." "Write the value out, so that a reviewer sees what counts."
    PolicyTooLarge "policy-too-large" Misconfigured 0 "The policy set is larger or nested deeper than any reviewer could read." "Split or shorten it."
    DuplicateKey "duplicate-key" Misconfigured 0 "A field stands twice in one mapping." "Keep one of the two."
    UnknownField "unknown-field" Misconfigured 0 "There is no such field." "Remove it or correct its name; an unknown field would have no effect."
    UnknownKind "unknown-kind" Misconfigured 0 "There is no such kind of document." "Use Settings, Signer, TrustRoot, Policy, Builder, Exception, Revocation or BreakGlass."
    UnknownVersion "unknown-version" Misconfigured 0 "The document's apiVersion is not one that this version reads." "Write `apiVersion: countersign.dev/v1alpha1`."
    NotSupported "not-supported" Misconfigured 0 "This version of countersign does not support the field or kind yet." "Remove it or use a newer version; it is refused rather than ignored."
    MissingField "missing-field" Misconfigured 0 "A required field is missing." "Add it."
    WrongType "wrong-type" Misconfigured 0 "A value has the wrong type." "Write a value of the type that is expected."
    WrongValue "wrong-value" Misconfigured 0 "A value is not one of those that the field takes." "Write one of the values that are expected."
    DuplicateName "duplicate-name" Misconfigured 0 "Two documents of one kind, or two rules or keys, have the same name." "Give each a name of its own."
    DuplicateItem "duplicate-item" Misconfigured 0 "A list has the same item twice." "Remove one of them."
    ReservedName "reserved-name" Misconfigured 0 "The name belongs to something that is built in and cannot be shadowed." "Choose another name."
    UnknownName "unknown-name" Misconfigured 0 "Nothing in the set has this name." "Correct the name, or add the document."
    UnusedName "unused-name" Misconfigured 0 "Nothing in the set uses this document." "Use it or remove it."
    EmptyList "empty-list" Misconfigured 0 "A list is empty; nothing passes by emptiness." "Add an item or remove the field."
    ZeroThreshold "zero-threshold" Misconfigured 0 "A threshold of zero would pass without any evidence." "Write at least 1."
    ThresholdTooHigh "threshold-too-high" Misconfigured 0 "The threshold is higher than the number of what it counts, so it can never be met." "Lower it, or name more Signers or a trust root with more operators."
    NoPolicies "no-policies" Misconfigured 0 "The set has no policies." "Add a document of kind Policy."
    NoCondition "no-condition" Misconfigured 0 "The rule has no condition." "Add `digest`, `signature` or `statement`."
    SeveralConditions "several-conditions" Misconfigured 0 "The rule has more than one condition." "Write one rule for each, so that each is named and cited."
    SettingsCount "settings-count" Misconfigured 0 "A set has exactly one document of kind Settings." "Write one, with `unmatched` and `onUnknown`."
    StarInExact "star-in-exact" Misconfigured 0 "The field is compared exactly, and `*` would be an ordinary character in it." "Write the whole value, or use a field that takes patterns."
    BadPattern "bad-pattern" Misconfigured 0 "The pattern cannot be compiled, or can match nothing." "Correct it; `*` stays within one path element and `**` crosses."
    BroadPattern "broad-pattern" Misconfigured 0 "The pattern matches identities of unrelated owners." "Write the owner literally, and escape dots as `\\.`; the pattern is anchored at both ends."
    OpenWorkflow "open-workflow" Misconfigured 0 "Anyone may call a public reusable workflow, so its identity alone says nothing about the source." "Add `source: {repository: OWNER/REPOSITORY}`, or say `anyCaller: unsafe`."
    OverlappingSigners "overlapping-signers" Misconfigured 0 "Two Signers of one `from` accept the same identity, so one signature could count for either." "Make their identities differ, or name only one of them."
    OverlappingBuilders "overlapping-builders" Misconfigured 0 "Two Builders of one rule can mean the same build and have different levels: the lower one counts." "Make their ids, build types or signers differ, or name only one of them."
    SharedKey "shared-key" Misconfigured 0 "The same key stands twice in the set." "Give each Signer its own key; one key counts once."
    KeyInvalid "key-invalid" Misconfigured 0 "The public key cannot be read or is not supported." "Give one PEM block `PUBLIC KEY` (`cosign public-key`)."
    TrustRootInvalid "trust-root-invalid" Misconfigured 0 "The trust root cannot be read." "Give a Sigstore `trusted_root.json`."
    TrustRootMissing "trust-root-missing" Misconfigured 0 "The Signer needs a trust root: something must vouch for its certificates, logs or times." "Add `trust:` with the name of a TrustRoot, such as `public-good`."
    TrustRootNotFetched "trust-root-not-fetched" Misconfigured 0 "Nothing that may be used was fetched from the TUF repository of the trust root." "Run `countersign trust update --policy PATH`, with the same `--cache-dir` if you pass one."
    TrustRootStale "trust-root-stale" Misconfigured 0 "The TUF metadata of the trust root has expired, or will soon." "Run `countersign trust update`; if the repository itself is behind, ask those who run it."
    FileUnreadable "file-unreadable" Misconfigured 0 "A file that the policy names cannot be read." "Name a file inside the policy's folder, relative to it."
    ExpressionInvalid "expression-invalid" Misconfigured 0 "The expression is not one that can be evaluated." "Write CEL over `predicate`, `predicateType` and `signedAt`, such as `predicate.result == \"PASSED\"`."
    ExpressionsMissing "expressions-missing" Misconfigured 0 "The policy has an expression, and this program was built without expressions." "Use the countersign command, or build the library with its feature `cel`."
    Contradiction "contradiction" Misconfigured 0 "Two fields contradict each other." "Change one of them."
    NoEffect "no-effect" Misconfigured 0 "The field has no effect." "Remove it."
    BroadException "broad-exception" Misconfigured 0 "The Exception is for more images than its Policy, so a wider Policy would be waived unseen." "Write the images that are meant, by digest where it is one."
    LongBreakGlass "long-break-glass" Misconfigured 0 "Break-glass may stay open for longer than an emergency lasts." "Lower `maxDuration`; who needs more time can sign again, or change the policy."
    DependentBreakGlass "dependent-break-glass" Misconfigured 0 "Whoever approves needs a service that may be down in the very emergency." "Let a keyed Signer with `log: off` and `time: none` approve."
    Expired "expired" Misconfigured 0 "A span of validity is over, or soon will be." "Stage another key beside it, or remove what is over."
    Unreachable "unreachable" Misconfigured 0 "The rule or policy can decide nothing that another has not decided already." "Remove it, or make it demand what it was meant to."
    DeniesEverything "denies-everything" Misconfigured 0 "`unmatched: deny` without an enforcing policy denies every image." "Add a policy with `mode: enforce`, or set `unmatched: warn` while you begin."
}

impl ReasonCode {
    /// Finds a code by its kebab-case text.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.as_str() == code)
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
