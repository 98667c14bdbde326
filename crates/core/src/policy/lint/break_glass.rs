//! Break-glass that may fail when it is needed, or that stays open for longer than an emergency lasts.

use super::Lint;
use crate::ReasonCode;
use crate::policy::break_glass::BreakGlass;
use crate::policy::signer::{Maker, Signer, TimeDemand};

/// A night and the day after it: who needs longer has time to change the policy.
const LONGEST: i64 = 86_400;

impl Lint {
    pub(super) fn break_glass(&mut self, one: &BreakGlass) {
        let name = &one.name;
        if one.max_duration > LONGEST {
            let message =
                format!("the BreakGlass `{name}` lets a statement hold for more than 24 hours");
            self.warn(ReasonCode::LongBreakGlass, &one.place, message);
        }
        for signer in &one.demand.from.signers {
            if let Some(service) = needed(signer) {
                let message = format!(
                    "the Signer `{}` cannot approve the BreakGlass `{name}` while {service} down",
                    signer.name
                );
                self.warn(ReasonCode::DependentBreakGlass, &one.place, message);
            }
        }
    }
}

/// What has to be up when the Signer signs: just what may be down in an emergency.
fn needed(signer: &Signer) -> Option<&'static str> {
    match (&signer.maker, signer.time) {
        (Maker::Keyless(_), _) => Some("its OIDC issuer or Fulcio is"),
        (Maker::Keys(_), _) if signer.logs > 0 => Some("its transparency log is"),
        (Maker::Keys(_), TimeDemand::None) if signer.timestamps == 0 => None,
        (Maker::Keys(_), _) => Some("its log or timestamp authority is"),
    }
}
