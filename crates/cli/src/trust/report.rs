//! Trust roots as text and as JSON.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use countersign::{TrustState, TufRole};
use countersign_core::{RootOrigin, RootPart, RootPartKind, TrustRoot, UnixTime};
use serde::Serialize;

use crate::escape::escaped;

const NAME: Style = Style::new().bold();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();

/// What `--format json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrustReport {
    api_version: &'static str,
    roots: Vec<RootReport>,
}

/// One trust root.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RootReport {
    name: String,
    /// `built-in`, `file`, `inline` or `tuf`.
    source: &'static str,
    /// The file or address.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    fingerprint: String,
    parts: Vec<PartReport>,
    /// Entries that are not supported, and why.
    skipped: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuf: Option<TufReport>,
}

#[derive(Serialize)]
struct PartReport {
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    operator: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
}

/// What a TUF repository gave last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TufReport {
    url: String,
    refreshed: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    serves_until: Option<String>,
    roles: Vec<RoleReport>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct RoleReport {
    role: &'static str,
    version: u64,
    expires: String,
}

impl TrustReport {
    pub(super) const fn new(roots: Vec<RootReport>) -> Self {
        Self {
            api_version: "countersign.dev/trust/v1alpha1",
            roots,
        }
    }

    /// Everything, for people.
    pub(super) fn text(&self) -> String {
        let roots: Vec<String> = self.roots.iter().map(RootReport::text).collect();
        roots.join("\n")
    }

    /// How many of each kind, and what was skipped.
    pub(super) fn counted(&self) -> String {
        let mut text = String::new();
        for root in &self.roots {
            let count = |kind: RootPartKind| {
                let own = root.parts.iter().filter(|it| it.kind == kind.as_str());
                format!("{} {}", own.count(), title(kind).to_lowercase())
            };
            let location = root.location.as_deref().unwrap_or(&root.name);
            let counts = KINDS.map(count).join(", ");
            line(
                &mut text,
                0,
                &format!("{}: sound; {counts}", safe(location)),
            );
            line(&mut text, 2, &root.fingerprint);
            root.skipped_text(&mut text);
        }
        text
    }
}

const KINDS: [RootPartKind; 4] = [
    RootPartKind::CertificateAuthority,
    RootPartKind::CtLog,
    RootPartKind::Log,
    RootPartKind::TimestampAuthority,
];

const fn title(kind: RootPartKind) -> &'static str {
    match kind {
        RootPartKind::CertificateAuthority => "Certificate authorities",
        RootPartKind::CtLog => "Certificate-transparency logs",
        RootPartKind::Log => "Transparency logs",
        RootPartKind::TimestampAuthority => "Timestamp authorities",
        _ => "Others",
    }
}

impl RootReport {
    pub(super) fn new(
        root: &TrustRoot,
        source: &'static str,
        location: Option<String>,
        tuf: Option<TufReport>,
    ) -> Self {
        Self {
            name: root.name().name.clone(),
            source,
            location,
            fingerprint: root.name().fingerprint.to_string(),
            parts: root.parts().into_iter().map(PartReport::from).collect(),
            skipped: root.warnings().to_vec(),
            tuf,
        }
    }

    /// One of a policy set.
    pub(super) fn of(root: &TrustRoot, origin: &RootOrigin, tuf: Option<TufReport>) -> Self {
        let (source, location) = match origin {
            RootOrigin::BuiltIn => ("built-in", None),
            RootOrigin::File(file) => ("file", Some(file.clone())),
            RootOrigin::Tuf { url, .. } => ("tuf", Some(url.clone())),
            RootOrigin::HandedOver => ("handed-over", None),
            _ => ("inline", None),
        };
        Self::new(root, source, location, tuf)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let from = self
            .location
            .as_deref()
            .map_or_else(String::new, |it| format!(" {}", safe(it)));
        line(
            &mut text,
            0,
            &format!("{NAME}{}{NAME:#} ({}{from})", safe(&self.name), self.source),
        );
        line(&mut text, 2, &self.fingerprint);
        for kind in KINDS {
            let own: Vec<&PartReport> = self
                .parts
                .iter()
                .filter(|it| it.kind == kind.as_str())
                .collect();
            line(&mut text, 2, &format!("{}: {}", title(kind), own.len()));
            for part in own {
                let until = part
                    .end
                    .as_ref()
                    .map_or_else(String::new, |end| format!(" to {end}"));
                let url = if part.url.is_empty() {
                    String::new()
                } else {
                    format!(", {}", safe(&part.url))
                };
                line(&mut text, 4, &format!("{}{url}", safe(&part.name)));
                if !part.operator.is_empty() {
                    line(&mut text, 6, &format!("run by {}", safe(&part.operator)));
                }
                line(&mut text, 6, &format!("from {}{until}", part.start));
                if let Some(id) = &part.id {
                    line(&mut text, 6, id);
                }
            }
        }
        self.skipped_text(&mut text);
        if let Some(tuf) = &self.tuf {
            tuf.write(&mut text, 2);
        }
        text
    }

    fn skipped_text(&self, text: &mut String) {
        for skipped in &self.skipped {
            warn(text, 2, skipped);
        }
    }
}

impl From<RootPart> for PartReport {
    fn from(part: RootPart) -> Self {
        Self {
            kind: part.kind.as_str(),
            name: part.name,
            operator: part.operator,
            url: part.url,
            id: part.id.map(|id| id.to_string()),
            start: part.start.to_string(),
            end: part.end.map(|end| end.to_string()),
        }
    }
}

impl TufReport {
    pub(super) fn new(state: &TrustState, serves_until: Option<UnixTime>, now: UnixTime) -> Self {
        let gone = serves_until.filter(|until| *until < now);
        let mut warnings = Vec::from_iter(gone.map(|_| "it no longer serves".to_owned()));
        warnings.extend(state.warnings(now));
        let role = |role: TufRole| state.roles.iter().find(|it| it.role == role);
        let roles = [
            TufRole::Root,
            TufRole::Timestamp,
            TufRole::Snapshot,
            TufRole::Targets,
        ];
        Self {
            url: state.url.clone(),
            refreshed: state.refreshed.to_string(),
            expires: state.expires().to_string(),
            serves_until: serves_until.map(|until| until.to_string()),
            roles: roles
                .into_iter()
                .filter_map(role)
                .map(|it| RoleReport {
                    role: it.role.as_str(),
                    version: it.version,
                    expires: it.expires.to_string(),
                })
                .collect(),
            warnings,
        }
    }

    /// The lines of one repository's state.
    pub(super) fn write(&self, text: &mut String, indent: usize) {
        line(text, indent, &format!("TUF, refreshed {}", self.refreshed));
        for role in &self.roles {
            let RoleReport {
                role,
                version,
                expires,
            } = role;
            line(
                text,
                indent + 2,
                &format!("{role} {version}, expires {expires}"),
            );
        }
        if let Some(until) = &self.serves_until {
            line(
                text,
                indent + 2,
                &format!("serves until {until} without a refresh"),
            );
        }
        for warning in &self.warnings {
            warn(text, indent + 2, warning);
        }
    }
}

pub(super) fn line(text: &mut String, indent: usize, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:indent$}{content}", "");
}

fn warn(text: &mut String, indent: usize, warning: &str) {
    line(
        text,
        indent,
        &format!("{DOUBTFUL}warning:{DOUBTFUL:#} {}", safe(warning)),
    );
}

pub(super) fn safe(text: &str) -> String {
    escaped(text, 300)
}
