//! The rule `provenance`, and `kind: Builder`, as they are written.

use super::{FromSpec, MatchWord, SubjectWord};
use crate::policy::notes::Spanned;
use crate::policy::scalar::{Duration, Name};
use crate::policy::shape::{Flag, Items, Number, OneOf, Table, Text, choice, mapping};

mapping! {
    /// SLSA provenance v0.2 or v1: built where, from which source, by which workflow, with which parameters.
    struct ProvenanceSpec later ["minAge"] {
        /// By whom it is attested.
        from "from" Required: FromSpec,
        /// The Builders of which it may be any: documents of kind Builder, and those that are built in. Default: whoever `from` signs for, at level 1.
        builders "builders" Optional: Items<Spanned<Name>>,
        /// The SLSA build level for which signer and builder together must be trusted. Default: 1.
        min_level "minLevel" Optional: Number,
        /// From which source.
        source "source" Optional: ProvenanceSourceSpec,
        /// Paths of the workflow's file in the source repository, of which it may be any: `.github/workflows/release.yml`.
        workflow "workflow" Optional: OneOf,
        /// External parameters beyond source and workflow. Default: none may be there.
        parameters "parameters" Optional: ParametersSpec,
        /// What must have gone into the build, such as a base image.
        dependencies "dependencies" Optional: Items<DependencySpec>,
        /// Build types that count although countersign does not know them: of these only what SLSA itself defines is compared.
        build_types "buildTypes" Optional: Items<Text>,
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

mapping! {
    /// The source that was built: what the provenance states, or, where it does not, the certificate.
    struct ProvenanceSourceSpec later [] {
        /// The repository: `acme/app` on GitHub, or with its host. Compared as what it means, not as text.
        repository "repository" Optional: OneOf,
        /// The repository's number, which survives renaming.
        repository_id "repositoryId" Optional: OneOf,
        /// The owner's number, which survives renaming.
        owner_id "ownerId" Optional: OneOf,
        /// Whole refs, of which it may be any: `refs/heads/main`, `refs/tags/v*`; `*` stays within one path element, `**` crosses.
        refs "refs" Optional: Items<Text>,
        /// Versions of the tag, as semantic version requirements: `>=1.2, <2`. The ref must be a tag with a version, with `v` before it or not.
        tags "tags" Optional: Text,
        /// The commit, in full.
        commit "commit" Optional: OneOf,
        /// Events that may have started the build. Default: any but those of pull requests (`pull_request`, `pull_request_target`, `pull_request_review`, `pull_request_review_comment`).
        events "events" Optional: Items<Text>,
        /// Where it ran: `github-hosted` or `self-hosted` on GitHub.
        runner "runner" Optional: OneOf,
    }
}

mapping! {
    /// External parameters of the build.
    struct ParametersSpec later [] {
        /// Parameters that must be there, each with the values of which it must have one. Nested ones have a dot: `inputs.debug`.
        values "values" Optional: Table<Items<Text>>,
        /// What parameters mean that are not listed. Default: deny.
        others "others" Optional: Spanned<OthersWord>,
    }
}

choice! {
    /// `others`.
    enum OthersWord { Deny "deny", Unsafe "allow-unsafe", }
}

mapping! {
    /// One thing that went into the build (`resolvedDependencies`, or `materials` of v0.2).
    struct DependencySpec later [] {
        /// Its URI, compared exactly.
        uri "uri" Optional: Text,
        /// Its digest, as ALGORITHM:HEX.
        digest "digest" Optional: Text,
    }
}

mapping! {
    /// Somebody who builds, and for which SLSA build level the pair of a signer and this builder is trusted.
    struct BuilderSpec later [] {
        /// Which `builder.id` it has.
        id "id" Required: BuilderIdSpec,
        /// The build types that it has. Default: any.
        build_types "buildTypes" Optional: Items<Text>,
        /// Who may speak for it.
        signers "signers" Optional: Items<Spanned<Name>>,
        /// `builder`: whoever has the builder's id as certificate identity, in place of `signers`.
        identity "identity" Optional: Spanned<IdentityWord>,
        /// The SLSA build level, 0 to 3. Default: 1.
        level "level" Optional: Number,
    }
}

mapping! {
    /// Which `builder.id`; exactly one of the fields.
    struct BuilderIdSpec later [] {
        /// The whole id.
        exact "exact" Optional: Text,
        /// A GitHub Actions workflow at certain refs.
        workflow "workflow" Optional: super::WorkflowSpec,
        /// The workflow that signed: `caller` where it is the one at the top, `reusable` where another one called it.
        of_signer "ofSigner" Optional: Spanned<OfSignerWord>,
    }
}

choice! {
    /// `ofSigner`.
    enum OfSignerWord { Caller "caller", Reusable "reusable", }
}

choice! {
    /// `identity`.
    enum IdentityWord { Builder "builder", }
}
