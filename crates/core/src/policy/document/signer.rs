//! `kind: Signer`, as it is written.

use super::SctWord;
use crate::policy::notes::Spanned;
use crate::policy::scalar::{Begin, End, Name};
use crate::policy::shape::{Items, Number, OneOf, Text, choice, mapping};

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
        /// By how many different operators logs must hold the signature; several logs of one operator count once. Default: 1 where a log is required.
        log_operators "logOperators" Optional: Number,
        /// Which proven times count: a log's signed entry timestamp, an RFC 3161 timestamp, either (default), or none (keys only).
        time "time" Optional: Spanned<TimeWord>,
        /// By how many different operators RFC 3161 timestamps must be; several of one operator count once. Default: what `time` says.
        timestamp_operators "timestampOperators" Optional: Number,
        /// Whether a certificate needs a proof of certificate transparency. `none` only where the trust root lists no CT log. Default: the TrustRoot's word.
        sct "sct" Optional: Spanned<SctWord>,
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
        /// The `sub` of the OIDC token, compared exactly: where Fulcio makes the subject of something else.
        token_subject "tokenSubject" Optional: OneOf,
        /// What the CI provider must have stated about the source and the run (Fulcio's extensions).
        source "source" Optional: SourceSpec,
        /// What the CI provider must have stated about the build's instructions (Fulcio's extensions).
        build "build" Optional: BuildSpec,
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
    /// What the CI provider must have stated about the source and the run; a claim that the certificate lacks matches nothing.
    struct SourceSpec later [] {
        /// The repository that was built: `acme/app` on GitHub, or with its host.
        repository "repository" Optional: OneOf,
        /// The repository's number, which survives renaming.
        repository_id "repositoryId" Optional: OneOf,
        /// The repository's owner: `acme` on GitHub, or with its host.
        owner "owner" Optional: OneOf,
        /// The owner's number, which survives renaming.
        owner_id "ownerId" Optional: OneOf,
        /// Refs that were built; `*` stays within one path element, `**` crosses.
        refs "refs" Optional: Items<Text>,
        /// The commit that was built, in full: hexadecimal, `sha1:…` or `sha256:…`.
        commit "commit" Optional: OneOf,
        /// Who could see the repository when it was signed: `public`, `private` or `internal` on GitHub and GitLab.
        visibility "visibility" Optional: OneOf,
        /// Events that started the run, such as `push`.
        events "events" Optional: Items<Text>,
        /// Where it ran: `github-hosted` or `self-hosted` on GitHub.
        runner "runner" Optional: OneOf,
        /// The deployment environment.
        environment "environment" Optional: OneOf,
    }
}

mapping! {
    /// What the CI provider must have stated about the build's instructions; a claim that the certificate lacks matches nothing.
    struct BuildSpec later [] {
        /// The instructions that signed, such as a reusable workflow: a URI, in which only the ref behind `@` takes `*` and `**`.
        signer_uri "signerUri" Optional: OneOf,
        /// The version of these instructions, in full: hexadecimal, `sha1:…` or `sha256:…`.
        signer_digest "signerDigest" Optional: OneOf,
        /// The instructions at the top, such as the workflow that calls: a URI, in which only the ref behind `@` takes `*` and `**`.
        config_uri "configUri" Optional: OneOf,
        /// The version of these instructions, in full: hexadecimal, `sha1:…` or `sha256:…`.
        config_digest "configDigest" Optional: OneOf,
        /// The run: a URI, in which `*` and `**` stand behind the host and the first path element only.
        run_invocation_uri "runInvocationUri" Optional: OneOf,
        /// The name that a GitHub workflow gives itself; it proves little.
        workflow_name "workflowName" Optional: OneOf,
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
