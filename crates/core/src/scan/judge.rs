//! What the rule `vulnerabilities` demands, held against one scan and the VEX beside it.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::{Finding, Fix, Scan, ScanError, Severity};
use crate::compared::{Compared, made};
use crate::known::Known;
use crate::policy::authorize::{Author, Mismatch};
use crate::policy::glob::Glob;
use crate::policy::{From, Revocations};
use crate::vex::{self, Verdicts};
use crate::{Claim, Digest, Findings, ReasonCode, UnixTime, Verified};

/// Findings and subtractions that an explanation names one by one.
const MOST_TOLD: usize = 10;

/// `vulnerabilities: {…}`.
#[derive(Debug, Clone)]
pub(crate) struct VulnerabilityDemand {
    /// The least severity that counts.
    pub(crate) deny_from: Severity,
    /// Whether findings without a rating pass.
    pub(crate) allow_unknown: bool,
    pub(crate) ignore_unfixed: bool,
    /// For how many seconds after its publication a vulnerability does not count.
    pub(crate) leeway: Vec<Leeway>,
    /// Seconds from the database's last update to the proven time of the scan.
    pub(crate) max_database_age: Option<i64>,
    /// Any of them; none: whatever scanner.
    pub(crate) scanners: Vec<ScannerDemand>,
    /// Whether a result that no reader knows passes with a warning.
    pub(crate) warn_unsupported: bool,
    pub(crate) vex: Option<VexDemand>,
    /// What was read before.
    pub(crate) known: Known<Result<Scan, ScanError>>,
}

/// `leeway` of one severity, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leeway {
    pub(crate) severity: Severity,
    pub(crate) seconds: i64,
}

/// Which `scanner.uri`.
#[derive(Debug, Clone)]
pub(crate) enum ScannerDemand {
    Exact(String),
    Glob(Glob),
}

impl ScannerDemand {
    fn fits(&self, uri: &str) -> bool {
        match self {
            Self::Exact(own) => own == uri,
            Self::Glob(glob) => glob.matches(uri),
        }
    }

    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Exact(own) => own,
            Self::Glob(glob) => glob.as_str(),
        }
    }
}

/// `vex`: whose word subtracts findings.
#[derive(Debug, Clone)]
pub(crate) struct VexDemand {
    pub(crate) from: From,
    /// Seconds.
    pub(crate) max_age: Option<i64>,
}

/// What is known beside the scan.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub(crate) now: UnixTime,
    pub(crate) revocations: &'a Revocations,
    pub(crate) findings: &'a Findings,
    /// What the VEX among the findings says, once it was asked for: it is read for a rule and a subject, not for each scan.
    pub(crate) vex: &'a OnceCell<Verdicts>,
}

impl VulnerabilityDemand {
    /// Holds one statement against the rule; its signer is right.
    pub(crate) fn compare(
        &self,
        one: &Verified<Claim>,
        beside: Beside<'_>,
        compared: &mut Compared,
    ) {
        let Claim::Statement(statement) = one.claim() else {
            return;
        };
        let payload = &statement.payload;
        let read = self.known.of(payload, payload.len(), || {
            Scan::read(statement.predicate_json())
        });
        let scan = match &*read {
            Ok(scan) => scan,
            Err(error) => return self.unreadable(error, compared),
        };
        self.scanner(scan, compared);
        self.database(scan, one.facts().signed_at(), compared);
        self.findings(&scan.findings, beside, compared);
    }

    /// The VEX that had a say in what came of the scans, each with the Signer for whom it counts; none where no finding needed it.
    pub(crate) fn heard<'f>(&self, beside: Beside<'f>) -> Vec<(&'f Verified<Claim>, &str)> {
        let vex = self.vex.as_ref().filter(|_| beside.vex.get().is_some());
        let heard = vex.into_iter().flat_map(|vex| {
            let documents = vex.documents(beside).into_iter();
            let named = |signer: usize| vex.from.signers.get(signer).map(|it| it.name.as_str());
            documents.filter_map(move |(one, signer, _)| Some((one, named(signer)?)))
        });
        heard.collect()
    }

    fn unreadable(&self, error: &ScanError, compared: &mut Compared) {
        let (code, found) = match error.clone() {
            ScanError::Malformed(why) => (ReasonCode::ScanMalformed, why),
            ScanError::Empty(why) => (ReasonCode::ScanEmpty, why),
            ScanError::Unsupported(what) => (ReasonCode::UnsupportedFormat, what),
        };
        if code == ReasonCode::UnsupportedFormat && self.warn_unsupported {
            compared.warn(code, format!("{} It is {found}.", code.message()));
            let wanted = "anything (unsupported: warn)";
            return compared.that("unsupported", wanted, found, true, code);
        }
        let wanted = "a scan with a result of Trivy or Grype, or in-toto's list".to_owned();
        compared.fail(
            "predicate",
            Mismatch {
                code,
                found,
                wanted,
            },
        );
    }

    fn scanner(&self, scan: &Scan, compared: &mut Compared) {
        if self.scanners.is_empty() {
            return;
        }
        let found = scan.scanner.as_deref();
        let fits = found.is_some_and(|uri| self.scanners.iter().any(|it| it.fits(uri)));
        let wanted = || self.scanners.iter().map(ScannerDemand::as_str);
        compared.that(
            "scanners",
            made(|| wanted().collect::<Vec<_>>().join(" or ")),
            found.unwrap_or("no scanner.uri"),
            fits,
            ReasonCode::ScannerMismatch,
        );
    }

    /// The scan says how fresh its database was, and the proven time says when that was so: a database that is younger than its
    /// scan is none.
    fn database(&self, scan: &Scan, at: Option<UnixTime>, compared: &mut Compared) {
        let Some(max_age) = self.max_database_age else {
            return;
        };
        let Some(at) = at else {
            let wanted = "a proven time (maxDatabaseAge)";
            let code = ReasonCode::TimeMissing;
            return compared.that("time", wanted, "no proven time", false, code);
        };
        let oldest = at.plus(max_age.saturating_neg());
        let fits = scan.database.is_some_and(|it| (oldest..=at).contains(&it));
        let found = made(|| match scan.database {
            Some(updated) => format!("updated at {updated}"),
            None => "no scanner.db.lastUpdate".to_owned(),
        });
        compared.that(
            "maxDatabaseAge",
            format_args!("a database updated between {oldest} and the scan at {at}"),
            found,
            fits,
            ReasonCode::DatabaseTooOld,
        );
    }

    fn findings(&self, findings: &[Finding], beside: Beside<'_>, compared: &mut Compared) {
        let mut tally = Tally::default();
        for finding in findings {
            if self.passes(finding, beside.now, &mut tally) {
                continue;
            }
            let Some(vex) = &self.vex else {
                tally.bad(finding, None);
                continue;
            };
            let verdicts = beside.vex.get_or_init(|| vex.verdicts(beside));
            match verdicts.on(&finding.names(), finding.purl.as_deref()) {
                Some(Ok(how)) => tally.subtracted(finding, &how),
                Some(Err(why)) => tally.bad(finding, Some(why)),
                None => tally.bad(finding, None),
            }
        }
        if let (Some(vex), Some(verdicts)) = (&self.vex, beside.vex.get()) {
            vex.tell(verdicts, &tally, compared);
        }
        let unknown = if self.allow_unknown {
            ""
        } else {
            " or without a rating"
        };
        let code = tally.code();
        compared.that(
            "denyFrom",
            format_args!("no finding {} or above{unknown}", self.deny_from),
            made(|| tally.told(findings.len())),
            tally.bad == 0,
            code,
        );
    }

    /// Whether a finding needs no VEX to be let pass.
    fn passes(&self, finding: &Finding, now: UnixTime, tally: &mut Tally) -> bool {
        let counts = match finding.severity {
            None => !self.allow_unknown,
            Some(severity) => severity >= self.deny_from,
        };
        if !counts {
            tally.below += 1;
            return true;
        }
        if self.ignore_unfixed && finding.fix == Fix::None {
            tally.unfixed += 1;
            return true;
        }
        if self.in_leeway(finding, now) {
            tally.young += 1;
            return true;
        }
        false
    }

    /// Leeway counts from the publication that the scan tells; where it tells none, or one to come, there is none.
    fn in_leeway(&self, finding: &Finding, now: UnixTime) -> bool {
        let is_own = |it: &&Leeway| Some(it.severity) == finding.severity;
        let (Some(leeway), Some(published)) = (self.leeway.iter().find(is_own), finding.published)
        else {
            return false;
        };
        published <= now && now <= published.plus(leeway.seconds)
    }
}

impl VexDemand {
    /// Every document about the same image that one of the Signers signed, at a proven time that is young enough.
    fn verdicts(&self, beside: Beside<'_>) -> Verdicts {
        let image: &Digest = beside.findings.image();
        let documents = self.documents(beside).into_iter();
        let documents = documents.filter_map(|(one, signer, at)| {
            let Claim::Statement(statement) = one.claim() else {
                return None;
            };
            Some(vex::Document {
                signer,
                author: Author::of(one.facts()),
                at,
                predicate_type: &statement.predicate_type,
                json: statement.predicate_json(),
            })
        });
        Verdicts::of(*image, self.from.threshold, documents)
    }

    /// The same, as what was verified, each with the Signer (by its place in `from`) for whom it counts and its proven time.
    fn documents<'f>(&self, beside: Beside<'f>) -> Vec<(&'f Verified<Claim>, usize, UnixTime)> {
        let image: &Digest = beside.findings.image();
        let mut documents = Vec::new();
        for one in beside.findings.verified() {
            let is_vex = one.claim().predicate_type().is_some_and(vex::is_vex);
            if one.facts().image() != image || !is_vex {
                continue;
            }
            let Some(at) = one.facts().signed_at() else {
                continue;
            };
            let is_old = |age: i64| at.plus(age) < beside.now;
            if self.max_age.is_some_and(is_old) {
                continue;
            }
            for (signer, demand) in self.from.signers.iter().enumerate() {
                let mut own = Compared::default();
                beside.revocations.compare(one, demand, &mut own);
                demand.compare(one.facts(), beside.now, &mut own);
                if own.holds() {
                    documents.push((one, signer, at));
                }
            }
        }
        documents
    }

    fn tell(&self, verdicts: &Verdicts, tally: &Tally, compared: &mut Compared) {
        let names: Vec<&str> = self
            .from
            .signers
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let by = names.join(", ");
        for subtracted in &tally.subtractions {
            let wanted = format!("VEX signed by {by}");
            compared.that("vex", wanted, subtracted, true, ReasonCode::VexMalformed);
        }
        for why in verdicts.unread().take(MOST_TOLD) {
            let wanted = "a readable VEX document (one that is not outweighs all older ones)";
            let found = format!("unreadable, it subtracts nothing: {why}");
            compared.that("vex", wanted, &found, true, ReasonCode::VexMalformed);
            compared.warn(
                ReasonCode::VexMalformed,
                format!("{} {why}", ReasonCode::VexMalformed.message()),
            );
        }
    }
}

/// What became of the findings.
#[derive(Default)]
struct Tally {
    below: usize,
    unfixed: usize,
    young: usize,
    subtracted: usize,
    bad: usize,
    /// Whether one of the bad is rated.
    rated: bool,
    subtractions: Vec<String>,
    /// The worst first, and at most some of each severity.
    worst: BTreeMap<std::cmp::Reverse<Option<Severity>>, Vec<String>>,
}

impl Tally {
    fn subtracted(&mut self, finding: &Finding, how: &str) {
        self.subtracted += 1;
        if self.subtractions.len() < MOST_TOLD {
            self.subtractions
                .push(format!("{} subtracted: {how}", name(finding)));
        }
    }

    fn bad(&mut self, finding: &Finding, vex: Option<String>) {
        self.bad += 1;
        self.rated |= finding.severity.is_some();
        let key = std::cmp::Reverse(finding.severity);
        let told = self.worst.entry(key).or_default();
        if told.len() < MOST_TOLD {
            let fix = match &finding.fix {
                Fix::In(version) => format!(", fixed in {version}"),
                Fix::None => ", not fixed".to_owned(),
                Fix::Untold => String::new(),
            };
            let vex = vex.map(|it| format!(", VEX: {it}")).unwrap_or_default();
            told.push(format!("{}{fix}{vex}", name(finding)));
        }
    }

    /// Where all that counts has no rating, that is the reason.
    const fn code(&self) -> ReasonCode {
        if self.bad > 0 && !self.rated {
            ReasonCode::SeverityUnknown
        } else {
            ReasonCode::VulnerabilityFound
        }
    }

    fn told(&self, all: usize) -> String {
        let parts = [
            (self.below, "below"),
            (self.unfixed, "without a fix"),
            (self.young, "in leeway"),
            (self.subtracted, "subtracted by VEX"),
        ];
        let passed: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let passed = if passed.is_empty() {
            String::new()
        } else {
            format!(" ({})", passed.join(", "))
        };
        let worst: Vec<&str> = self
            .worst
            .values()
            .flatten()
            .take(MOST_TOLD)
            .map(String::as_str)
            .collect();
        match self.bad {
            0 => format!("{all} findings, none of which counts{passed}"),
            bad => format!("{bad} of {all} findings{passed}: {}", worst.join("; ")),
        }
    }
}

/// `CVE-2025-1 high in golang.org/x/net 0.37.0`.
fn name(finding: &Finding) -> String {
    let severity = finding.severity.map_or("unrated", Severity::as_str);
    let package = match (finding.package.as_str(), &finding.version) {
        ("", _) => String::new(),
        (package, None) => format!(" in {package}"),
        (package, Some(version)) => format!(" in {package} {version}"),
    };
    format!("{} {severity}{package}", finding.id)
}
