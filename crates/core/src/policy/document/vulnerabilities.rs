//! The rule `vulnerabilities`, as it is written.

use super::{FromSpec, MatchWord, SubjectWord};
use crate::policy::notes::Spanned;
use crate::policy::scalar::Duration;
use crate::policy::shape::{Flag, Items, Text, choice, mapping};

mapping! {
    /// A vulnerability scan: cosign's `vuln` v1 or in-toto's `vulns` v0.1 or v0.2, with the result of Trivy or Grype, or in-toto's list, in it.
    struct VulnerabilitiesSpec later ["minAge"] {
        /// By whom it is attested.
        from "from" Required: FromSpec,
        /// The least severity that denies.
        deny_from "denyFrom" Required: Spanned<SeverityWord>,
        /// What a finding means that nobody rated. Default: deny.
        unknown_severity "unknownSeverity" Optional: Spanned<UnknownSeverityWord>,
        /// Whether findings pass of which the scanner says that there is no fix. Default: false.
        ignore_unfixed "ignoreUnfixed" Optional: Flag,
        /// For how long findings of a severity pass, counted from the publication that the scan tells; without one there is no leeway.
        leeway "leeway" Optional: LeewaySpec,
        /// How old the scanner's database may have been when the scan was signed, by what the scan says of it.
        max_database_age "maxDatabaseAge" Optional: Spanned<Duration>,
        /// Scanners that count, by their `scanner.uri`, whole or with `*`. Default: any.
        scanners "scanners" Optional: Items<Text>,
        /// What a result means whose format countersign does not read. Default: deny.
        unsupported "unsupported" Optional: Spanned<UnsupportedWord>,
        /// By whose word findings are subtracted. Default: nobody's.
        vex "vex" Optional: VexSpec,
        /// How old the scan may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Whether `maxAge` also denies a Pod that has an owner, whose image was admitted before. Default: false, a warning then.
        age_always "ageAlways" Optional: Flag,
        /// Which of several count. Default: newest.
        selection "match" Optional: Spanned<MatchWord>,
        /// Of an index: what the evidence is about. Default: index.
        subject "subject" Optional: Spanned<SubjectWord>,
    }
}

mapping! {
    /// OpenVEX or CycloneDX VEX about the same image. `fixed`, and `not_affected` with a justification, subtract; the newest word counts.
    struct VexSpec later [] {
        /// By whom it is attested.
        from "from" Required: FromSpec,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
    }
}

mapping! {
    /// Leeway by severity.
    struct LeewaySpec later [] {
        /// Of critical findings. Default: none.
        critical "critical" Optional: Spanned<Duration>,
        /// Of high ones. Default: none.
        high "high" Optional: Spanned<Duration>,
        /// Of medium ones. Default: none.
        medium "medium" Optional: Spanned<Duration>,
        /// Of low ones. Default: none.
        low "low" Optional: Spanned<Duration>,
        /// Of negligible ones. Default: none.
        negligible "negligible" Optional: Spanned<Duration>,
    }
}

choice! {
    /// `denyFrom`.
    enum SeverityWord { Negligible "negligible", Low "low", Medium "medium", High "high", Critical "critical", }
}

choice! {
    /// `unknownSeverity`.
    enum UnknownSeverityWord { Deny "deny", Allow "allow", }
}

choice! {
    /// `unsupported`.
    enum UnsupportedWord { Deny "deny", Warn "warn", }
}
