//! The rule `sbom`, as it is written.

use super::{FromSpec, MatchWord, SubjectWord};
use crate::policy::notes::Spanned;
use crate::policy::scalar::{Duration, Percent};
use crate::policy::shape::{Flag, Items, Number, Text, choice, mapping};

mapping! {
    /// An SBOM, CycloneDX or SPDX: that it is there and can be read, and what it lists.
    struct SbomSpec later ["minAge"] {
        /// By whom it is attested.
        from "from" Required: FromSpec,
        /// In which formats it counts. Default: both.
        formats "formats" Optional: Items<Spanned<SbomFormatWord>>,
        /// How many components it lists at least. Default: 1.
        min_components "minComponents" Optional: Number,
        /// Patterns over the names of the tools that made it, of which one fits, with the version behind a dash or not: `syft-*`.
        generators "generators" Optional: Items<Text>,
        /// Which licences its components may have.
        licenses "licenses" Optional: LicensesSpec,
        /// Which packages must not be inside.
        packages "packages" Optional: PackagesSpec,
        /// What it states of how many of its components, and of itself.
        fields "fields" Optional: FieldsSpec,
        /// How old it may be, counted from the earliest proven time.
        max_age "maxAge" Optional: Spanned<Duration>,
        /// Whether `maxAge` also denies a Pod that has an owner, whose image was admitted before. Default: false, a warning then.
        age_always "ageAlways" Optional: Flag,
        /// Which of several count. Default: any.
        selection "match" Optional: Spanned<MatchWord>,
        /// Of an index: what the evidence is about. Default: index.
        subject "subject" Optional: Spanned<SubjectWord>,
    }
}

choice! {
    /// `formats`.
    enum SbomFormatWord { CycloneDx "cyclonedx", Spdx "spdx", }
}

mapping! {
    /// Which licences components may have. A licence stands for its family: `AGPL-3.0` is `-only` and `-or-later` too.
    struct LicensesSpec later [] {
        /// The only ones that they may have.
        allow "allow" Optional: Items<Text>,
        /// Those that they must not have.
        deny "deny" Optional: Items<Text>,
        /// What follows where a licence cannot be parsed or refers to what only the document explains. Default: deny.
        unknown "unknown" Optional: Spanned<LenienceWord>,
        /// What follows where none is stated. Default: deny.
        missing "missing" Optional: Spanned<LenienceWord>,
    }
}

mapping! {
    /// Packages that must not be inside.
    struct PackagesSpec later [] {
        /// The packages.
        deny "deny" Required: Items<BanSpec>,
        /// What follows where a banned package has no version that can be compared, or something cannot be told from it. Default: deny.
        incomparable "incomparable" Optional: Spanned<LenienceWord>,
    }
}

mapping! {
    /// A package, in some versions or in all.
    struct BanSpec later [] {
        /// Its package URL without a version: `pkg:maven/org.apache.logging.log4j/log4j-core`.
        purl "purl" Required: Text,
        /// The versions, as comparators that all hold: `>=2.0, <2.17.1`. Compared by the rules of the package's ecosystem. Default: all.
        versions "versions" Optional: Text,
    }
}

choice! {
    /// `unknown`, `missing`, `incomparable`.
    enum LenienceWord { Deny "deny", Warn "warn", Allow "allow", }
}

mapping! {
    /// What is stated of how many components, and of the document.
    struct FieldsSpec later [] {
        /// The minimum elements that an authority names; with `minCoverage`.
        preset "preset" Optional: Spanned<PresetWord>,
        /// Of how many components the preset's elements are stated.
        min_coverage "minCoverage" Optional: Spanned<Percent>,
        /// Names of components.
        name "name" Optional: CoverageSpec,
        /// Versions of components.
        version "version" Optional: CoverageSpec,
        /// Suppliers of components.
        supplier "supplier" Optional: CoverageSpec,
        /// Package URLs, CPEs or other ids of components.
        unique_id "uniqueId" Optional: CoverageSpec,
        /// Checksums of components.
        hashes "hashes" Optional: CoverageSpec,
        /// Licences of components, whichever.
        licenses "licenses" Optional: CoverageSpec,
        /// What the document states of itself.
        document "document" Optional: Items<Spanned<DocumentWord>>,
    }
}

mapping! {
    /// Of how many components something is stated.
    struct CoverageSpec later [] {
        /// So many of a hundred, rounded down: `90%`.
        min_coverage "minCoverage" Required: Spanned<Percent>,
    }
}

choice! {
    /// `preset`.
    enum PresetWord { Ntia2021 "ntia-2021", Cisa2025 "cisa-2025", }
}

choice! {
    /// `document`.
    enum DocumentWord { Author "author", Timestamp "timestamp", Generator "generator", Relationships "relationships", Identity "identity", Phase "phase", }
}
