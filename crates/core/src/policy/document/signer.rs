//! `kind: Signer`, as it is written.

use crate::policy::notes::Spanned;
use crate::policy::scalar::{Begin, End, Name};
use crate::policy::shape::{Items, Text, choice, mapping};

mapping! {
    /// Somebody whose signatures can count: an identity that an OIDC issuer vouches for, or keys.
    struct SignerSpec later [] {
        /// The one TrustRoot that vouches for certificates, logs and times; `public-good` is built in.
        trust "trust" Optional: Spanned<Name>,
        /// A short-lived certificate for an OIDC identity.
        keyless "keyless" Optional: KeylessSpec,
        /// Public keys; several for a staged rotation.
        keys "keys" Optional: Items<KeySpec>,
        /// Whether a transparency log must hold the signature. Default: required where the trust root lists a log.
        log "log" Optional: Spanned<LogWord>,
        /// Which proven times count: a log's signed entry timestamp, an RFC 3161 timestamp, either (default), or none (keys only).
        time "time" Optional: Spanned<TimeWord>,
        /// In which formats signatures count. Default: both.
        formats "formats" Optional: Items<Spanned<FormatWord>>,
        /// Which versions of Sigstore bundles count. Default: v0.3.
        bundle_versions "bundleVersions" Optional: Items<Spanned<BundleWord>>,
    }
}

choice! {
    /// `log`.
    enum LogWord { Required "required", Off "off", }
}

choice! {
    /// `time`.
    enum TimeWord { Log "log", Timestamp "timestamp", Either "either", None "none", }
}

choice! {
    /// `formats`.
    enum FormatWord { Bundle "bundle", Legacy "legacy", }
}

choice! {
    /// `bundleVersions`.
    enum BundleWord { V01 "v0.1", V02 "v0.2", V03 "v0.3", }
}

mapping! {
    /// An identity that an OIDC issuer vouches for.
    struct KeylessSpec later [] {
        /// The OIDC issuer, compared exactly.
        issuer "issuer" Required: Text,
        /// The certificate's subject alternative name.
        subject "subject" Required: SubjectSpec,
        /// What the CI provider must have stated (Fulcio's extensions).
        source "source" Optional: SourceSpec,
        /// `unsafe`: a workflow counts whoever called it.
        any_caller "anyCaller" Optional: Spanned<AnyCallerWord>,
    }
}

choice! {
    /// `anyCaller`.
    enum AnyCallerWord { Unsafe "unsafe", }
}

mapping! {
    /// The certificate's subject alternative name; exactly one of the fields.
    struct SubjectSpec later [] {
        /// The whole value, of any kind.
        exact "exact" Optional: Text,
        /// A whole e-mail address.
        email "email" Optional: Text,
        /// A whole URI.
        uri "uri" Optional: Text,
        /// A regular expression, anchored at both ends.
        regex "regex" Optional: Text,
        /// A GitHub Actions workflow.
        workflow "workflow" Optional: WorkflowSpec,
    }
}

mapping! {
    /// A GitHub Actions workflow, called from anywhere.
    struct WorkflowSpec later [] {
        /// `OWNER/REPOSITORY/.github/workflows/FILE`, compared exactly.
        path "path" Required: Text,
        /// Refs of the workflow's file; `*` stays within one path element, `**` crosses.
        refs "refs" Required: Items<Text>,
    }
}

mapping! {
    /// What the CI provider must have stated; a claim that the certificate lacks matches nothing.
    struct SourceSpec later [] {
        /// The repository that was built: `acme/app` on GitHub, or with its host.
        repository "repository" Optional: Text,
        /// The repository's number, which survives renaming.
        repository_id "repositoryId" Optional: Text,
        /// The owner's number.
        owner_id "ownerId" Optional: Text,
        /// Refs that were built; `*` stays within one path element, `**` crosses.
        refs "refs" Optional: Items<Text>,
        /// Events that started the run, such as `push`.
        events "events" Optional: Items<Text>,
        /// `github-hosted` or `self-hosted`.
        runner "runner" Optional: Text,
        /// The deployment environment.
        environment "environment" Optional: Text,
    }
}

mapping! {
    /// One public key, as `pem` or as `file`.
    struct KeySpec later [] {
        /// What the key is called.
        id "id" Required: Spanned<Name>,
        /// One PEM block `PUBLIC KEY`.
        pem "pem" Optional: Text,
        /// A file with one PEM block, relative to the policy file and inside its folder.
        file "file" Optional: Text,
        /// Signatures proven to be older do not count. A date begins at 00:00 UTC.
        valid_from "validFrom" Optional: Spanned<Begin>,
        /// Signatures proven to be younger do not count. A date ends at 24:00 UTC.
        valid_until "validUntil" Optional: Spanned<End>,
    }
}
