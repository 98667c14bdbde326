//! The certificate chain of a Fulcio instance or a timestamp authority, whose static part is verified once, when the root is read.

use der::asn1::ObjectIdentifier;

use crate::UnixTime;
use crate::x509::{Cert, Constraints};

/// A closed interval of time; `None` is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: UnixTime,
    pub(crate) end: Option<UnixTime>,
}

impl Window {
    /// start ≤ `time` ≤ end.
    pub(crate) fn contains(&self, time: UnixTime) -> bool {
        self.start <= time && self.end.is_none_or(|end| time <= end)
    }
}

/// Certificate authorities, issuing one first, root last. Signatures, CA flags, path lengths, KeyUsage, extended key
/// usage, critical extensions and the authorities' own names are checked here once; validity is checked at each proven time.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    certs: Vec<Cert>,
    /// The name constraints of all of them: each holds for the leaf.
    constraints: Vec<Constraints>,
}

impl Authorities {
    pub(crate) fn new(certs: Vec<Cert>, usage: ObjectIdentifier) -> Result<Self, String> {
        let mut constraints = Vec::new();
        for (depth, cert) in certs.iter().enumerate() {
            let named = |why: String| format!("certificate authority `{}`: {why}", cert.subject());
            cert.check_authority(depth, usage).map_err(named)?;
            if let Some(issuer) = certs.get(depth + 1)
                && !cert.issued_by(issuer)
            {
                return Err(named(
                    "the next certificate of the chain did not issue it".into(),
                ));
            }
            if let Some(own) = cert.name_constraints().map_err(named)? {
                for below in certs.iter().take(depth) {
                    own.allow(below).map_err(named)?;
                }
                constraints.push(own);
            }
        }
        if certs.is_empty() {
            return Err("the chain has no certificate authority".to_owned());
        }
        Ok(Self { certs, constraints })
    }

    /// The authority that issues leaves.
    pub(crate) fn issuing(&self) -> Option<&Cert> {
        self.certs.first()
    }

    /// Step 12: the leaf's names are within the constraints of every authority.
    pub(crate) fn allow_names(&self, leaf: &Cert) -> Result<(), String> {
        self.constraints
            .iter()
            .try_for_each(|constraints| constraints.allow(leaf))
    }

    /// Step 12: every authority, the root too, is valid at `time`.
    pub(crate) fn check_validity(&self, time: UnixTime) -> Result<(), String> {
        match self.certs.iter().find(|cert| !cert.valid_at(time)) {
            Some(cert) => Err(format!(
                "`{}` is valid from {}, not at {time}",
                cert.subject(),
                cert.validity()
            )),
            None => Ok(()),
        }
    }
}
